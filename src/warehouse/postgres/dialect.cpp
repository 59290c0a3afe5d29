#include <fmt/format.h>
#include <fmt/ranges.h>

#include "warehouse/postgres/kind.h"

namespace millrace::warehouse::postgres {
namespace {

/// hash_record_extended and 64-bit sums of it came with version 14.
constexpr int kHashesRecords = 14;

std::string as_text(const std::string& name) { return name + "::text"; }

std::string delivered(const Column& column, bool may_be_infinite) {
  const std::string name = quoted_identifier(column.name);
  switch (column.type) {
    case ColumnType::Date:
    case ColumnType::Timestamp:
    case ColumnType::TimestampTz:
      return may_be_infinite ? fmt::format("case when isfinite({0}) then {0} end", name) : name;
    case ColumnType::Decimal:
    case ColumnType::Uuid:
    case ColumnType::Json:
    case ColumnType::Other:
      return as_text(name);
    case ColumnType::Text: {
      // char(n), name and enumerations: the cast drops padding and the driver knows its result.
      const bool plain =
          column.vendor_type == "text" || column.vendor_type.starts_with("character varying");
      return plain ? name : as_text(name);
    }
    case ColumnType::Integer:
      return column.vendor_type == "oid" ? name + "::bigint" : name;
    case ColumnType::Boolean:
    case ColumnType::Double:
    case ColumnType::Binary:
      return name;
  }
  return as_text(name);
}

/// A column as the server can hash it: text for the types without a hash function. Collation "C"
/// makes equal bytes equal hashes whatever the column's own collation is.
std::string hashable(const Column& column) {
  const std::string name = quoted_identifier(column.name);
  if (column.type == ColumnType::Text) return as_text(name) + " collate \"C\"";
  const bool known = column.type != ColumnType::Other &&
                     (column.type != ColumnType::Json || column.vendor_type == "jsonb");
  return known ? name : as_text(name) + " collate \"C\"";
}

/// The server's own hash function of a type that can be called by itself; empty where there is
/// none.
std::string_view hash_function(const Column& column) {
  const std::string_view type = column.vendor_type;
  if (column.type == ColumnType::Text) return "hashtextextended";
  if (type == "smallint") return "hashint2extended";
  if (type == "integer") return "hashint4extended";
  if (type == "bigint") return "hashint8extended";
  if (type == "double precision") return "hashfloat8extended";
  if (type == "uuid") return "uuid_hash_extended";
  if (type == "jsonb") return "jsonb_hash_extended";
  if (column.type == ColumnType::Decimal && type.starts_with("numeric"))
    return "hash_numeric_extended";
  const bool instant =
      column.type == ColumnType::Timestamp || column.type == ColumnType::TimestampTz;
  return instant ? "timestamp_hash_extended" : "";
}

/// A column's hash; the seed tells it from another column that holds the same.
std::string hash_of(const Column& column, std::size_t seed) {
  const std::string_view function = hash_function(column);
  std::string value = hashable(column);
  if (function.empty()) {
    return fmt::format("pg_catalog.hash_record_extended(row({}), {})", value, seed);
  }
  if (column.type == ColumnType::TimestampTz) value += " at time zone interval '0'";
  return fmt::format("coalesce(pg_catalog.{}({}, {}), {})", function, value, seed, seed);
}

/// Not the hash of the whole record: it costs a third more, and it adds up those of its columns, so
/// that the sum over rows which swapped a value would stay the same.
std::string row_hash(const std::vector<Column>& columns, int server_major) {
  std::vector<std::string> items;
  if (server_major >= kHashesRecords) {
    for (const Column& column : columns) items.push_back(hash_of(column, items.size() + 1));
    return fmt::format("{}", fmt::join(items, " # "));
  }
  for (const Column& column : columns) items.push_back(hashable(column));
  return fmt::format("('x' || substr(md5(row({})::text), 1, 16))::bit(64)::bigint",
                     fmt::join(items, ", "));
}

std::string_view recipe(int server_major) {
  return server_major >= kHashesRecords ? "pg-hash-columns-1" : "pg-md5-1";
}

std::string tables(const std::string& condition) {
  return fmt::format(
      "select n.nspname, c.relname, case when c.relkind in ('v', 'm') then 'view' else 'table' end "
      "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
      "where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition "
      "and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' "
      "and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') "
      "and {} order by 1, 2",
      condition);
}

/// A decision tree over the days of a year costs a row more than all else of its COPY.
std::string bounds_passed(const std::string& value, ColumnType type,
                          const std::vector<std::string>& bounds) {
  const auto cast = [type] {
    switch (type) {
      case ColumnType::Date:
        return "date";
      case ColumnType::Timestamp:
        return "timestamp";
      case ColumnType::TimestampTz:
        return "timestamptz";
      case ColumnType::Integer:
        return "bigint";
      case ColumnType::Double:
        return "float8";
      default:
        return "numeric";
    }
  }();
  return fmt::format("pg_catalog.width_bucket({0}::{1}, array[{2}]::{1}[])", value, cast,
                     fmt::join(bounds, ", "));
}

/// What the server counts of writes, of a partitioned table in its parts. A replica counts none. A
/// rewrite that changes no row (VACUUM FULL, CLUSTER) does not show, another table of that name
/// does.
std::string written(const std::string& table) {
  return fmt::format(
      "with recursive part(oid) as (select pg_catalog.to_regclass({0})::oid union "
      "select i.inhrelid from pg_catalog.pg_inherits i join part p on i.inhparent = p.oid) "
      "select case when pg_catalog.to_regclass({0}) is not null then coalesce(string_agg(concat_ws("
      "' ', c.oid, pg_catalog.pg_stat_get_tuples_inserted(c.oid), "
      "pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid)),"
      " ', ' order by c.oid), '') end from pg_catalog.pg_class c join part p on p.oid = c.oid "
      "where c.relkind in ('r', 'm') and not pg_catalog.pg_is_in_recovery()",
      table);
}

std::string running(const std::string& tag) {
  return fmt::format(
      "select pid from pg_catalog.pg_stat_activity where usename = current_user and state = "
      "'active' and pid <> pg_backend_pid() and position({} in query) > 0",
      quoted_literal("/* millrace " + tag + " */"));
}

}  // namespace

constinit const Dialect kDialect{
    .name = "postgres",
    .identifier = quoted_identifier,
    .literal = quoted_literal,
    .date_literal = iso_date_literal,
    .instant_literal = iso_instant_literal,
    .naive_literal = iso_naive_literal,
    .bounds_passed = bounds_passed,
    .delivered = delivered,
    .row_hash = row_hash,
    .recipe = recipe,
    .tables = tables,
    .written = written,
    .explain = "explain ",
    .second_source = "pg_catalog.pg_class",
    .running = running,
};

}  // namespace millrace::warehouse::postgres
