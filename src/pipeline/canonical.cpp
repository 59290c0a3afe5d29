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

/// A date or time as ISO 8601 writes it. Before the first year, where the engine would write
/// "0044-03-15 (BC)", with " BC" at its end, as PostgreSQL's JSON has it.
std::string iso_text(const std::string& value, std::string_view zone = "") {
  const std::string text = fmt::format("CAST({} AS VARCHAR)", value);
  return fmt::format(
      "CASE WHEN year({0}) < 1 THEN replace(replace({1}, ' (BC)', ''), ' ', 'T') || '{2} BC' "
      "ELSE replace({1}, ' ', 'T') || '{2}' END",
      value, text, zone);
}

}  // namespace

std::string canonical_text(const std::string& expression, ColumnType type) {
  const std::string text = fmt::format("CAST({} AS VARCHAR)", expression);
  switch (type) {
    case ColumnType::Text:
      return expression;
    case ColumnType::Boolean:
    case ColumnType::Integer:
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
    case ColumnType::Date:
      return iso_text(fmt::format("CAST({} AS DATE)", expression));
    case ColumnType::Timestamp:
      return iso_text(fmt::format("CAST({} AS TIMESTAMP)", expression));
    case ColumnType::TimestampTz:
      // By its microseconds: the engine's own cast would ask for a session's time zone.
      return iso_text(fmt::format("make_timestamp(epoch_us({}))", expression), "Z");
    case ColumnType::Binary:
      return fmt::format("lower(hex({}))", expression);
  }
  return text;
}

}  // namespace millrace::pipeline
