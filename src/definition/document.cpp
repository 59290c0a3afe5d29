#include "definition/document.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/error.h"

namespace millrace::definition {
namespace {

Position position_of(const toml::source_position& position) {
  return {position.line, position.column};
}

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  Node node_of(const toml::node& source) const {
    Node node;
    node.place = place_of(source.source().begin);
    node.end = position_of(source.source().end);
    if (const auto* table = source.as_table()) {
      node.inlined = table->is_inline();
      read_members(*table, node);
    } else if (const auto* array = source.as_array()) {
      node.type = Node::Type::Array;
      for (const toml::node& item : *array) node.items.push_back(node_of(item));
    } else {
      read_value(source, node);
    }
    return node;
  }

 private:
  Place place_of(const toml::source_position& position) const {
    return {file_, position_of(position)};
  }

  /// toml++ sorts its keys; their places tell the order in which they were written.
  void read_members(const toml::table& table, Node& node) const {
    for (const auto& [key, value] : table) {
      node.members.push_back(
          {std::string(key.str()), place_of(key.source().begin), node_of(value)});
    }
    const auto written = [](const Node::Member& member) {
      return std::tuple(member.place.at.line, member.place.at.column);
    };
    std::stable_sort(node.members.begin(), node.members.end(),
                     [&](const auto& a, const auto& b) { return written(a) < written(b); });
  }

  static void read_value(const toml::node& source, Node& node) {
    if (const auto* text = source.as_string()) {
      node.type = Node::Type::Text;
      node.text = text->get();
    } else if (const auto* integer = source.as_integer()) {
      node.type = Node::Type::Integer;
      node.integer = integer->get();
    } else if (const auto* real = source.as_floating_point()) {
      node.type = Node::Type::Real;
      node.real = real->get();
    } else if (const auto* boolean = source.as_boolean()) {
      node.type = Node::Type::Boolean;
      node.boolean = boolean->get();
    } else {
      node.type = Node::Type::Time;
    }
  }

  const std::string& file_;
};

/// What toml++ says, in words for whoever wrote the file.
std::pair<std::string, std::string> explained(std::string_view said) {
  const auto says = [&](std::string_view words) { return said.find(words) != said.npos; };
  if (says("cannot redefine existing")) {
    return {fmt::format("{} is written twice", said.substr(said.find('\''))),
            "Keep one of the two"};
  }
  if (says("parsing string") && (says("control characters") || says("end-of-file"))) {
    return {"a text has no closing quote on its line",
            "Close it; a text of several lines stands between ''' and '''"};
  }
  if (says("could not determine value type")) {
    return {"this is no text, number, true, false, list or table",
            "Put quotes around a text: key = \"value\""};
  }
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (said.starts_with(kPrefix)) said.remove_prefix(kPrefix.size());
  return {fmt::format("this is not TOML: {}", said),
          "A line is a heading such as [ingestion.NAME], key = value, or a # comment"};
}

}  // namespace

std::string Place::text() const { return fmt::format("{}:{}:{}", file, at.line, at.column); }

const Node::Member* Node::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.key == key; });
  return found == members.end() ? nullptr : &*found;
}

std::string_view Node::type_name() const {
  switch (type) {
    case Type::Table:
      return "a table";
    case Type::Array:
      return "a list";
    case Type::Text:
      return "a text";
    case Type::Integer:
      return "a whole number";
    case Type::Real:
      return "a number with a fraction";
    case Type::Boolean:
      return "true or false";
    case Type::Time:
      return "a date or time";
  }
  throw std::logic_error("a type of TOML without a name");
}

Node parse_toml(std::string_view text, const std::string& file) {
  try {
    return Reader(file).node_of(toml::parse(text, std::string_view(file)));
  } catch (const toml::parse_error& error) {
    const auto [what, advice] = explained(error.description());
    refuse({file, position_of(error.source().begin)}, what, advice);
  }
}

void refuse(const Place& place, const std::string& what, std::string advice) {
  throw Error(Fault::Misconfigured, "bad_toml", what, std::move(advice)).at(place.text());
}

}  // namespace millrace::definition
