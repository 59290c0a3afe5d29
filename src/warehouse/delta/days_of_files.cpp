#include "warehouse/delta/days_of_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/letters.h"
#include "warehouse/lake/text.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse::delta {
namespace {

/// Values that rows of the asked days may have, both included, as SQL of the type.
struct Values {
  std::string type, least, greatest;
};

std::string instant_literal(Instant instant) {
  return "TIMESTAMPTZ " + lake::kDialect.literal(to_text(instant));
}

/// Statistics cut times to milliseconds.
constexpr std::chrono::milliseconds kCut(1);
/// A time without a zone may be a day away from the instant it means.
constexpr std::chrono::hours kZoneMost(24);

/// Days that every zone has: what lies beyond them may be no day's.
DayRange all_days() { return {*Day::parse("0001-01-05"), *Day::parse("9999-12-25")}; }

bool is_whole_number(const std::string& type) {
  return type == "BIGINT" || type == "INTEGER" || type == "SMALLINT" || type == "TINYINT";
}

/// Of a column that is a day's label.
std::optional<Values> of_label(const std::string& type, DayRange days) {
  const std::string first = lake::kDialect.literal(days.first.text());
  const std::string last = lake::kDialect.literal(days.last.text());
  if (type == "DATE") return Values{type, "DATE " + first, "DATE " + last};
  if (type == "VARCHAR") return Values{type, first, last};
  if (is_whole_number(type)) return Values{"BIGINT", digits_of(days.first), digits_of(days.last)};
  return {};
}

std::optional<Values> of_time(const TableColumn& column, const Query& query, DayRange days) {
  const std::string& type = column.type;
  const bool is_label = query.time.kind == TimeColumn::Kind::Label;
  if (const auto label = of_label(type, days); label && (is_label || type == "DATE")) return label;
  // A label with a time of day is cut to its date in UTC.
  const Instant start = is_label ? Instant(days.first.sys()) : query.zone.bounds(days.first).start;
  const Instant end =
      is_label ? Instant(days.last.plus(1).sys()) : query.zone.bounds(days.last).end;
  if (type == "TIMESTAMP WITH TIME ZONE" && !column.is_partition) {
    return Values{type, instant_literal(start - kCut), instant_literal(end - Instant::duration(1))};
  }
  if (type.starts_with("TIMESTAMP")) {
    return Values{"TIMESTAMP WITH TIME ZONE", instant_literal(start - kZoneMost),
                  instant_literal(end + kZoneMost)};
  }
  if (!is_whole_number(type)) return {};
  const TimeUnit unit = query.time.unit.value_or(TimeUnit::Seconds);
  return Values{"BIGINT", std::to_string(units_of(start, unit)),
                std::to_string(units_of(end, unit) - 1)};
}

/// A text about the column in the JSON of a file: of its partition, or of its statistics.
std::string text_about(const TableColumn& column, std::string_view statistic) {
  const std::string name = lake::kDialect.literal("$.\"" + column.name + "\"");
  const std::string from =
      column.is_partition
          ? std::string("json_extract(file, '$.partitionValues')")
          : fmt::format(
                "json_extract(try_cast(json_extract_string(file, '$.stats') as json), '$.{}')",
                statistic);
  return fmt::format("json_extract_string({}, {})", from, name);
}

/// Where a file's values lie between two, as far as it tells.
std::string overlap(const TableColumn& column, const Values& values) {
  return fmt::format("try_cast({} as {}) >= {} and try_cast({} as {}) <= {}",
                     text_about(column, "maxValues"), values.type, values.least,
                     text_about(column, "minValues"), values.type, values.greatest);
}

/// Of rows that no day has: the column is null, or lies beyond all days that can be written.
std::string no_day(const TableColumn& column, const Values& days) {
  const std::string value = text_about(column, "minValues");
  if (column.is_partition && column.type == "VARCHAR") {
    return fmt::format("{} not like '____-__-__'", value);
  }
  if (column.type == "VARCHAR") return "true";
  const std::string is_null = column.is_partition ? "false"
                                                  : fmt::format("try_cast({} as BIGINT) > 0",
                                                                text_about(column, "nullCount"));
  return fmt::format("{} or try_cast({} as {}) < {} or try_cast({} as {}) > {}", is_null, value,
                     days.type, days.least, text_about(column, "maxValues"), days.type,
                     days.greatest);
}

/// The column, where the SQL passes it on as it is; else none.
const TableColumn* passed(const std::string& name, const lake::Asked& asked,
                          const std::vector<TableColumn>& columns) {
  const auto found = std::ranges::find_if(
      columns, [&](const TableColumn& column) { return same_name(column.name, name); });
  if (found == columns.end() || found->name.find_first_of("\"\\") != std::string::npos) return {};
  return engine::passes_rows_by(asked.select, name) ? &*found : nullptr;
}

}  // namespace

std::string may_hold(const lake::Asked& asked, const std::vector<TableColumn>& columns) {
  const TimeColumn& time = asked.query.time;
  if (time.kind == TimeColumn::Kind::None || lake::days_choose_files(asked.query)) return {};
  std::vector<std::string> conditions;
  const auto add = [&](const std::string& condition) {
    conditions.push_back(fmt::format("coalesce({}, true)", condition));
  };
  if (const TableColumn* column = passed(time.column, asked, columns)) {
    const auto values = of_time(*column, asked.query, time.of_no_day ? all_days() : asked.days);
    if (values) add(time.of_no_day ? no_day(*column, *values) : overlap(*column, *values));
  }
  if (const auto& partition = asked.query.partition) {
    const TableColumn* column = passed(partition->column, asked, columns);
    const DayRange days{asked.days.first, asked.days.last.plus(partition->lag_days)};
    const auto values = column == nullptr ? std::nullopt : of_label(column->type, days);
    if (values) add(overlap(*column, *values));
  }
  return fmt::format("{}", fmt::join(conditions, " and "));
}

}  // namespace millrace::warehouse::delta
