#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <functional>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse {
namespace {

/// How a column tells the day: by bounds between which its values lie, or by being its label.
struct DayColumn {
  std::string name;                            ///< As an SQL identifier.
  std::function<std::string(Day)> label;       ///< Set when the column is the label itself.
  std::function<std::string(Day)> start, end;  ///< Literals of the half-open bounds otherwise; a
                                               ///< DATE has the first one too.
  bool is_epoch = false;                       ///< Numbers, of which none is beyond all days.
};

/// Half-open bounds of a day, as SQL.
struct Literals {
  std::string start, end;
};

[[noreturn]] void no_time(const Column& column, std::string_view advice) {
  throw Error(
      Fault::Misconfigured, column.type == ColumnType::Text ? "text_time" : "bad_time_column",
      fmt::format("the column {} is {}: the rows of a day cannot be found by it", column.name,
                  column.vendor_type.empty() ? name_of(column.type) : column.vendor_type),
      std::string(advice));
}

/// Bounds that are the day's instants, spelled by `literal`.
template <typename Spelling>
DayColumn bounded(std::string name, const Zone& zone, const Spelling& literal) {
  return {std::move(name),
          {},
          [=](Day day) { return literal(zone.bounds(day)).start; },
          [=](Day day) { return literal(zone.bounds(day)).end; },
          false};
}

/// A label's column. One with a time of day is cut to its date, as it is written there (UTC for a
/// column with a zone).
DayColumn label_column(const Column& column, const Dialect& dialect) {
  const std::string name = dialect.identifier(column.name);
  if (column.type == ColumnType::Date) {
    return {name, dialect.date_literal, dialect.date_literal, {}, false};
  }
  if (column.type == ColumnType::Text) {
    return {name, [&dialect](Day day) { return dialect.literal(day.text()); }, {}, {}, false};
  }
  if (column.type == ColumnType::Integer) {
    return {name, {}, digits_of, [](Day day) { return digits_of(day.plus(1)); }, false};
  }
  const bool with_zone = column.type == ColumnType::TimestampTz;
  if (!with_zone && column.type != ColumnType::Timestamp) {
    no_time(column,
            "Give a date, a timestamp, text such as 2026-11-20, or a number such as 20261120.");
  }
  const auto midnight = [&dialect, with_zone](Day day) {
    return with_zone ? dialect.instant_literal(Instant(day.sys()))
                     : dialect.naive_literal(Naive(day.sys().time_since_epoch()));
  };
  return {name, {}, midnight, [midnight](Day day) { return midnight(day.plus(1)); }, false};
}

DayColumn time_column(const Query& query, const std::vector<Column>& described,
                      const Dialect& dialect) {
  const Column& column = column_named(described, query.time.column);
  if (query.time.kind == TimeColumn::Kind::Label) return label_column(column, dialect);
  const std::string name = dialect.identifier(column.name);
  switch (column.type) {
    case ColumnType::Date:
      return label_column(column, dialect);
    case ColumnType::TimestampTz:
      return bounded(name, query.zone, [&dialect](Interval day) {
        return Literals{dialect.instant_literal(day.start), dialect.instant_literal(day.end)};
      });
    case ColumnType::Timestamp:
      return bounded(name, query.zone, [&dialect, zone = query.time.zone](Interval day) {
        const auto naive = zone.naive(day);
        return Literals{dialect.naive_literal(naive.start), dialect.naive_literal(naive.end)};
      });
    case ColumnType::Integer:
    case ColumnType::Double:
    case ColumnType::Decimal: {
      DayColumn epoch = bounded(name, query.zone,
                                [unit = query.time.unit.value_or(TimeUnit::Seconds)](Interval day) {
                                  return Literals{std::to_string(units_of(day.start, unit)),
                                                  std::to_string(units_of(day.end, unit))};
                                });
      epoch.is_epoch = true;
      return epoch;
    }
    default:
      no_time(column,
              fmt::format("Convert it in the query, for example: select cast({0} as "
                          "timestamp) as {0}, … Or select the day's rows with {{{{day_start}}}} "
                          "and {{{{day_end}}}}.",
                          column.name));
  }
}

std::string time_predicate(const DayColumn& column, DayRange range) {
  if (!column.label) {
    return fmt::format("{0} >= {1} and {0} < {2}", column.name, column.start(range.first),
                       column.end(range.last));
  }
  if (range.first == range.last) return column.name + " = " + column.label(range.first);
  if (!column.start) {
    // Between two texts are others than those of days.
    std::vector<std::string> labels;
    for (const Day day : range.days()) labels.push_back(column.label(day));
    return fmt::format("{} in ({})", column.name, fmt::join(labels, ", "));
  }
  return fmt::format("{0} >= {1} and {0} <= {2}", column.name, column.label(range.first),
                     column.label(range.last));
}

/// The rows that `time_predicate` finds on no day that can be written.
std::string no_day_predicate(const DayColumn& column, const Dialect& dialect) {
  const std::string null = column.name + " is null";
  // A number that is beyond all days is one in another unit, which has its own error.
  if (column.is_epoch) return null;
  if (column.label && !column.start) {
    return fmt::format("{} or {} not like {}", null, column.name, dialect.literal("____-__-__"));
  }
  const Day first = *Day::parse("0001-01-02"), last = *Day::parse("9999-12-30");
  return fmt::format("{} or {} < {} or {} >= {}", null, column.name, column.start(first),
                     column.name, column.end ? column.end(last) : column.start(last));
}

/// A partition of another type is compared by the warehouse in its own way, or not at all: a
/// timestamp with a date, which is its midnight, so that the last day would lack its rows.
void require_fits(const Partition& partition, const Column& column) {
  const auto is = [&](auto... types) { return ((column.type == types) || ...); };
  const bool fits = partition.type == "date" ? is(ColumnType::Date)
                    : partition.type == "text"
                        ? is(ColumnType::Text, ColumnType::Other)
                        : is(ColumnType::Integer, ColumnType::Decimal, ColumnType::Double);
  if (fits) return;
  const bool has_date = is(ColumnType::Timestamp, ColumnType::TimestampTz);
  const std::string_view right = is(ColumnType::Date)      ? "date"
                                 : is(ColumnType::Text)    ? "text"
                                 : is(ColumnType::Integer) ? "integer"
                                                           : "";
  throw Error(
      Fault::Misconfigured, "partition_type",
      fmt::format("the partition's column {} is {}, and its type is given as \"{}\"", column.name,
                  column.vendor_type.empty() ? name_of(column.type) : column.vendor_type,
                  partition.type),
      has_date ? fmt::format("Name a column of dates, or give the query one: cast({} as date) as "
                             "ds; or leave partition out",
                             column.name)
      : right.empty() ? std::string("Name a column of dates, text or whole numbers as partition")
                      : fmt::format("Write partition = {{ column = \"{}\", type = \"{}\" }}",
                                    column.name, right));
}

std::string partition_value(const Partition& partition, Day day, const Dialect& dialect) {
  if (partition.type == "text") return dialect.literal(day.text());
  if (partition.type == "date") return dialect.date_literal(day);
  return digits_of(day);
}

std::string partition_predicate(const Partition& partition, const std::vector<Column>& described,
                                DayRange range, const Dialect& dialect) {
  const Column& column = column_named(described, partition.column);
  require_fits(partition, column);
  const std::string name = dialect.identifier(column.name);
  const Day last = range.last.plus(partition.lag_days);
  const std::string from = partition_value(partition, range.first, dialect);
  if (range.first == last) return name + " = " + from;
  return fmt::format("{0} >= {1} and {0} <= {2}", name, from,
                     partition_value(partition, last, dialect));
}

bool selects_own_rows(const Query& query) {
  return query.time.kind == TimeColumn::Kind::None || has_placeholders(query.sql);
}

/// Halves the days until one is left, so a row takes log2(days) comparisons; a label that is text
/// is looked for among them.
template <typename Leaf>
std::string decision(const DayColumn& column, const std::vector<Day>& days, const Leaf& leaf) {
  if (days.size() == 1) return leaf(days[0]);
  if (!column.start) {
    std::string cases;
    for (const Day day : days) {
      cases += fmt::format(" when {} then {}", column.label(day), leaf(day));
    }
    return fmt::format("case {}{} end", column.name, cases);
  }
  const auto middle = days.begin() + static_cast<std::ptrdiff_t>(days.size() / 2);
  return fmt::format("case when {} < {} then {} else {} end", column.name, column.start(*middle),
                     decision(column, {days.begin(), middle}, leaf),
                     decision(column, {middle, days.end()}, leaf));
}

}  // namespace

std::string digits_of(Day day) {
  std::string digits = day.text();
  std::erase(digits, '-');
  return digits;
}

std::int64_t units_of(Instant instant, TimeUnit unit) {
  const auto since = instant.time_since_epoch();
  switch (unit) {
    case TimeUnit::Seconds:
      return std::chrono::ceil<std::chrono::seconds>(since).count();
    case TimeUnit::Milliseconds:
      return std::chrono::ceil<std::chrono::milliseconds>(since).count();
    case TimeUnit::Microseconds:
      return since.count();
  }
  throw std::logic_error("a time unit without a meaning");
}

std::string day_predicate(const Query& query, const std::vector<Column>& described, DayRange range,
                          const Dialect& dialect) {
  if (selects_own_rows(query)) return {};
  const DayColumn column = time_column(query, described, dialect);
  if (query.time.of_no_day) {
    const std::string no_day = no_day_predicate(column, dialect);
    if (!query.partition) return no_day;
    return fmt::format("{} and ({})",
                       partition_predicate(*query.partition, described, range, dialect), no_day);
  }
  std::string predicate = time_predicate(column, range);
  if (!query.partition) return predicate;
  predicate += " and " + partition_predicate(*query.partition, described, range, dialect);
  if (range.size() > 1) {
    // Each row by the partitions of its own day, so that a range has the rows that its days have.
    predicate += " and " + decision(column, range.days(), [&](Day day) {
                   return partition_predicate(*query.partition, described, {day, day}, dialect);
                 });
  }
  return predicate;
}

std::string range_select(const Query& query, const std::vector<Column>& described, DayRange range,
                         const Dialect& dialect) {
  std::string columns;
  for (const std::string& wanted : query.columns) {
    columns += columns.empty() ? "" : ", ";
    columns += dialect.identifier(column_named(described, wanted).name);
  }
  const std::string predicate = day_predicate(query, described, range, dialect);
  const std::string sql = customers_text(query, range, dialect);
  return fmt::format("{}select {} from (\n{}\n) as q{}{}", tag_comment(query.tag),
                     columns.empty() ? "*" : columns, sql, predicate.empty() ? "" : " where ",
                     predicate);
}

std::string day_select(const Query& query, const std::vector<Column>& described, Day day,
                       const Dialect& dialect) {
  return range_select(query, described, {day, day}, dialect);
}

std::string day_number(const Query& query, const std::vector<Column>& described, DayRange range,
                       const Dialect& dialect) {
  if (selects_own_rows(query)) return {};
  const DayColumn column = time_column(query, described, dialect);
  if (!column.start) return {};
  const std::vector<Day> days = range.days();
  if (!dialect.bounds_passed || days.size() == 1) {
    return decision(column, days, [&](Day day) { return std::to_string(range.place_of(day)); });
  }
  std::vector<std::string> bounds;
  for (const Day day : std::span(days).subspan(1)) bounds.push_back(column.start(day));
  const ColumnType type = column_named(described, query.time.column).type;
  return dialect.bounds_passed(column.name, type, bounds);
}

std::string day_key(const Query& query, const std::vector<Column>& described, DayRange range,
                    const Dialect& dialect) {
  check(!selects_own_rows(query), "only a query with a mapped time is counted by day");
  const std::string number = day_number(query, described, range, dialect);
  if (!number.empty()) return number;
  if (dialect.delivered) {
    return dialect.delivered(column_named(described, query.time.column), false);
  }
  return fmt::format("cast({} as varchar)", time_column(query, described, dialect).name);
}

Day day_of_key(std::string_view key, DayRange range) {
  if (const auto label = Day::parse(key)) return *label;
  int place = -1;
  std::from_chars(key.data(), key.data() + key.size(), place);
  check(place >= 0 && place < range.size(), "a counted row has a day of its range");
  return range.first.plus(place);
}

}  // namespace millrace::warehouse
