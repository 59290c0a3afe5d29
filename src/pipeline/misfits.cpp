#include "pipeline/misfits.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "pipeline/stage_day.h"
#include "pipeline/time_sql.h"

namespace millrace::pipeline {
namespace {

std::int64_t count_of(const Reasons& reasons, const std::string& reason) {
  const auto found = reasons.find(reason);
  return found == reasons.end() ? 0 : found->second;
}

bool near(double value, TimeUnit unit, Interval day) {
  const double micros = value * static_cast<double>(micros_per(unit));
  const auto at = [](Instant instant) {
    return static_cast<double>(instant.time_since_epoch().count());
  };
  return micros >= at(day.start - std::chrono::days(3 * 366)) &&
         micros <= at(day.end + std::chrono::days(3 * 366));
}

Error cast_failed(const std::string& column, const std::string& what) {
  return Error(Fault::BadData, "cast_failed",
               fmt::format("no value of column {} could be read as {}", column, what),
               fmt::format("Map another column, or convert {} in the query", column));
}

/// Where all rows outside the day lie, if that is the part of another zone's day: "00:00–08:00 UTC:
/// your query's day is UTC".
std::string other_zone(Interval rows, Day day, const Zone& ours, const Zone& theirs) {
  const Interval own = ours.bounds(day), other = theirs.bounds(day);
  if (rows.start < other.start || rows.end >= other.end || own.start == other.start) return {};
  const bool before = rows.end < own.start, after = rows.start >= own.end;
  const Interval part = before ? Interval{other.start, own.start} : Interval{own.end, other.end};
  if (!before && !after) return {};
  const auto clock = [](Instant instant) {
    const auto time = instant - std::chrono::floor<std::chrono::days>(instant);
    return fmt::format("{:%H:%M}", std::chrono::floor<std::chrono::minutes>(time));
  };
  return fmt::format("{}–{} UTC: your query's day is {}", clock(part.start), clock(part.end),
                     theirs.name());
}

std::string where_outside(engine::Database& database, const WorkOrder& work,
                          const Manifest& manifest, std::stop_token stop) {
  std::optional<Interval> rows;
  database.each(
      "SELECT epoch_us(min(ts)), epoch_us(max(ts)) FROM staged WHERE _exclude = 'outside_day'",
      [&](const engine::Row& row) {
        if (!row[0] || !row[1]) return;
        const auto instant = [](std::string_view micros) {
          return Instant(std::chrono::microseconds(std::stoll(std::string(micros))));
        };
        rows = Interval{instant(*row[0]), instant(*row[1])};
      },
      stop);
  if (!rows) return {};
  const Zone ours = Zone::named(work.definition.zone);
  std::vector<Zone> zones{Zone()};
  if (const std::string& name = work.definition.mapping.timestamp_zone; !name.empty()) {
    zones.push_back(Zone::named(name));
  }
  for (const Zone& zone : zones) {
    const std::string part = other_zone(*rows, manifest.day, ours, zone);
    if (!part.empty()) return ", all " + part;
  }
  return fmt::format(", from {} to {}", to_text(rows->start), to_text(rows->end));
}

/// The unit in which numbers are times near the day, when it is not the one they are read in.
std::optional<TimeUnit> fitting_unit(const std::vector<double>& values, TimeUnit read_as,
                                     Interval day) {
  if (values.empty()) return {};
  for (const TimeUnit unit : {TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds}) {
    const bool fits = std::all_of(values.begin(), values.end(),
                                  [&](double value) { return near(value, unit, day); });
    if (fits) return unit == read_as ? std::nullopt : std::optional(unit);
  }
  return {};
}

Error wrong_unit(const Mapping& mapping, TimeUnit fits, double example) {
  const TimeUnit read_as = mapping.timestamp_unit.value_or(TimeUnit::Seconds);
  const auto sentence = [&](const std::string& such) {
    return fmt::format("values of column {}{} are read as {}, which is no time near the day",
                       mapping.timestamp, such, name_of(read_as));
  };
  Error error(Fault::Misconfigured, "timestamp_unit", sentence(""),
              fmt::format("Write timestamp_unit = \"{}\" in the mapping", name_of(fits)));
  error.in_full = sentence(fmt::format(" such as {:.0f}", example));
  return error;
}

}  // namespace

std::optional<Error> misread_unit(engine::Database& database, const MapSql& map,
                                  const WorkOrder& work, const Manifest& manifest,
                                  std::stop_token stop) {
  const Certificate& proof = manifest.certificate;
  const std::int64_t no_time = count_of(proof.rejected_by_reason, "bad_time");
  const std::int64_t outside = count_of(proof.excluded_by_rule, "outside_day");
  if (!map.has_time || no_time + outside != proof.read) return {};
  std::vector<double> values;
  database.each(
      "SELECT _time FROM staged WHERE _time IS NOT NULL LIMIT 1000",
      [&](const engine::Row& row) { values.push_back(std::stod(std::string(*row[0]))); }, stop);
  const Mapping& mapping = work.definition.mapping;
  const Interval day = Zone::named(work.definition.zone).bounds(manifest.day);
  const auto fits = fitting_unit(values, mapping.timestamp_unit.value_or(TimeUnit::Seconds), day);
  if (!fits) return {};
  return wrong_unit(mapping, *fits, values.front());
}

void refuse_misfits(engine::Database& database, const MapSql& map, const WorkOrder& work,
                    const Manifest& manifest, std::stop_token stop) {
  const Certificate& proof = manifest.certificate;
  if (const auto misread = misread_unit(database, map, work, manifest, stop)) throw *misread;
  const std::int64_t no_time = count_of(proof.rejected_by_reason, "bad_time");
  const Mapping& mapping = work.definition.mapping;
  if (no_time == proof.read && proof.read > 0) {
    throw cast_failed(mapping.timestamp.empty() ? mapping.date : mapping.timestamp, "a time");
  }
  if (map.casts.empty() || proof.rejected + proof.partly_loaded == 0) return;
  std::string counts;
  for (const Cast& cast : map.casts) {
    counts += fmt::format("{}count(nullif(CAST({} AS VARCHAR), '')), count({})",
                          counts.empty() ? "" : ", ", cast.raw, cast.value);
  }
  database.each(
      fmt::format("SELECT {} FROM staged", counts),
      [&](const engine::Row& row) {
        for (std::size_t i = 0; i < map.casts.size(); ++i) {
          if (*row[2 * i] != "0" && *row[2 * i + 1] == "0") {
            throw cast_failed(map.casts[i].column, "a finite number");
          }
        }
      },
      stop);
}

std::string misread_times(engine::Database& database, const engine::Relation& rows,
                          const Column& column, const TimeColumn& time,
                          const Definition& definition, Day day, std::stop_token stop) {
  const std::string value = engine::identifier(column.name);
  const Zone zone = Zone::named(definition.zone);
  const bool label = time.kind == TimeColumn::Kind::Label;
  const TimeSql as_time = time_sql(value, column.type, time.zone, time.unit, day, zone);
  // Labels in text are compared as they are written.
  const std::string read =
      !label ? as_time.instant
      : column.type == ColumnType::Text
          ? fmt::format(
                "CASE WHEN regexp_full_match({0}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') "
                "THEN {0} END",
                value)
          : label_sql(value, column.type);
  const bool is_number = !label && !as_time.number.empty();
  std::int64_t all = 0, given = 0, readable = 0;
  std::vector<double> numbers;
  database.each(
      fmt::format("SELECT nullif(CAST({} AS VARCHAR), '') IS NOT NULL, {} IS NOT NULL, {} "
                  "FROM ({}\n)",
                  value, read, is_number ? as_time.number : "NULL", rows.sql),
      [&](const engine::Row& row) {
        ++all;
        given += *row[0] == "true" ? 1 : 0;
        readable += *row[1] == "true" ? 1 : 0;
        if (row[2]) numbers.push_back(std::stod(std::string(*row[2])));
      },
      stop);
  const TimeUnit read_as = time.unit.value_or(TimeUnit::Seconds);
  if (const auto fits = fitting_unit(numbers, read_as, zone.bounds(day))) {
    throw wrong_unit(definition.mapping, *fits, numbers.front());
  }
  if (given > 0 && readable == 0) {
    throw cast_failed(column.name, label ? "a date such as 2026-11-20" : "a time");
  }
  if (all == 0 || given > 0) return {};
  return fmt::format("none of {} rows of any day has a value in {}, which says the day of a row",
                     all, column.name);
}

std::string outside_note(engine::Database& database, const MapSql& map, const WorkOrder& work,
                         const Manifest& manifest, std::string_view rows, std::stop_token stop) {
  const Certificate& proof = manifest.certificate;
  const std::int64_t outside = count_of(proof.excluded_by_rule, "outside_day");
  if (outside == 0) return {};
  const double percent = 100.0 * static_cast<double>(outside) / static_cast<double>(proof.read);
  const std::string share = percent < 0.5 ? fmt::format("{} of {}", outside, rows)
                                          : fmt::format("{:.0f} % of {}", percent, rows);
  const bool timed = work.definition.dataset != Dataset::Metrics && !map.time_output.empty();
  return fmt::format(
      "{} lie outside the day{}", share,
      timed ? where_outside(database, work, manifest, stop) : ": their date is another day's");
}

std::string no_day_note(warehouse::Connector& connector, const Query& query, Day day,
                        std::stop_token stop) {
  if (query.time.kind == TimeColumn::Kind::None) return {};
  Query others = query;
  others.time.of_no_day = true;
  std::int64_t rows = 0;
  for (const DayCount& count : connector.count(others, {day, day}, false, stop)) rows += count.rows;
  if (rows == 0) return {};
  const bool label = query.time.kind == TimeColumn::Kind::Label;
  return fmt::format("{} row{} no day, and no load reads {}: {} {} is null, or no {}", rows,
                     rows == 1 ? " has" : "s have", rows == 1 ? "it" : "them",
                     rows == 1 ? "its" : "their", query.time.column,
                     label ? "date such as 2026-11-20" : "time");
}

std::string pruned_note(warehouse::Connector& connector, const Query& query, Day day,
                        std::int64_t rows, std::stop_token stop) {
  if (!query.partition) return {};
  Query whole = query;
  whole.partition.reset();
  const std::int64_t pruned = rows_of(connector, whole, day, stop) - rows;
  if (pruned <= 0) return {};
  return fmt::format(
      "{} row{} of the day {} not read, as {} {} is another date; `lag_days` of the "
      "partition lets later ones in",
      pruned, pruned == 1 ? "" : "s", pruned == 1 ? "is" : "are", pruned == 1 ? "its" : "their",
      query.partition->column);
}

}  // namespace millrace::pipeline
