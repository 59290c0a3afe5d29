#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/json.h"

namespace millrace::api {

/// What a JSON value, or the parameters of a request, may look like. Written small in the table of
/// routes, it checks what callers send and becomes the schemas of /openapi.json:
///
///   text name texts day instant integer number flag hour sent_hour page limit dataset
///   warehouse object any
///   {a*: name, b: [day], c: text?}   an object; a star: needed; a question mark: may be null
///   {: text}                         an object whose members are all alike
///   daily|api|manual                 one of these texts
///   Source/[Source]                  either
///   Source                           one of `named_shapes`
///
/// `name` is a text that is not empty, `texts` a text or a list of texts, `sent_hour` an hour or a
/// text of one. What is not mentioned is let through; an optional member may be null.
struct Shape {
  enum class Kind { Word, Choice, List, Members, Map, Either, Named };
  struct Member;

  Kind kind = Kind::Word;
  std::string word;                  ///< Of Word and Named.
  std::vector<std::string> choices;  ///< Of Choice.
  std::vector<Shape> of;             ///< Of List and Map one, of Either all.
  std::vector<Member> members;
  bool nullable = false;
};
struct Shape::Member {
  std::string name;
  bool needed = false;
  Shape shape;
};

/// Throws std::logic_error: shapes are ours.
Shape read_shape(std::string_view text);

struct NamedShape {
  std::string_view name, text;
};
std::span<const NamedShape> named_shapes();

/// Throws what becomes a 400 that says which member or parameter is wrong.
void require_shape(const json::Value& value, const Shape& shape);
/// The same of parameters, which all are texts; a list is given as the parameter several times.
void require_parameters(const std::multimap<std::string, std::string>& query, const Shape& shape);

/// As JSON Schema; named shapes are references to `#/components/schemas/`.
json::Value schema_of(const Shape& shape);

}  // namespace millrace::api
