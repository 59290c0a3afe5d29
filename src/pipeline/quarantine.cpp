#include "pipeline/quarantine.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/json.h"
#include "pipeline/day_writer.h"

namespace millrace::pipeline {
namespace {

using engine::identifier;
using engine::literal;

/// A value of the source from its text in the JSON of `original`. The inverse of what
/// SourceColumns::original writes: Decimal, Uuid, Json and Other are texts on both sides.
std::string value_of(const std::string& text, const Column& column) {
  const auto cast = [&](std::string_view type) {
    return fmt::format("TRY_CAST({} AS {})", text, type);
  };
  switch (column.type) {
    case ColumnType::Boolean:
      return cast("BOOLEAN");
    case ColumnType::Integer:
      return cast(column.vendor_type.ends_with("HUGEINT") || column.vendor_type == "UBIGINT"
                      ? "HUGEINT"
                      : "BIGINT");
    case ColumnType::Double:
      return cast("DOUBLE");
    case ColumnType::Date:
      return cast("DATE");
    case ColumnType::Timestamp:
      return cast("TIMESTAMP");
    case ColumnType::TimestampTz:
      return cast("TIMESTAMPTZ");
    case ColumnType::Binary:
      return fmt::format("TRY(unhex({}))", text);
    case ColumnType::Decimal:
    case ColumnType::Uuid:
    case ColumnType::Json:
    case ColumnType::Other:
    case ColumnType::Text:
      return text;
  }
  return text;
}

/// RFC 6901.
std::string pointer_to(const std::string& key) {
  std::string pointer = "/";
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

}  // namespace

std::string quarantine_format(const std::vector<Column>& source) {
  json::Value columns = json::Value::array();
  for (const Column& column : source) columns.push_back(json::from(column));
  return fmt::format("{}, KV_METADATA {{source_columns: {}}}", stored_parquet(),
                     literal(columns.dump()));
}

std::vector<Column> quarantined_columns(engine::Database& database, const std::string& file,
                                        std::stop_token stop) {
  std::vector<Column> columns;
  database.each(
      fmt::format("SELECT decode(value) FROM parquet_kv_metadata({}) "
                  "WHERE decode(key) = 'source_columns'",
                  literal(file)),
      [&](const engine::Row& row) {
        for (const auto& column : json::parse(row[0].value(), "columns of a quarantine file")) {
          columns.push_back(json::column(column));
        }
      },
      stop);
  if (!columns.empty()) return columns;
  throw Error(Fault::BadData, "not_replayable",
              "the day's rejected rows do not say which columns they have: an older Millrace kept "
              "them",
              "Load the day again");
}

engine::Relation quarantined_rows(const std::string& file, std::vector<Column> columns) {
  std::string pointers, values;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    pointers += (i == 0 ? "" : ", ") + literal(pointer_to(columns[i].name));
    values += fmt::format("{}{} AS {}", i == 0 ? "" : ", ",
                          value_of(fmt::format("texts[{}]", i + 1), columns[i]),
                          identifier(columns[i].name));
  }
  return {fmt::format("SELECT {} FROM (SELECT json_extract_string(original, [{}]) AS texts FROM {} "
                      "WHERE {})",
                      values, pointers, parquet({file}), kReplayable),
          std::move(columns), engine::Texts::Checked};
}

}  // namespace millrace::pipeline
