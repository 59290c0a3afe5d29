#include "api/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "api/routes.h"
#include "warehouse/connector.h"

namespace millrace::api {
namespace {

/// Reads the notation from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Shape whole() {
    Shape shape = either();
    if (at_ != text_.size()) fail("something follows");
    return shape;
  }

 private:
  [[noreturn]] void fail(std::string_view why) const {
    throw std::logic_error(fmt::format("shape {}: at {}: {}", text_, at_, why));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char wanted) {
    skip();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    skip();
    return true;
  }
  std::string word() {
    const std::size_t first = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  text_[at_] == '_' || text_[at_] == '-')) {
      ++at_;
    }
    if (at_ == first) fail("a word is missing");
    return std::string(text_.substr(first, at_ - first));
  }

  Shape either() {
    Shape first = base();
    if (!take('/')) return first;
    Shape shape{.kind = Shape::Kind::Either, .of = {std::move(first)}};
    do {
      shape.of.push_back(base());
    } while (take('/'));
    return shape;
  }

  Shape base() {
    skip();
    Shape shape;
    if (take('[')) {
      shape.kind = Shape::Kind::List;
      shape.of.push_back(either());
      if (!take(']')) fail("] is missing");
    } else if (take('{')) {
      shape = object();
    } else {
      shape.word = word();
      if (std::isupper(static_cast<unsigned char>(shape.word.front()))) {
        shape.kind = Shape::Kind::Named;
      }
      while (take('|')) {
        if (shape.choices.empty()) shape.choices.push_back(shape.word);
        shape.kind = Shape::Kind::Choice;
        shape.choices.push_back(word());
      }
    }
    shape.nullable = take('?');
    return shape;
  }

  Shape object() {
    Shape shape{.kind = Shape::Kind::Members};
    if (take(':')) {
      shape.kind = Shape::Kind::Map;
      shape.of.push_back(either());
    } else {
      do {
        Shape::Member& member = shape.members.emplace_back();
        member.name = word();
        member.needed = take('*');
        member.shape = take(':') ? either() : Shape{.word = "text"};
      } while (take(','));
    }
    if (!take('}')) fail("} is missing");
    return shape;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// A word of the notation: what callers are told it is, its schema, and whether a value is one.
struct Word {
  std::string_view name, told, schema;
  bool (*holds)(const json::Value& value);
};

bool is_text(const json::Value& value) { return value.is_string(); }

bool is_integer_from(const json::Value& value, std::int64_t first, std::int64_t last) {
  if (!value.is_number()) return false;
  const auto number = value.get<double>();
  return number >= static_cast<double>(first) && number <= static_cast<double>(last) &&
         number == static_cast<double>(static_cast<std::int64_t>(number));
}

bool is_hour(const json::Value& value) { return is_integer_from(value, 0, 23); }

constexpr std::int64_t kPages = 1'000'000, kItems = 1'000, kAnyInteger = 1LL << 53;

constexpr Word kWords[] = {
    {"text", "a string", R"({"type":"string"})", is_text},
    {"name", "a string", R"({"type":"string","minLength":1})", is_text},
    {"texts", "a string or a list of strings",
     R"({"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]})",
     [](const json::Value& value) {
       return is_text(value) || (value.is_array() && std::ranges::all_of(value, is_text));
     }},
    {"day", "a date such as 2026-11-20", R"({"type":"string","format":"date"})", is_text},
    {"instant", "a time such as 2026-11-20T09:30:00.000Z",
     R"({"type":"string","format":"date-time"})", is_text},
    {"integer", "a whole number", R"({"type":"integer"})",
     [](const json::Value& value) { return is_integer_from(value, -kAnyInteger, kAnyInteger); }},
    {"number", "a number", R"({"type":"number"})",
     [](const json::Value& value) { return value.is_number(); }},
    {"flag", "true or false", R"({"type":"boolean"})",
     [](const json::Value& value) { return value.is_boolean(); }},
    {"hour", "an hour from 0 to 23", R"({"type":"integer","minimum":0,"maximum":23})", is_hour},
    {"sent_hour", "an hour from 0 to 23",
     R"({"anyOf":[{"type":"integer","minimum":0,"maximum":23},{"type":"string","enum":["0","1",)"
     R"("2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17","18","19","20",)"
     R"("21","22","23"]}]})",
     [](const json::Value& value) {
       if (!is_text(value)) return is_hour(value);
       const auto& text = value.get_ref<const std::string&>();
       const json::Value read = json::Value::parse(text, nullptr, false);
       return is_hour(read) && read.dump() == text;
     }},
    {"page", "a number from 1 to 1000000", R"({"type":"integer","minimum":1,"maximum":1000000})",
     [](const json::Value& value) { return is_integer_from(value, 1, kPages); }},
    {"limit", "a number from 1 to 1000", R"({"type":"integer","minimum":1,"maximum":1000})",
     [](const json::Value& value) { return is_integer_from(value, 1, kItems); }},
    {"dataset", "a string",
     R"({"type":"string","enum":["Events","Metrics","Exposures","export_exposures",)"
     R"("entity_properties"]})",
     is_text},
    {"warehouse", "a string", R"({"type":"string"})", is_text},
    {"object", "an object", R"({"type":"object"})",
     [](const json::Value& value) { return value.is_object(); }},
    {"any", "anything", "{}", [](const json::Value&) { return true; }},
};

const Word& word_named(const std::string& name) {
  const auto* const found = std::ranges::find(kWords, name, &Word::name);
  if (found == std::end(kWords)) throw std::logic_error("a shape has no word " + name);
  return *found;
}

const Shape& shape_named(const std::string& name) {
  static const std::map<std::string, Shape, std::less<>> all = [] {
    std::map<std::string, Shape, std::less<>> read;
    for (const NamedShape& one : named_shapes()) read[std::string(one.name)] = read_shape(one.text);
    return read;
  }();
  const auto found = all.find(name);
  if (found == all.end()) throw std::logic_error("there is no shape named " + name);
  return found->second;
}

std::string told(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::Word:
      return std::string(word_named(shape.word).told);
    case Shape::Kind::Choice:
      return fmt::format("{} or {}",
                         fmt::join(shape.choices.begin(), shape.choices.end() - 1, ", "),
                         shape.choices.back());
    case Shape::Kind::List:
      return "a list";
    case Shape::Kind::Members:
    case Shape::Kind::Map:
      return "an object";
    case Shape::Kind::Either:
      return fmt::format("{} or {}", told(shape.of.front()), told(shape.of.back()));
    case Shape::Kind::Named:
      return told(shape_named(shape.word));
  }
  return {};
}

void require(const json::Value& value, const Shape& shape, const std::string& where);

[[noreturn]] void refuse(const Shape& shape, const std::string& where) {
  bad_request(fmt::format("{} must be {}", where, told(shape)));
}

std::string inside(const std::string& where, const std::string& name) {
  return where.empty() ? name : where + "." + name;
}

bool is_missing(const json::Value& value, const Shape& shape) {
  return value.is_null() || (shape.word == "name" && value == "");
}

void require_members(const json::Value& value, const Shape& shape, const std::string& where) {
  for (const Shape::Member& member : shape.members) {
    const auto found = value.find(member.name);
    const std::string inner = inside(where, member.name);
    const bool is_absent = found == value.end() || is_missing(*found, member.shape);
    if (is_absent && member.needed && !(found != value.end() && member.shape.nullable)) {
      bad_request(inner + " is required");
    }
    if (!is_absent) require(*found, member.shape, inner);
  }
}

void require(const json::Value& value, const Shape& shape, const std::string& where) {
  if (value.is_null() && shape.nullable) return;
  switch (shape.kind) {
    case Shape::Kind::Word:
      if (!word_named(shape.word).holds(value)) refuse(shape, where);
      return;
    case Shape::Kind::Choice:
      if (!value.is_string() ||
          std::ranges::find(shape.choices, value.get<std::string>()) == shape.choices.end()) {
        refuse(shape, where);
      }
      return;
    case Shape::Kind::List:
      if (!value.is_array()) refuse(shape, where);
      for (const auto& item : value) require(item, shape.of.front(), where);
      return;
    case Shape::Kind::Map:
      if (!value.is_object()) refuse(shape, where);
      for (const auto& [name, item] : value.items()) {
        require(item, shape.of.front(), inside(where, name));
      }
      return;
    case Shape::Kind::Members:
      if (!value.is_object()) refuse(shape, where);
      require_members(value, shape, where);
      return;
    case Shape::Kind::Named:
      require(value, shape_named(shape.word), where);
      return;
    case Shape::Kind::Either:
      throw std::logic_error("what is sent has one shape: " + where);
  }
}

/// The contract's types, and the kinds that it has no word for.
json::Value warehouse_types() {
  json::Value types{"redshift",      "bigquery-v2", "snowflake-v2", "databricks",
                    "azure-synapse", "s3",          "athena",       "adls"};
  for (const warehouse::Kind* kind : warehouse::kinds()) {
    if (std::ranges::find(types, json::Value(type_of(kind->name))) == types.end()) {
      types.push_back(type_of(kind->name));
    }
  }
  return types;
}

/// The text as what the shape wants: a number, a flag, or the text itself.
json::Value parameter_value(const std::string& text, const Shape& shape) {
  const bool is_number = shape.word == "integer" || shape.word == "number" ||
                         shape.word == "page" || shape.word == "limit" || shape.word == "hour";
  const bool is_digits = std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
  if (!(is_number && is_digits) && shape.word != "flag") return text;
  json::Value value = json::Value::parse(text, nullptr, false);
  return value.is_discarded() ? json::Value(text) : value;
}

json::Value with_null(json::Value schema) {
  if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  if (schema.contains("type")) {
    schema["type"] = json::Value::array({schema["type"], "null"});
    return schema;
  }
  if (schema.empty()) return schema;
  return {{"anyOf", json::Value::array({std::move(schema), {{"type", "null"}}})}};
}

}  // namespace

Shape read_shape(std::string_view text) { return Reader(text).whole(); }

void require_shape(const json::Value& value, const Shape& shape) { require(value, shape, ""); }

void require_parameters(const std::multimap<std::string, std::string>& query, const Shape& shape) {
  for (const Shape::Member& parameter : shape.members) {
    const auto [first, last] = query.equal_range(parameter.name);
    const bool is_list = parameter.shape.kind == Shape::Kind::List;
    const Shape& one = is_list ? parameter.shape.of.front() : parameter.shape;
    bool is_given = false;
    for (auto given = first; given != last; ++given) {
      if (given->second.empty()) continue;
      is_given = true;
      require(parameter_value(given->second, one), one, parameter.name);
    }
    if (!is_given && parameter.needed) bad_request(parameter.name + " is required");
  }
}

json::Value schema_of(const Shape& shape) {
  json::Value schema;
  switch (shape.kind) {
    case Shape::Kind::Word:
      schema = json::Value::parse(word_named(shape.word).schema);
      if (shape.word == "warehouse") schema["enum"] = warehouse_types();
      break;
    case Shape::Kind::Choice:
      schema = {{"type", "string"}, {"enum", shape.choices}};
      break;
    case Shape::Kind::List:
      schema = {{"type", "array"}, {"items", schema_of(shape.of.front())}};
      break;
    case Shape::Kind::Map:
      schema = {{"type", "object"}, {"additionalProperties", schema_of(shape.of.front())}};
      break;
    case Shape::Kind::Named:
      shape_named(shape.word);
      schema = {{"$ref", "#/components/schemas/" + shape.word}};
      break;
    case Shape::Kind::Either:
      schema["anyOf"] = json::Value::array();
      for (const Shape& one : shape.of) schema["anyOf"].push_back(schema_of(one));
      break;
    case Shape::Kind::Members: {
      schema = {{"type", "object"}};
      json::Value needed = json::Value::array();
      for (const Shape::Member& member : shape.members) {
        json::Value inner = schema_of(member.shape);
        const bool is_plain = member.needed || member.shape.nullable;
        schema["properties"][member.name] = is_plain ? inner : with_null(std::move(inner));
        if (member.needed) needed.push_back(member.name);
      }
      if (!needed.empty()) schema["required"] = std::move(needed);
    }
  }
  return shape.nullable ? with_null(std::move(schema)) : schema;
}

}  // namespace millrace::api
