#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/source.h"

namespace millrace::definition {

using Rows = std::vector<std::vector<std::string>>;

/// What the names, types and some values of a query's columns say about their meaning. Columns are
/// known by index. Refers to what it was made from.
class ColumnSigns {
 public:
  ColumnSigns(const std::vector<Column>& columns, const Rows& rows);

  /// The first column with one of these names, best name first, letter case and `_` ignored.
  std::optional<std::size_t> named(std::span<const std::string_view> names) const;
  /// Columns that could say when a row happened, best first.
  std::vector<std::size_t> times() const;
  /// The column that holds ids of this unit type.
  std::optional<std::size_t> ids_of(std::string_view unit_type) const;

  bool is_number(std::size_t column) const;
  bool is_text(std::size_t column) const;
  bool looks_like_id(std::size_t column) const;
  /// JSON, or text that always starts like an object.
  bool holds_objects(std::size_t column) const;
  /// Of an integer or a text of digits, all of whose values lie between the years 2000 and 2100.
  std::optional<TimeUnit> epoch_unit(std::size_t column) const;
  /// Whether its values lack a zone that somebody has to name.
  bool lacks_zone(std::size_t column) const;
  std::size_t distinct(std::size_t column) const;

 private:
  std::vector<std::string_view> values(std::size_t column) const;
  bool is_iso_time(std::size_t column) const;

  const std::vector<Column>& columns_;
  const Rows& rows_;
};

/// "User_ID" -> "userid"
std::string folded_name(std::string_view name);

}  // namespace millrace::definition
