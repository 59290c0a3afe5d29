#include "warehouse/sql_connector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse {
namespace {

/// The customer's part as it stands in a statement for `range`.
std::string customers_text(const Query& query, DayRange range, const Dialect& dialect) {
  return one_select(render(query.sql, range, query.zone, dialect), dialect);
}

/// The columns that are read, in the query's order; each must be there once.
std::vector<Column> chosen(const Query& query, const std::vector<Column>& described) {
  std::vector<Column> columns;
  if (query.columns.empty()) columns = described;
  for (const std::string& name : query.columns) columns.push_back(column_named(described, name));
  for (const Column& column : columns) {
    if (std::count_if(described.begin(), described.end(),
                      [&](const Column& other) { return other.name == column.name; }) > 1) {
      throw Error(Fault::Misconfigured, "duplicate_column",
                  fmt::format("reading the query: it has more than one column \"{}\"", column.name),
                  fmt::format("Give each a name of its own: … as {}_2", column.name));
    }
  }
  if (columns.empty()) {
    throw Error(Fault::Misconfigured, "no_columns", "reading the query: it returns no columns",
                "Name at least one column after SELECT");
  }
  return columns;
}

std::string delivered_list(const std::vector<Column>& columns, const Query& query, bool bounded,
                           const Dialect& dialect) {
  std::vector<std::string> items;
  for (const Column& column : columns) {
    // The day's predicate has already dropped infinite values of the time column.
    const bool finite = bounded && column.name == query.time.column;
    items.push_back(dialect.delivered(column, !finite) + " as " + dialect.identifier(column.name));
  }
  return fmt::format("{}", fmt::join(items, ", "));
}

/// A fingerprint's columns as part of its key: another column or type is another key.
std::string key_of(const std::vector<Column>& columns, const Dialect& dialect) {
  std::vector<std::string> items;
  for (const Column& column : columns) {
    items.push_back(dialect.identifier(column.name) + ":" + column.vendor_type);
  }
  return fmt::format("{}", fmt::join(items, ","));
}

std::string pattern_condition(const std::string& pattern, const Dialect& dialect) {
  if (pattern.empty()) return "true";
  const std::string name = "lower(n.nspname || '.' || c.relname)";
  if (pattern.find_first_of("*%") == std::string::npos) {
    return fmt::format("position(lower({}) in {}) > 0", dialect.literal(pattern), name);
  }
  std::string like;
  for (const char c : pattern) {
    if (c == '_' || c == '^') like += '^';
    like += c == '*' ? '%' : c;
  }
  const std::string literal = dialect.literal(like);
  return fmt::format(
      "(lower(c.relname) like lower({0}) escape '^' or {1} like lower({0}) escape "
      "'^')",
      literal, name);
}

/// `schema.table` as browse gives it, each part quoted.
std::string table_spelled(const std::string& table, const Dialect& dialect) {
  const auto dot = table.find('.');
  if (dot == std::string::npos) return dialect.identifier(table);
  return dialect.identifier(table.substr(0, dot)) + "." + dialect.identifier(table.substr(dot + 1));
}

}  // namespace

SqlConnector::SqlConnector(const Dialect& dialect, std::unique_ptr<Transport> transport)
    : dialect_(dialect), transport_(std::move(transport)) {}

ProbeReport SqlConnector::probe(std::stop_token stop) { return transport_->probe(stop); }

std::vector<Table> SqlConnector::browse(const std::string& pattern, std::stop_token stop) {
  std::vector<Table> tables;
  const std::string sql = tag_comment({}) + dialect_.tables(pattern_condition(pattern, dialect_));
  transport_->each(
      {sql, {}},
      [&](const engine::Row& row) {
        tables.push_back({std::string(*row[0]), std::string(*row[1]), std::string(*row[2])});
      },
      stop);
  return tables;
}

std::vector<Column> SqlConnector::columns(const std::string& table, std::stop_token stop) {
  const std::string sql = tag_comment({}) + "select * from " + table_spelled(table, dialect_);
  try {
    return transport_->describe({sql, {}}, stop);
  } catch (const Error& error) {
    if (error.code != "missing_table") throw;
    const bool in_schema = table.find('.') != std::string::npos;
    std::vector<std::string> names;
    for (const Table& known : browse({}, stop)) {
      names.push_back(in_schema ? known.schema + "." + known.name : known.name);
    }
    Error nearer = error.reworded(
        [&](const std::string& words) { return words + did_you_mean(nearest(table, names)); });
    nearer.advice = "`millrace connection tables NAME` lists those that this account may read";
    throw nearer;
  }
}

const std::vector<Column>& SqlConnector::described(const Query& query, Day day,
                                                   std::stop_token stop) {
  const auto known = described_.find(query.sql);
  if (known != described_.end()) return known->second;
  const std::string customers = customers_text(query, {day, day}, dialect_);
  const std::string sql = tag_comment(query.tag) + "select * from (\n" + customers + "\n) as q";
  return described_.emplace(query.sql, transport_->describe({sql, customers}, stop)).first->second;
}

std::vector<Column> SqlConnector::describe(const Query& query, Day day, std::stop_token stop) {
  return described(query, day, stop);
}

engine::Relation SqlConnector::scan(const Statement& statement, std::vector<Column> columns,
                                    engine::Database& into, arrow::Flow& flow,
                                    std::stop_token stop) {
  const bool checked = transport_->server(stop).checks_text;
  arrow::Stream rows = transport_->stream(statement, columns, stop);
  const std::string name = fmt::format("warehouse_rows_{}", ++scans_);
  into.scan(name, arrow::observed(std::move(rows), flow, [stop] { return stop.stop_requested(); }));
  return {"select * from " + name, std::move(columns),
          checked ? engine::Texts::Checked : engine::Texts::Unchecked, true};
}

engine::Relation SqlConnector::sample(const Query& query, Day day, std::int64_t rows,
                                      engine::Database& into, std::stop_token stop) {
  return scan(reading(query, day, fmt::format(" limit {}", rows), stop),
              chosen(query, described(query, day, stop)), into, sample_flow_, stop);
}

Statement SqlConnector::reading(const Query& query, Day day, const std::string& limit,
                                std::stop_token stop) {
  const std::vector<Column>& all = described(query, day, stop);
  const bool bounded = !day_predicate(query, all, {day, day}, dialect_).empty();
  return {fmt::format("{}select {} from (\n{}\n) as r{}", tag_comment(query.tag),
                      delivered_list(chosen(query, all), query, bounded, dialect_),
                      day_select(query, all, day, dialect_), limit),
          customers_text(query, {day, day}, dialect_)};
}

engine::Relation SqlConnector::read(const Query& query, Day day, engine::Database& into,
                                    arrow::Flow& flow, std::stop_token stop) {
  return scan(reading(query, day, "", stop), chosen(query, described(query, day, stop)), into, flow,
              stop);
}

std::optional<std::string> SqlConnector::scalar(const std::string& sql, Day day, const Zone& zone,
                                                std::stop_token stop) {
  const std::string customers = one_select(render(sql, {day, day}, zone, dialect_), dialect_);
  return first_cell(
      {tag_comment({}) + "select * from (\n" + customers + "\n) as q limit 1", customers}, stop);
}

std::optional<std::string> SqlConnector::first_cell(const Statement& statement,
                                                    std::stop_token stop) {
  std::optional<std::string> answer;
  transport_->each(
      statement,
      [&](const engine::Row& row) {
        if (!row.empty() && row[0]) answer = std::string(*row[0]);
      },
      stop);
  return answer;
}

std::optional<std::string> SqlConnector::written(const std::string& table, Day, const Zone&,
                                                 std::stop_token stop) {
  if (!dialect_.written) return "";
  const std::string name = dialect_.literal(table_spelled(table, dialect_));
  return first_cell({tag_comment({}) + dialect_.written(name), {}}, stop);
}

std::vector<Token> SqlConnector::tokens(const Query&, DayRange days, std::stop_token) {
  std::vector<Token> none;
  for (const Day day : days.days()) none.push_back({day, {}});
  return none;
}

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
  const auto& all = described(query, days.first, stop);
  const std::string customers = customers_text(query, days, dialect_);
  const std::string predicate = day_predicate(query, all, days, dialect_);
  const bool one_day = predicate.empty() || days.size() == 1;
  const bool named = by_name && !query.name_column.empty();

  std::vector<std::string> groups;
  if (!one_day) groups.push_back(day_expression(query, all, days, dialect_));
  if (named) {
    groups.push_back(dialect_.delivered(column_named(all, query.name_column), true));
  }
  std::vector<std::string> items = groups, ordinals;
  for (std::size_t i = 1; i <= groups.size(); ++i) ordinals.push_back(std::to_string(i));
  items.push_back("count(*)");
  std::string sql = fmt::format("{}select {} from (\n{}\n) as q", tag_comment(query.tag),
                                fmt::join(items, ", "), customers);
  if (!predicate.empty()) sql += " where " + predicate;
  if (!groups.empty()) sql += fmt::format(" group by {}", fmt::join(ordinals, ", "));

  transport_->each(
      {sql, customers},
      [&](const engine::Row& row) {
        DayCount count{days.first, {}, std::atoll(std::string(row.back().value_or("0")).c_str())};
        std::size_t at = 0;
        if (!one_day) {
          const auto day = Day::parse(row[at++].value_or(""));
          check(day.has_value(), "a counted row has a day");
          count.day = *day;
        }
        if (named) count.name = row[at].value_or("");
        if (count.rows > 0) counts.push_back(std::move(count));
      },
      stop);
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
  const std::vector<Column> columns = chosen(query, all);
  each.assign(static_cast<std::size_t>(days.size()), keyed(columns, stop));
  const std::string sql =
      fmt::format("{}select {}, count(*), {} from (\n{}\n) as r group by 1", tag_comment(query.tag),
                  number, dialect_.hash_sum(columns, transport_->server(stop).major),
                  range_select(query, all, days, dialect_));
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

Statement SqlConnector::range_reading(const Query& query, DayRange days, std::stop_token stop) {
  const std::vector<Column>& all = described(query, days.first, stop);
  const std::string number = day_number(query, all, days, dialect_);
  return {fmt::format("{}select {}, {} as {} from (\n{}\n) as r", tag_comment(query.tag),
                      delivered_list(chosen(query, all), query, true, dialect_), number,
                      dialect_.identifier(kDayNumber), range_select(query, all, days, dialect_)),
          customers_text(query, days, dialect_)};
}

engine::Relation SqlConnector::read_range(const Query& query, DayRange days, engine::Database& into,
                                          arrow::Flow& flow, std::stop_token stop) {
  const Statement statement = range_reading(query, days, stop);
  std::vector<Column> columns = chosen(query, described(query, days.first, stop));
  columns.push_back({std::string(kDayNumber), ColumnType::Integer, "integer"});
  engine::Relation rows = scan(statement, std::move(columns), into, flow, stop);
  rows.columns.pop_back();
  return rows;
}

std::optional<Estimate> SqlConnector::estimate(const Query& query, DayRange days,
                                               std::stop_token stop) {
  if (day_number(query, described(query, days.first, stop), days, dialect_).empty()) return {};
  const Statement statement = range_reading(query, days, stop);
  std::optional<Estimate> found;
  transport_->each(
      {std::string(dialect_.explain) + statement.sql, statement.customers},
      [&](const engine::Row& row) {
        const std::string line(row.at(0).value_or(""));
        long long rows = 0, width = 0;
        const auto at = line.find(" rows=");
        if (found || at == std::string::npos) return;
        if (std::sscanf(line.c_str() + at, " rows=%lld width=%lld", &rows, &width) == 2) {
          found = Estimate{rows * width, width};
        }
      },
      stop);
  return found.value_or(Estimate());
}

Fingerprint SqlConnector::fingerprint(const Query& query, Day day, bool by_column,
                                      std::stop_token stop) {
  const std::vector<Column>& all = described(query, day, stop);
  const std::vector<Column> columns = chosen(query, all);
  const int major = transport_->server(stop).major;
  std::vector<std::string> sums = {dialect_.hash_sum(columns, major)};
  if (by_column) {
    for (const Column& column : columns) sums.push_back(dialect_.hash_sum({column}, major));
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

bool SqlConnector::snapshot(std::stop_token stop) { return transport_->snapshot(stop); }

std::unique_ptr<Connector> SqlConnector::twin(std::stop_token stop) {
  auto other = std::make_unique<SqlConnector>(dialect_, transport_->twin(stop));
  other->described_ = described_;
  return other;
}

std::vector<std::string> SqlConnector::running(const std::string& tag, std::stop_token stop) {
  std::vector<std::string> ids;
  transport_->each(
      {tag_comment({}) + dialect_.running(tag), {}},
      [&](const engine::Row& row) { ids.emplace_back(*row[0]); }, stop);
  return ids;
}

void SqlConnector::cancel(const std::string& query_id) { transport_->cancel(query_id); }

std::string SqlConnector::server() { return transport_->server({}).product; }

engine::Options SqlConnector::engine_needs() { return {}; }

}  // namespace millrace::warehouse
