#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::definition {

/// Where something stands in a TOML file; both numbers start at 1, columns count characters.
struct Position {
  unsigned line = 1, column = 1;
};

struct Place {
  std::string file;  ///< As people know it: relative to the home where it lies under it.
  Position at;
  std::string text() const;  ///< "ingestions/shop.toml:12:3"
};

/// A TOML value and where it stands. Tables keep the order in which people wrote their keys.
struct Node {
  enum class Type { Table, Array, Text, Integer, Real, Boolean, Time };
  struct Member;

  Type type = Type::Table;
  bool inlined = false;  ///< A table written as { … }.
  Place place;
  Position end;  ///< Behind the last character; of a table with a header, behind the header.
  std::vector<Member> members;  ///< Of a table.
  std::vector<Node> items;      ///< Of an array.
  std::string text;
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;

  bool is(Type wanted) const { return type == wanted; }
  /// The value of a key, or null; lives as long as this node.
  const Member* find(std::string_view key) const;
  /// What people call the type: "a text", "a table" …
  std::string_view type_name() const;
};

struct Node::Member {
  std::string key;
  Place place;  ///< Of the key.
  Node value;
};

/// Reads TOML 1.0. A file that is not TOML is Misconfigured `bad_toml`, located.
Node parse_toml(std::string_view text, const std::string& file);

/// Throws Misconfigured `bad_toml`, located, with what to write instead.
[[noreturn]] void refuse(const Place& place, const std::string& what, std::string advice);

}  // namespace millrace::definition
