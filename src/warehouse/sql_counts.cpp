#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "warehouse/query_text.h"
#include "warehouse/sql_connector.h"

namespace millrace::warehouse {
namespace {

/// With more days, planning each of them by itself would take its time.
constexpr int kDaysByThemselves = 31;

/// A fingerprint's columns as part of its key: another column or type is another key.
std::string key_of(const std::vector<Column>& columns, const Dialect& dialect) {
  std::vector<std::string> items;
  for (const Column& column : columns) {
    items.push_back(dialect.identifier(column.name) + ":" + column.vendor_type);
  }
  return fmt::format("{}", fmt::join(items, ","));
}

/// What stands before and behind `(…) as q where …` where those rows are grouped.
struct Grouping {
  std::string opened, closed;
};

/// COUNT, and the sum of `hash` where it is given, of rows that are alike in `keys`.
Grouping grouping(const std::vector<std::string>& keys, const std::string& hash,
                  const Dialect& dialect) {
  std::vector<std::string> inner, outer, nulls(keys.size() + (hash.empty() ? 0 : 1), "null");
  for (const std::string& key : keys) {
    outer.push_back(fmt::format("key{}", outer.size() + 1));
    inner.push_back(fmt::format("{} as {}", key, outer.back()));
  }
  const std::string by = fmt::format("{}", fmt::join(outer, ", "));
  outer.emplace_back("count(*)");
  if (!hash.empty()) {
    inner.push_back(hash + " as row_hash");
    outer.emplace_back("sum(row_hash)");
  }
  Grouping text;
  text.opened = fmt::format("select {} from (\nselect {} from ", fmt::join(outer, ", "),
                            fmt::join(inner, ", "));
  if (!dialect.second_source.empty()) {
    text.closed = fmt::format("\nunion all select {} from {} where false", fmt::join(nulls, ", "),
                              dialect.second_source);
  }
  text.closed += "\n) as g group by " + by;
  return text;
}

}  // namespace

std::vector<DayCount> SqlConnector::count(const Query& query, DayRange days, bool by_name,
                                          std::stop_token stop) {
  std::vector<DayCount> counts;
  const auto& all = described(query, days.first, stop);
  if (!day_predicate(query, all, days, dialect_).empty()) {
    count_into(counts, query, days, by_name, stop);
  } else {
    for (const Day day : days.days()) count_into(counts, query, {day, day}, by_name, stop);
  }
  return counts;
}

void SqlConnector::count_into(std::vector<DayCount>& counts, const Query& query, DayRange days,
                              bool by_name, std::stop_token stop) {
  const bool one_day = days.size() == 1;
  const bool named = by_name && !query.name_column.empty();
  transport_->each(
      counting(query, days, by_name, stop),
      [&](const engine::Row& row) {
        DayCount count{days.first, {}, std::atoll(std::string(row.back().value_or("0")).c_str())};
        std::size_t at = 0;
        if (!one_day) count.day = day_of_key(row[at++].value_or(""), days);
        if (named) count.name = row[at].value_or("");
        if (count.rows > 0) counts.push_back(std::move(count));
      },
      stop);
}

Statement SqlConnector::counting(const Query& query, DayRange days, bool by_name,
                                 std::stop_token stop) {
  const auto& all = described(query, days.first, stop);
  const std::string customers = customers_text(query, days, dialect_);
  const auto rows = [&](DayRange of) {
    const std::string predicate = day_predicate(query, all, of, dialect_);
    return fmt::format("(\n{}\n) as q{}{}", customers, predicate.empty() ? "" : " where ",
                       predicate);
  };
  const bool one_day = days.size() == 1;
  std::vector<std::string> keys;
  if (!one_day) keys.push_back(day_key(query, all, days, dialect_));
  if (by_name && !query.name_column.empty()) {
    keys.push_back(dialect_.delivered(column_named(all, query.name_column), true));
  }
  const std::string tag = tag_comment(query.tag);
  if (keys.empty()) return {tag + "select count(*) from " + rows(days), customers};
  const Grouping group = grouping(keys, {}, dialect_);
  Statement grouped{tag + group.opened + rows(days) + group.closed, customers};
  if (one_day || keys.size() > 1 || days.size() > kDaysByThemselves) return grouped;

  // An index may count a day without a look at its rows.
  std::vector<std::string> each;
  for (const Day day : days.days()) {
    each.push_back(
        fmt::format("select {}, count(*) from {}", days.place_of(day), rows({day, day})));
  }
  Statement by_day{fmt::format("{}{}", tag, fmt::join(each, "\nunion all ")), customers};
  const auto grouped_plan = plan(grouped, stop), by_day_plan = plan(by_day, stop);
  const bool own = grouped_plan && by_day_plan && by_day_plan->cost < grouped_plan->cost;
  return own ? by_day : grouped;
}

Fingerprint SqlConnector::keyed(const std::vector<Column>& columns, std::stop_token stop) {
  const int major = transport_->server(stop).major;
  Fingerprint empty;
  empty.key = fmt::format("{}/{}/{}", dialect_.recipe(major), major, key_of(columns, dialect_));
  empty.sum = "0";
  return empty;
}

std::vector<Fingerprint> SqlConnector::fingerprints(const Query& query, DayRange days,
                                                    std::stop_token stop) {
  std::vector<Fingerprint> each;
  const std::vector<Column>& all = described(query, days.first, stop);
  const std::string number = day_number(query, all, days, dialect_);
  const std::vector<Column> columns = chosen(query, days.first, stop);
  each.assign(static_cast<std::size_t>(days.size()), keyed(columns, stop));
  const Grouping group =
      grouping({number}, dialect_.row_hash(columns, transport_->server(stop).major), dialect_);
  const std::string sql = fmt::format("{}{}(\n{}\n) as r{}", tag_comment(query.tag), group.opened,
                                      range_select(query, all, days, dialect_), group.closed);
  transport_->each(
      {sql, customers_text(query, days, dialect_)},
      [&](const engine::Row& row) {
        Fingerprint& found = each.at(std::stoul(std::string(row.at(0).value())));
        found.rows = std::atoll(std::string(row.at(1).value_or("0")).c_str());
        found.sum = row.at(2).value_or("0");
      },
      stop);
  return each;
}

std::optional<Estimate> SqlConnector::estimate(const Query& query, DayRange days,
                                               std::stop_token stop) {
  if (day_number(query, described(query, days.first, stop), days, dialect_).empty()) return {};
  const auto planned = plan(reading(query, days, "", "", stop), stop);
  if (!planned) return Estimate();
  return Estimate{planned->rows * planned->width, planned->width, planned->cost};
}

std::optional<SqlConnector::Plan> SqlConnector::plan(const Statement& statement,
                                                     std::stop_token stop) {
  std::optional<Plan> found;
  if (dialect_.explain.empty()) return found;
  transport_->each(
      {std::string(dialect_.explain) + statement.sql, statement.customers},
      [&](const engine::Row& row) {
        const std::string line(row.at(0).value_or(""));
        const auto at = line.find("(cost=");
        if (found || at == std::string::npos) return;
        Plan plan;
        if (std::sscanf(line.c_str() + at, "(cost=%*f..%lf rows=%lld width=%lld)", &plan.cost,
                        &plan.rows, &plan.width) == 3) {
          found = plan;
        }
      },
      stop);
  return found;
}

Fingerprint SqlConnector::fingerprint(const Query& query, Day day, bool by_column,
                                      std::stop_token stop) {
  const std::vector<Column>& all = described(query, day, stop);
  const std::vector<Column> columns = chosen(query, day, stop);
  const int major = transport_->server(stop).major;
  const auto sum = [&](const std::vector<Column>& of) {
    return fmt::format("sum({})", dialect_.row_hash(of, major));
  };
  std::vector<std::string> sums = {sum(columns)};
  if (by_column) {
    for (const Column& column : columns) sums.push_back(sum({column}));
  }
  const std::string sql =
      fmt::format("{}select count(*), {} from (\n{}\n) as r", tag_comment(query.tag),
                  fmt::join(sums, ", "), day_select(query, all, day, dialect_));

  Fingerprint result = keyed(columns, stop);
  transport_->each(
      {sql, customers_text(query, {day, day}, dialect_)},
      [&](const engine::Row& row) {
        result.rows = std::atoll(std::string(row[0].value_or("0")).c_str());
        result.sum = row.at(1).value_or("0");
        for (std::size_t i = 0; by_column && i < columns.size(); ++i) {
          result.by_column.emplace_back(columns[i].name, row.at(i + 2).value_or("0"));
        }
      },
      stop);
  return result;
}

}  // namespace millrace::warehouse
