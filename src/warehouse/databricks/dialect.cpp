#include <fmt/format.h>
#include <fmt/ranges.h>

#include "warehouse/databricks/kind.h"

namespace millrace::warehouse::databricks {
namespace {

std::string identifier(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`') quoted += '`';
    quoted += c;
  }
  return quoted + "`";
}

/// Two quotes in a literal are no quote here, and what a backslash means is a setting of the
/// session: both are spelled by their numbers.
std::string literal(std::string_view text) {
  std::string spelled = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      spelled += fmt::format("' || chr({}) || '", static_cast<int>(c));
    } else {
      spelled += c;
    }
  }
  return spelled + "'";
}

std::string date_literal(Day day) { return "date'" + day.text() + "'"; }

std::string instant_literal(Instant instant) {
  return "timestamp'" + iso_text(instant) + "+00:00'";
}

std::string naive_literal(Naive naive) { return "timestamp_ntz'" + iso_text(naive) + "'"; }

/// Times and dates as the integers that Arrow keeps for them, so that no session's zone matters.
std::string delivered(const Column& column, bool) {
  const std::string name = identifier(column.name);
  switch (column.type) {
    case ColumnType::Boolean:
    case ColumnType::Binary:
      return name;
    case ColumnType::Integer:
      return fmt::format("cast({} as bigint)", name);
    case ColumnType::Double:
      return fmt::format("cast({} as double)", name);
    case ColumnType::Date:
      return fmt::format("cast(unix_date({}) as bigint) * 86400000", name);
    case ColumnType::Timestamp:
      return fmt::format("timestampdiff(microsecond, timestamp_ntz'1970-01-01 00:00:00', {})",
                         name);
    case ColumnType::TimestampTz:
      return fmt::format("unix_micros({})", name);
    case ColumnType::Json:
      return fmt::format("to_json({})", name);
    case ColumnType::Decimal:
    case ColumnType::Text:
    case ColumnType::Uuid:
    case ColumnType::Other:
      return fmt::format("cast({} as string)", name);
  }
  return name;
}

/// What of a column is hashed: xxhash64 takes no maps.
std::string hashable(const Column& column) {
  const std::string name = identifier(column.name);
  if (column.type == ColumnType::Json) return fmt::format("to_json({})", name);
  if (column.type == ColumnType::Other) return fmt::format("cast({} as string)", name);
  return name;
}

/// xxhash64 passes nulls over, so that (null, 1) and (1, null) have one hash: where they are comes
/// first.
std::string row_hash(const std::vector<Column>& columns, int) {
  std::vector<std::string> nulls, values;
  for (const Column& column : columns) {
    nulls.push_back(
        fmt::format("case when {} is null then 'n' else 'v' end", identifier(column.name)));
    values.push_back(hashable(column));
  }
  return fmt::format("cast(xxhash64({}, {}) as decimal(38, 0))", fmt::join(nulls, " || "),
                     fmt::join(values, ", "));
}

std::string_view recipe(int) { return "databricks-xxhash64-1"; }

/// Of the catalog that names without one are looked for in.
std::string tables(const std::string& condition) {
  return fmt::format(
      "select n.nspname, c.relname, case when c.table_type like '%VIEW%' then 'view' else 'table' "
      "end from (select table_schema, table_name as relname, table_type from "
      "information_schema.tables where table_catalog = current_catalog()) as c join (select "
      "schema_name as nspname from information_schema.schemata where catalog_name = "
      "current_catalog()) as n on n.nspname = c.table_schema "
      "where n.nspname <> 'information_schema' and {} order by 1, 2",
      condition);
}

}  // namespace

constinit const Dialect kDialect{
    .name = "databricks",
    .identifier = identifier,
    .literal = literal,
    .date_literal = date_literal,
    .instant_literal = instant_literal,
    .naive_literal = naive_literal,
    .backslash_escapes = true,
    .backticks = true,
    .delivered = delivered,
    .row_hash = row_hash,
    .recipe = recipe,
    .tables = tables,
};

}  // namespace millrace::warehouse::databricks
