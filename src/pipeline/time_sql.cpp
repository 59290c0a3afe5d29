#include "pipeline/time_sql.h"

#include <fmt/format.h>

#include <stdexcept>

namespace millrace::pipeline {
namespace {

/// The years 1 to 9999: what every reader of the tables can hold.
constexpr std::int64_t kFirstSecond = -62'135'596'800, kLastSecond = 253'402'300'799;

std::string instant_of_micros(const std::string& micros) {
  return fmt::format("make_timestamptz({})", micros);
}

std::string naive_literal(Naive naive) {
  return fmt::format("make_timestamp({})", naive.time_since_epoch().count());
}

/// Zone::instant_of as arithmetic on microseconds: one CASE branch per offset that is met near the
/// day. Rows of other days are looked at too (sample, the note on rows outside the day), so a year
/// either way counts as near.
std::string instant_of_naive(const std::string& naive, const Zone& zone, const Zone& project,
                             Day day) {
  const Interval bounds = project.bounds(day);
  const auto spans =
      zone.spans({bounds.start - std::chrono::days(366), bounds.end + std::chrono::days(366)});
  std::string branches;
  for (const OffsetSpan& span : spans) {
    std::string micros = fmt::format("epoch_us({}) - ({})", naive, span.offset.count() * 1'000'000);
    if (span.floor) {
      micros = fmt::format("greatest({}, {})", micros, span.floor->time_since_epoch().count());
    }
    if (spans.size() == 1) {
      branches = micros;
    } else if (&span == &spans.back()) {
      branches += fmt::format(" ELSE {} END", micros);
    } else {
      branches += fmt::format("{} WHEN {} < {} THEN {}", branches.empty() ? "CASE" : "", naive,
                              naive_literal(span.until), micros);
    }
  }
  return fmt::format(
      "CASE WHEN {0} BETWEEN make_timestamp({1}) AND make_timestamp({2}) THEN {3} END", naive,
      kFirstSecond * 1'000'000, kLastSecond * 1'000'000, instant_of_micros(branches));
}

void compare_instants(TimeSql& time, const std::string& value, Interval bounds) {
  time.compared = value;
  time.start = instant_literal(bounds.start);
  time.end = instant_literal(bounds.end);
}

std::int64_t units_until(Instant instant, TimeUnit unit) {
  const std::int64_t micros = instant.time_since_epoch().count(), per = micros_per(unit);
  return micros / per + (micros % per > 0 ? 1 : 0);
}

TimeSql epoch_sql(const std::string& column, ColumnType type, TimeUnit unit, Interval bounds) {
  const std::int64_t per = micros_per(unit);
  const std::int64_t first = kFirstSecond * (1'000'000 / per),
                     last = kLastSecond * (1'000'000 / per);
  TimeSql time;
  time.number = fmt::format("TRY_CAST({} AS DOUBLE)", column);
  if (type == ColumnType::Integer) {
    time.instant =
        fmt::format("CASE WHEN {0} BETWEEN {1} AND {2} THEN {3} END", column, first, last,
                    instant_of_micros(fmt::format("CAST({} AS BIGINT) * {}", column, per)));
    time.compared = column;
    time.start = std::to_string(units_until(bounds.start, unit));
    time.end = std::to_string(units_until(bounds.end, unit));
    return time;
  }
  time.instant = fmt::format(
      "CASE WHEN {0} BETWEEN {1} AND {2} THEN {3} END", time.number, first, last,
      instant_of_micros(fmt::format("CAST(round({} * {}) AS BIGINT)", time.number, per)));
  compare_instants(time, time.instant, bounds);
  return time;
}

TimeSql text_sql(const std::string& column, const Zone& zone, Day day, const Zone& project) {
  const Interval bounds = project.bounds(day);
  TimeSql time;
  // The engine's cast to TIMESTAMP would drop an offset, and its cast to TIMESTAMPTZ would read a
  // text without one in the session's zone; so the text itself decides.
  time.instant = fmt::format(
      "CASE WHEN regexp_matches({0}, '[0-9] ?(Z|z|UTC|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') "
      "AND length({0}) > 10 THEN TRY_CAST({0} AS TIMESTAMPTZ) ELSE {1} END",
      column,
      instant_of_naive(fmt::format("TRY_CAST({} AS TIMESTAMP)", column), zone, project, day));
  compare_instants(time, time.instant, bounds);
  return time;
}

}  // namespace

std::int64_t micros_per(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::Seconds:
      return 1'000'000;
    case TimeUnit::Milliseconds:
      return 1'000;
    case TimeUnit::Microseconds:
      return 1;
  }
  throw std::logic_error("a time unit without a length");
}

std::string instant_literal(Instant instant) {
  return instant_of_micros(std::to_string(instant.time_since_epoch().count()));
}

TimeSql time_sql(const std::string& column, ColumnType type, const Zone& column_zone,
                 std::optional<TimeUnit> unit, Day day, const Zone& project_zone) {
  const Interval bounds = project_zone.bounds(day);
  TimeSql time;
  switch (type) {
    case ColumnType::TimestampTz:
      time.instant =
          fmt::format("CASE WHEN {0} BETWEEN {1} AND {2} THEN CAST({0} AS TIMESTAMPTZ) END", column,
                      instant_of_micros(std::to_string(kFirstSecond * 1'000'000)),
                      instant_of_micros(std::to_string(kLastSecond * 1'000'000)));
      compare_instants(time, column, bounds);
      return time;
    case ColumnType::Timestamp: {
      const Zone::NaiveInterval naive = column_zone.naive(bounds);
      time.instant = instant_of_naive(fmt::format("CAST({} AS TIMESTAMP)", column), column_zone,
                                      project_zone, day);
      time.compared = column;
      time.start = naive_literal(naive.start);
      time.end = naive_literal(naive.end);
      return time;
    }
    case ColumnType::Date:
      time.instant = instant_of_naive(fmt::format("CAST({} AS TIMESTAMP)", column), project_zone,
                                      project_zone, day);
      time.compared = column;
      time.start = fmt::format("DATE '{}'", day.text());
      time.end = fmt::format("DATE '{}'", day.plus(1).text());
      return time;
    case ColumnType::Integer:
    case ColumnType::Double:
    case ColumnType::Decimal:
      return epoch_sql(column, type, unit.value_or(TimeUnit::Seconds), bounds);
    default:
      if (unit) return epoch_sql(column, type, *unit, bounds);
      return text_sql(column, column_zone, day, project_zone);
  }
}

std::string label_sql(const std::string& column, ColumnType type) {
  switch (type) {
    case ColumnType::Date:
      return column;
    case ColumnType::Timestamp:
      return fmt::format("TRY_CAST({} AS DATE)", column);
    case ColumnType::TimestampTz:
      return fmt::format("TRY_CAST(make_timestamp(epoch_us({})) AS DATE)", column);
    case ColumnType::Integer:  // 20261120
      return fmt::format(
          "CASE WHEN {0} BETWEEN 10000101 AND 99991231 "
          "THEN TRY(make_date({0} // 10000, {0} // 100 % 100, {0} % 100)) END",
          column);
    default:
      return fmt::format("TRY_CAST({} AS DATE)", column);
  }
}

}  // namespace millrace::pipeline
