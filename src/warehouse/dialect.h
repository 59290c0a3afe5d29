#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/day.h"
#include "model/source.h"

namespace millrace::warehouse {

/// How one product spells names and values in SQL. A value: each warehouse defines one constant.
/// Instants and naive times are written to the microsecond and never depend on a session's zone.
struct Dialect {
  std::string_view name;  ///< "postgres", "redshift", "duckdb"
  std::string (*identifier)(std::string_view name);
  std::string (*literal)(std::string_view text);
  std::string (*date_literal)(Day day);
  std::string (*instant_literal)(Instant instant);
  std::string (*naive_literal)(Naive naive);
  bool backslash_escapes = false;  ///< '\'' is one quote even without the E prefix (Redshift).
  bool backticks = false;          ///< Names may stand in `…`.

  /// How many of these literals, which ascend, `value` (SQL of that type) is not below. Left out
  /// where nothing does that better than a decision tree of comparisons.
  std::string (*bounds_passed)(const std::string& value, ColumnType type,
                               const std::vector<std::string>& bounds) = nullptr;

  // Only kinds behind SqlConnector have these.

  /// A column as `read` delivers it: Decimal, Uuid, Json and Other as text. `may_be_infinite`: a
  /// time that no Arrow timestamp can hold becomes null.
  std::string (*delivered)(const Column& column, bool may_be_infinite) = nullptr;
  /// A 64-bit hash over these columns of a row, as a number whose sum is exact.
  std::string (*row_hash)(const std::vector<Column>& columns, int server_major) = nullptr;
  /// Names what `row_hash` writes: sums of different recipes are not comparable.
  std::string_view (*recipe)(int server_major) = nullptr;
  /// schema, name, kind ("table", "view") of what this account may read, where `condition` holds
  /// over n.nspname and c.relname.
  std::string (*tables)(const std::string& condition) = nullptr;
  /// Selects a cell that differs after the table, a literal, was written to; see
  /// Connector::written.
  std::string (*written)(const std::string& table) = nullptr;
  /// Before a SELECT: answers with lines, the first of which has
  /// `(cost=<from>..<to> rows=<n> width=<bytes>)`. Left out where there is no such thing.
  std::string_view explain = {};
  /// A table that everybody may read, where it helps to add no row of it to rows that are grouped:
  /// PostgreSQL expects as many groups as rows of an expression, and sorts them all; of rows from
  /// two places it expects few, and counts them in parallel.
  std::string_view second_source = {};
  /// One id a row: this account's running statements whose text has `tag`. Left out where the
  /// Transport asks in another way.
  std::string (*running)(const std::string& tag) = nullptr;
};

/// ISO spellings that most products share: "a ""b""", 'it''s', date '2026-11-20',
/// timestamptz '2026-11-20 08:00:00.000000+00', timestamp '2026-11-20 08:00:00.000000'.
std::string quoted_identifier(std::string_view name);
std::string quoted_literal(std::string_view text);
std::string iso_date_literal(Day day);
std::string iso_instant_literal(Instant instant);
std::string iso_naive_literal(Naive naive);

/// 2026-11-20 08:00:00.000000, the bare text inside those literals.
std::string iso_text(Instant instant);
std::string iso_text(Naive naive);

}  // namespace millrace::warehouse
