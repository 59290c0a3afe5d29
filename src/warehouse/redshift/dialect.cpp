#include <fmt/format.h>
#include <fmt/ranges.h>

#include "warehouse/redshift/kind.h"

namespace millrace::warehouse::redshift {
namespace {

/// Rows come as text, so nothing needs a cast but char(n): its padding is dropped.
std::string delivered(const Column& column, bool) {
  const std::string name = quoted_identifier(column.name);
  const bool padded = column.type == ColumnType::Text && column.vendor_type.starts_with("char") &&
                      !column.vendor_type.starts_with("character varying");
  return padded ? fmt::format("rtrim({})", name) : name;
}

/// A column's part of the text that is hashed. Long values enter as their own hash, because no text
/// may be longer than 65,535 bytes; short ones hold no comma, so the parts cannot run together.
std::string part(const Column& column) {
  const std::string name = quoted_identifier(column.name);
  const auto hashed = [](const std::string& value) {
    return fmt::format("coalesce(cast(farmfingerprint64({}) as varchar(20)), 'n')", value);
  };
  switch (column.type) {
    case ColumnType::Boolean:
      return fmt::format("case when {0} then 't' when not {0} then 'f' else 'n' end", name);
    case ColumnType::Integer:
    case ColumnType::Double:
    case ColumnType::Decimal:
    case ColumnType::Uuid:
    case ColumnType::Date:
    case ColumnType::Timestamp:
    case ColumnType::TimestampTz:
      return fmt::format("coalesce(cast({} as varchar(64)), 'n')", name);
    case ColumnType::Text:
    case ColumnType::Binary:
      return hashed(name);
    case ColumnType::Json:
      return hashed(column.vendor_type == "super"
                        ? fmt::format("json_serialize({})", name)
                        : fmt::format("cast({} as varchar(65535))", name));
    case ColumnType::Other:
      return hashed(fmt::format("cast({} as varchar(65535))", name));
  }
  return hashed(name);
}

/// farmFingerprint64 and not FNV_HASH: a sum of FNV hashes often stays the same when two rows swap
/// the last byte of a value, because that byte only reaches the low bits before one multiplication.
std::string row_hash(const std::vector<Column>& columns, int) {
  std::vector<std::string> parts;
  for (const Column& column : columns) parts.push_back(part(column));
  return fmt::format("cast(farmfingerprint64({}) as decimal(38, 0))",
                     fmt::join(parts, " || ',' || "));
}

std::string_view recipe(int) { return "redshift-farm-1"; }

std::string tables(const std::string& condition) {
  return fmt::format(
      "select n.nspname, c.relname, case when c.relkind = 'v' then 'view' else 'table' end "
      "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
      "where c.relkind in ('r', 'v') and n.nspname <> 'information_schema' "
      "and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') "
      "and has_table_privilege(c.oid, 'select') and {} order by 1, 2",
      condition);
}

std::string running(const std::string& tag) {
  return fmt::format(
      "select pid from stv_recents where status = 'Running' and pid <> pg_backend_pid() and "
      "position({} in query) > 0",
      quoted_literal("/* millrace " + tag + " */"));
}

/// A backslash escapes the next character in Redshift's plain literals too.
std::string literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') escaped += '\\';
    escaped += c;
  }
  return quoted_literal(escaped);
}

}  // namespace

constinit const Dialect kDialect{
    .name = "redshift",
    .identifier = quoted_identifier,
    .literal = literal,
    .date_literal = iso_date_literal,
    .instant_literal = iso_instant_literal,
    .naive_literal = iso_naive_literal,
    .backslash_escapes = true,
    .delivered = delivered,
    .row_hash = row_hash,
    .recipe = recipe,
    .tables = tables,
    .explain = "explain ",
    .running = running,
};

}  // namespace millrace::warehouse::redshift
