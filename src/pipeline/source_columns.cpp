#include "pipeline/source_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <span>

#include "base/error.h"
#include "base/letters.h"
#include "base/nearest.h"

namespace millrace::pipeline {
namespace {

using engine::identifier;
using engine::literal;

/// One JSON member's value; json_object itself makes JSON of texts, numbers and booleans. What JSON
/// has no number for (NaN, infinity) becomes text.
std::string json_value(const std::string& value, ColumnType type) {
  switch (type) {
    case ColumnType::Boolean:
    case ColumnType::Integer:
      return value;
    case ColumnType::Double:
      return fmt::format(
          "CASE WHEN isfinite({0}) THEN to_json({0}) "
          "ELSE to_json(CAST({0} AS VARCHAR)) END",
          value);
    case ColumnType::Timestamp:
    case ColumnType::TimestampTz:
    case ColumnType::Binary:
      return canonical_text(value, type);
    default:
      return fmt::format("CAST({} AS VARCHAR)", value);
  }
}

template <class Value>
std::string json_object(const std::vector<Column>& columns, const Value& value) {
  std::string pairs;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    pairs += fmt::format("{}{}, {}", i == 0 ? "" : ", ", literal(columns[i].name),
                         json_value(value(i), columns[i].type));
  }
  return fmt::format("CAST(json_object({}) AS VARCHAR)", pairs);
}

}  // namespace

SourceColumns::SourceColumns(const engine::Relation& source, const std::string& carried)
    : columns_(source.columns), source_(source.sql), carried_(carried), texts_(source.texts) {}

std::size_t SourceColumns::index(const std::string& name) const {
  std::vector<std::size_t> exact, similar;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    names.push_back(columns_[i].name);
    if (columns_[i].name == name) exact.push_back(i);
    if (same_name(columns_[i].name, name)) similar.push_back(i);
  }
  // The engine's names have no case, so a second spelling is a second column of the same name.
  if (similar.size() == 1) return similar.front();
  if (similar.size() > 1) {
    throw Error(Fault::Misconfigured, "duplicate_column",
                fmt::format("the mapping names column {}, and the query gives {} columns of that "
                            "name, in which case does not count",
                            name, similar.size()),
                fmt::format("Give each a name of its own: … AS {}_2", name));
  }
  throw Error(Fault::Misconfigured, "missing_column",
              fmt::format("the mapping names column {}, which the query does not give{}", name,
                          did_you_mean(nearest(name, std::span<const std::string>(names)))),
              fmt::format("It gives: {}", fmt::join(names, ", ")));
}

const Column& SourceColumns::named(const std::string& name) const { return columns_[index(name)]; }

bool is_text(ColumnType type) {
  return type == ColumnType::Text || type == ColumnType::Json || type == ColumnType::Other;
}

bool is_huge(const Column& column) {
  return column.type == ColumnType::Integer && column.vendor_type.ends_with("HUGEINT");
}

bool SourceColumns::may_be_broken(std::size_t index) const {
  return is_text(columns_[index].type) && texts_ != engine::Texts::Checked;
}

/// The bytes of a text that may be broken.
std::string SourceColumns::bytes_of(const std::string& value) const {
  return texts_ == engine::Texts::Bytes ? value : "encode(" + value + ")";
}

std::string SourceColumns::safe(std::size_t index) const {
  return fmt::format("{}{}", may_be_broken(index) ? "_t" : "_s", index);
}

std::string SourceColumns::value(const std::string& name) const { return safe(index(name)); }

std::string SourceColumns::text(const std::string& name) const {
  return canonical_text(value(name), named(name).type);
}

std::string SourceColumns::id(const std::string& name) const {
  switch (named(name).type) {
    case ColumnType::Text:
    case ColumnType::Other:
    case ColumnType::Binary:
      return fmt::format("nullif({}, '')", text(name));
    default:
      return text(name);
  }
}

std::string SourceColumns::number(const std::string& name) const {
  switch (named(name).type) {
    case ColumnType::Integer:
      return fmt::format("CAST({} AS DOUBLE)", value(name));
    case ColumnType::Double:
      return fmt::format("CASE WHEN isfinite({0}) THEN CAST({0} AS DOUBLE) END", value(name));
    case ColumnType::Date:
    case ColumnType::Timestamp:
    case ColumnType::TimestampTz:
    case ColumnType::Binary:
      return "CAST(NULL AS DOUBLE)";
    default:
      return fmt::format(
          "CASE WHEN isfinite(TRY_CAST({0} AS DOUBLE)) "
          "THEN TRY_CAST({0} AS DOUBLE) END",
          value(name));
  }
}

std::string SourceColumns::has_value(const std::string& name) const {
  const ColumnType type = named(name).type;
  const std::string present = value(name) + " IS NOT NULL";
  return type == ColumnType::Text ? fmt::format("{} <> ''", value(name)) : present;
}

std::string SourceColumns::json(const Named& named) const {
  std::string pairs;
  for (const auto& [key, name] : named) {
    pairs += fmt::format("{}{}, {}", pairs.empty() ? "" : ", ", literal(key), text(name));
  }
  return fmt::format("CAST(json_object({}) AS VARCHAR)", pairs);
}

Named SourceColumns::with_all_others(const Named& named,
                                     const std::vector<std::string>& taken) const {
  Named all = named;
  for (const Column& column : columns_) {
    const bool elsewhere = std::any_of(taken.begin(), taken.end(), [&](const std::string& name) {
      return same_name(name, column.name);
    });
    const bool named_key = std::any_of(named.begin(), named.end(),
                                       [&](const auto& pair) { return pair.first == column.name; });
    if (!elsewhere && !named_key) all.emplace_back(column.name, column.name);
  }
  return all;
}

std::string SourceColumns::layer() const {
  std::string list;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string column = "src." + identifier(columns_[i].name);
    list += fmt::format("{}{} AS _s{}", i == 0 ? "" : ", ", column, i);
    if (may_be_broken(i)) list += fmt::format(", TRY(decode({})) AS _t{}", bytes_of(column), i);
  }
  if (!carried_.empty()) list += ", src." + carried_;
  return fmt::format("SELECT {} FROM ({}\n) AS src", list, source_);
}

std::string SourceColumns::valid_text() const {
  std::string condition;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!may_be_broken(i)) continue;
    condition +=
        fmt::format("{}(_t{} IS NOT NULL OR _s{} IS NULL)", condition.empty() ? "" : " AND ", i, i);
  }
  return condition.empty() ? "true" : condition;
}

std::string SourceColumns::bytes() const {
  std::string sum;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool text = is_text(columns_[i].type);
    const bool blob =
        text ? texts_ == engine::Texts::Bytes : columns_[i].type == ColumnType::Binary;
    if (!blob && !text) continue;
    sum += fmt::format("{}coalesce({}({}), 0)", sum.empty() ? "" : " + ",
                       blob ? "octet_length" : "strlen", fmt::format("_s{}", i));
  }
  return sum;
}

std::string SourceColumns::kept_value(std::size_t i) const {
  // An invalid text is kept with its bytes spelled out: \xFF.
  const std::string raw = fmt::format("_s{}", i);
  if (may_be_broken(i)) {
    return fmt::format("coalesce(_t{}, CAST({} AS VARCHAR))", i, bytes_of(raw));
  }
  return is_huge(columns_[i]) ? fmt::format("CAST({} AS VARCHAR)", raw) : raw;
}

std::string SourceColumns::original() const {
  return json_object(columns_, [&](std::size_t i) { return kept_value(i); });
}

Computed SourceColumns::kept() const {
  Computed columns;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns.emplace_back(fmt::format("_k{}", i), kept_value(i));
  }
  return columns;
}

std::string SourceColumns::kept_name(const std::string& name) const {
  return fmt::format("_k{}", index(name));
}

std::string SourceColumns::original_of_kept() const {
  return json_object(columns_, [](std::size_t i) { return fmt::format("_k{}", i); });
}

}  // namespace millrace::pipeline
