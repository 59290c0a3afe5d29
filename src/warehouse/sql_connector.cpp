#include "warehouse/sql_connector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse {
namespace {

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

std::vector<std::string> Transport::running(const std::string&, std::stop_token) {
  throw std::logic_error("a dialect without SQL for running statements has a transport that asks");
}

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

std::vector<Column> SqlConnector::chosen(const Query& query, Day day, std::stop_token stop) {
  const std::vector<Column>& all = described(query, day, stop);
  std::vector<Column> columns;
  if (query.columns.empty()) columns = all;
  for (const std::string& name : query.columns) columns.push_back(column_named(all, name));
  for (const Column& column : columns) {
    if (std::count_if(all.begin(), all.end(),
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
  return scan(reading(query, {day, day}, "", fmt::format(" limit {}", rows), stop),
              chosen(query, day, stop), into, sample_flow_, stop);
}

Statement SqlConnector::reading(const Query& query, DayRange days, const std::string& more,
                                const std::string& limit, std::stop_token stop) {
  const std::vector<Column>& all = described(query, days.first, stop);
  const bool bounded = !day_predicate(query, all, days, dialect_).empty();
  return {fmt::format("{}select {}{} from (\n{}\n) as r{}", tag_comment(query.tag),
                      delivered_list(chosen(query, days.first, stop), query, bounded, dialect_),
                      more, range_select(query, all, days, dialect_), limit),
          customers_text(query, days, dialect_)};
}

engine::Relation SqlConnector::read(const Query& query, Day day, engine::Database& into,
                                    arrow::Flow& flow, std::stop_token stop) {
  return scan(reading(query, {day, day}, "", "", stop), chosen(query, day, stop), into, flow, stop);
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

engine::Relation SqlConnector::read_range(const Query& query, DayRange days, engine::Database& into,
                                          arrow::Flow& flow, std::stop_token stop) {
  const std::string number = fmt::format(
      ", {} as {}", day_number(query, described(query, days.first, stop), days, dialect_),
      dialect_.identifier(kDayNumber));
  std::vector<Column> columns = chosen(query, days.first, stop);
  columns.push_back({std::string(kDayNumber), ColumnType::Integer, "integer"});
  engine::Relation rows =
      scan(reading(query, days, number, "", stop), std::move(columns), into, flow, stop);
  rows.columns.pop_back();
  return rows;
}

bool SqlConnector::snapshot(std::stop_token stop) { return transport_->snapshot(stop); }

std::unique_ptr<Connector> SqlConnector::twin(std::stop_token stop) {
  auto other = std::make_unique<SqlConnector>(dialect_, transport_->twin(stop));
  other->described_ = described_;
  return other;
}

std::vector<std::string> SqlConnector::running(const std::string& tag, std::stop_token stop) {
  if (!dialect_.running) return transport_->running(tag_comment(tag), stop);
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
