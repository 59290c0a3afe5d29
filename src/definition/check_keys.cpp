#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest.h"
#include "definition/keys.h"

namespace millrace::definition {
namespace {

using Type = Node::Type;

std::string bracketed(const std::string& heading) {
  return heading.empty() ? "this file" : fmt::format("[{}]", heading);
}

std::string for_example(const KeyRule& rule) {
  return rule.example.empty() ? "" : fmt::format("For example: {} = {}", rule.name, rule.example);
}

bool is_percentage(const Node& value) {
  if (!value.is(Type::Text) || !value.text.ends_with('%')) return false;
  const std::string& text = value.text;
  double percent = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, percent);
  return error == std::errc() && end == text.data() + text.size() - 1 && percent >= 0 &&
         percent <= 100;
}

bool all_texts(const std::vector<Node>& items) {
  return std::all_of(items.begin(), items.end(),
                     [](const Node& item) { return item.is(Type::Text) && !item.text.empty(); });
}

bool is_literal(const Node& value) {
  return value.is(Type::Table) && value.members.size() == 1 &&
         value.members.front().key == "literal" && value.members.front().value.is(Type::Text);
}

bool is_gate(const Node& value) {
  if (!value.is(Type::Table) || value.members.size() != 1) return false;
  const auto& [key, place, what] = value.members.front();
  if (key == "call") return what.is(Type::Boolean) && what.boolean;
  const bool is_known = key == "sql" || key == "table" || key == "object";
  return is_known && what.is(Type::Text) && !what.text.empty();
}

/// Tables of columns have a check of their own, which says which one is wrong.
bool has_shape(const Node& value, Shape shape) {
  switch (shape) {
    case Shape::Text:
    case Shape::Column:
      return value.is(Type::Text);
    case Shape::Integer:
      return value.is(Type::Integer);
    case Shape::Boolean:
      return value.is(Type::Boolean);
    case Shape::TextList:
      return value.is(Type::Array) && all_texts(value.items);
    case Shape::ColumnOrLiteral:
      return value.is(Type::Text) || is_literal(value);
    case Shape::ColumnsOrAll:
      return value.is(Type::Text) && value.text == "*";
    case Shape::Columns:
    case Shape::Metrics:
      return false;
    case Shape::Share:
      return is_percentage(value) || (value.is(Type::Integer) && value.integer >= 0);
    case Shape::Percent:
      return is_percentage(value);
    case Shape::Gates:
      return value.is(Type::Array) && std::all_of(value.items.begin(), value.items.end(), is_gate);
    case Shape::IntegerList:
      return value.is(Type::Array) &&
             std::all_of(value.items.begin(), value.items.end(),
                         [](const Node& item) { return item.is(Type::Integer); });
    case Shape::Table:
      return value.is(Type::Table);
  }
  throw std::logic_error("a shape that nobody checks");
}

/// What stands there: a text or number may be of the right type and still be wrong.
std::string seen(const Node& value) {
  if (value.is(Type::Text)) return fmt::format("\"{}\"", value.text);
  if (value.is(Type::Integer)) return fmt::format("{}", value.integer);
  return std::string(value.type_name());
}

std::vector<std::string_view> keys_for(const TableRule& rule, std::optional<Dataset> dataset) {
  std::vector<std::string_view> names;
  for (const KeyRule& key : rule.keys) {
    if (!dataset || (key.datasets & bit(*dataset))) names.push_back(key.name);
  }
  return names;
}

void check_words(const Node& value, const KeyRule& rule) {
  if (rule.words.empty() ||
      std::find(rule.words.begin(), rule.words.end(), value.text) != rule.words.end()) {
    return;
  }
  refuse(value.place,
         fmt::format("\"{}\" is no {}{}", value.text, rule.name,
                     did_you_mean(nearest(value.text, rule.words))),
         fmt::format("Use one of: {}", fmt::join(rule.words, ", ")));
}

bool holds_columns(Shape shape) {
  return shape == Shape::Columns || shape == Shape::ColumnsOrAll || shape == Shape::Metrics;
}

/// Points into a table of columns, at the one that is none.
void check_columns(const Node& table, const KeyRule& rule, bool ratios) {
  for (const Node::Member& member : table.members) {
    if (ratios && member.value.is(Type::Table)) {
      check_columns(member.value, rule, false);
    } else if (!member.value.is(Type::Text) || member.value.text.empty()) {
      refuse(member.value.place,
             fmt::format("\"{}\" in \"{}\" must be the name of a column, not {}", member.key,
                         rule.name, seen(member.value)),
             for_example(rule));
    }
  }
}

void check_value(const Node::Member& member, const KeyRule& rule) {
  const Node& value = member.value;
  if (value.is(Type::Text) && value.text.empty()) {
    refuse(value.place, fmt::format("\"{}\" is empty", rule.name), for_example(rule));
  }
  if (value.is(Type::Table) && holds_columns(rule.shape)) {
    check_columns(value, rule, rule.shape == Shape::Metrics);
  } else if (!has_shape(value, rule.shape)) {
    refuse(value.place,
           fmt::format("\"{}\" must be {}, not {}", rule.name, described(rule.shape), seen(value)),
           for_example(rule));
  }
  check_words(value, rule);
}

/// The other table of an ingestion, or of the file, that a stray key belongs to; null when none.
const TableRule* home_of(std::string_view key, const TableRule& stray_in) {
  for (const TableRule& rule : table_rules()) {
    if (&rule == &stray_in ||
        rule.heading.starts_with("ingestion") != stray_in.heading.starts_with("ingestion")) {
      continue;
    }
    const bool holds = std::any_of(rule.keys.begin(), rule.keys.end(),
                                   [&](const KeyRule& known) { return known.name == key; });
    if (holds) return &rule;
  }
  return nullptr;
}

}  // namespace

void refuse_unknown_key(const Node::Member& member, const std::string& heading,
                        std::span<const std::string_view> valid) {
  refuse(member.place,
         fmt::format("unknown key \"{}\" in {}{}", member.key, bracketed(heading),
                     did_you_mean(nearest(member.key, valid))),
         fmt::format("The keys there are {}", fmt::join(valid, ", ")));
}

void check_keys(const Node& table, const TableRule& rule, const std::string& heading,
                std::optional<Dataset> dataset) {
  for (const Node::Member& member : table.members) {
    const auto key = std::find_if(rule.keys.begin(), rule.keys.end(),
                                  [&](const KeyRule& known) { return known.name == member.key; });
    if (key == rule.keys.end()) {
      if (const TableRule* other = home_of(member.key, rule)) {
        refuse(member.place,
               fmt::format("unknown key \"{}\" in {}: it belongs in [{}]", member.key,
                           bracketed(heading), other->heading),
               "Move the line there");
      }
      refuse_unknown_key(member, heading, keys_for(rule, dataset));
    }
    if (dataset && !(key->datasets & bit(*dataset))) {
      refuse(member.place,
             fmt::format("\"{}\" does not apply to {}: it is for {}", member.key, name_of(*dataset),
                         datasets_of(*key)),
             fmt::format("The keys for {} are {}", name_of(*dataset),
                         fmt::join(keys_for(rule, dataset), ", ")));
    }
    check_value(member, *key);
  }
}

std::string text_in(const Node& table, std::string_view key) {
  const Node::Member* member = table.find(key);
  return member ? member->value.text : std::string();
}

std::string_view described(Shape shape) {
  switch (shape) {
    case Shape::Text:
      return "a text";
    case Shape::Integer:
      return "a whole number";
    case Shape::Boolean:
      return "true or false";
    case Shape::TextList:
      return "a list of texts";
    case Shape::IntegerList:
      return "a list of whole numbers";
    case Shape::Column:
      return "the name of a column";
    case Shape::ColumnOrLiteral:
      return "the name of a column or { literal = \"value\" }";
    case Shape::Columns:
      return "a table of columns, { key = \"column\" }";
    case Shape::ColumnsOrAll:
      return "a table of columns, { key = \"column\" }, or \"*\"";
    case Shape::Metrics:
      return "a table of metrics, { name = \"column\" } or "
             "{ name = { numerator = \"column\", denominator = \"column\" } }";
    case Shape::Share:
      return "a percentage such as \"1%\" or a number of rows such as 500";
    case Shape::Percent:
      return "a percentage such as \"50%\"";
    case Shape::Gates:
      return "a list of gates, each { sql = \"select …\" }, { table = \"schema.table\" }, "
             "{ object = \"path\" } or { call = true }";
    case Shape::Table:
      return "a table";
  }
  throw std::logic_error("a shape without a name");
}

}  // namespace millrace::definition
