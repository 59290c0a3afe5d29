#include <fmt/format.h>

#include "pipeline/mapping.h"

namespace millrace::pipeline {
namespace {

/// The sign of a zero says nothing; nor do zeros after the last digit of a fraction.
std::string decimal_text(const std::string& text) {
  return fmt::format(
      "CASE WHEN contains({0}, '.') "
      "THEN CASE rtrim(rtrim({0}, '0'), '.') WHEN '-0' THEN '0' ELSE rtrim(rtrim({0}, '0'), '.') "
      "END ELSE {0} END",
      text);
}

}  // namespace

std::string canonical_text(const std::string& expression, ColumnType type) {
  const std::string text = fmt::format("CAST({} AS VARCHAR)", expression);
  switch (type) {
    case ColumnType::Text:
      return expression;
    case ColumnType::Boolean:
    case ColumnType::Integer:
    case ColumnType::Date:
    case ColumnType::Other:
      return text;
    case ColumnType::Json:
      return fmt::format("CAST(TRY(json({})) AS VARCHAR)", text);
    case ColumnType::Double:
      // Whole numbers that a double holds exactly; larger ones have no shorter text than 1e+20.
      return fmt::format(
          "CASE WHEN {0} = trunc({0}) AND abs({0}) < 1e15 "
          "THEN CAST(CAST({0} AS BIGINT) AS VARCHAR) ELSE {1} END",
          expression, text);
    case ColumnType::Decimal:
      return decimal_text(text);
    case ColumnType::Uuid:
      return fmt::format("lower({})", text);
    case ColumnType::Timestamp:
      return fmt::format("replace(CAST(CAST({} AS TIMESTAMP) AS VARCHAR), ' ', 'T')", expression);
    case ColumnType::TimestampTz:
      // By its microseconds: the engine's own cast would ask for a session's time zone.
      return fmt::format("replace(CAST(make_timestamp(epoch_us({})) AS VARCHAR), ' ', 'T') || 'Z'",
                         expression);
    case ColumnType::Binary:
      return fmt::format("lower(hex({}))", expression);
  }
  return text;
}

}  // namespace millrace::pipeline
