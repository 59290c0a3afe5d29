#include "warehouse/sql_connector.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "golden.h"
#include "warehouse/postgres/kind.h"
#include "warehouse/redshift/kind.h"
#include "warehouse/text_rows.h"

using namespace millrace;
using namespace millrace::warehouse;

namespace {

/// Answers with fixed rows and writes down what it was asked.
class Recorder final : public Transport {
 public:
  Recorder(std::vector<Column> columns, std::vector<engine::Row> rows, std::string& log)
      : columns_(std::move(columns)), rows_(std::move(rows)), log_(log) {}

  ProbeReport probe(std::stop_token) override { return {}; }
  std::vector<Column> describe(const Statement& statement, std::stop_token) override {
    note("describe", statement);
    return columns_;
  }
  void each(const Statement& statement, const OnRow& row, std::stop_token) override {
    note("each", statement);
    for (const auto& cells : rows_) row(cells);
  }
  arrow::Stream stream(const Statement& statement, const std::vector<Column>& columns,
                       std::stop_token) override {
    note("stream", statement);
    return text_rows(columns, [](engine::Row&) { return false; });
  }
  bool snapshot(std::stop_token) override { return true; }
  std::unique_ptr<Transport> twin(std::stop_token) override {
    return std::make_unique<Recorder>(columns_, rows_, log_);
  }
  void cancel(const std::string&) override {}
  ServerVersion server(std::stop_token) override { return {"PostgreSQL 15.18", 15}; }

 private:
  void note(const char* verb, const Statement& statement) {
    log_ += std::string("-- ") + verb + "\n" + statement.sql + ";\n";
  }

  std::vector<Column> columns_;
  std::vector<engine::Row> rows_;
  std::string& log_;
};

const Day day = *Day::parse("2026-11-20");

Query purchases() {
  Query query;
  query.sql = "select * from purchases -- all of them";
  query.time = {TimeColumn::Kind::Timestamp, "ts", Zone(), {}};
  query.columns = {"user_id", "ts", "amount", "props"};
  query.zone = Zone::named("UTC-8");
  query.name_column = "kind";
  query.tag = "0190-load";
  return query;
}

std::vector<Column> purchase_columns(std::string_view json) {
  return {{"user_id", ColumnType::Uuid, "uuid"},
          {"kind", ColumnType::Text, "character(8)"},
          {"ts", ColumnType::TimestampTz, "timestamp with time zone"},
          {"amount", ColumnType::Decimal, "numeric(12,2)"},
          {"props", ColumnType::Json, std::string(json)},
          {"seen", ColumnType::Date, "date"},
          {"paid", ColumnType::Boolean, "boolean"}};
}

/// Every statement that the verbs write for one query.
std::string statements(const Dialect& dialect, std::string_view json) {
  std::string log;
  const auto connector = [&](std::vector<engine::Row> rows) {
    return SqlConnector(dialect,
                        std::make_unique<Recorder>(purchase_columns(json), std::move(rows), log));
  };
  connector({}).count(purchases(), {day, day.plus(2)}, true, {});
  connector({{"3", "7", "1", "2", "2", "2"}}).fingerprint(purchases(), day, true, {});
  engine::Database database = engine::Database::open({});
  arrow::Flow flow;
  connector({}).read(purchases(), day, database, flow, {});
  connector({{"0", "7", "1"}, {"2", "3", "4"}}).fingerprints(purchases(), {day, day.plus(2)}, {});
  connector({}).read_range(purchases(), {day, day.plus(2)}, database, flow, {});
  connector({}).estimate(purchases(), {day, day.plus(2)}, {});
  Query parted = purchases();
  parted.partition = Partition{"seen", "date", 1};
  connector({}).read_range(parted, {day, day.plus(2)}, database, flow, {});

  Query own = purchases();
  own.sql = "select * from purchases where seen = {{day}}";
  own.columns = {};
  connector({}).count(own, {day, day.plus(1)}, false, {});
  connector({}).read(own, day, database, flow, {});
  connector({}).sample(own, day, 10, database, {});
  connector({}).sample(purchases(), day, 10, database, {});
  connector({}).scalar("select max(ts) > {{day_end}} from purchases", day, Zone(), {});
  connector({}).written("sales.Orders", day, Zone(), {});
  connector({}).browse("", {});
  connector({}).browse("pur*_x", {});
  connector({}).browse("o'clock", {});
  connector({}).columns("sales.Orders", {});
  connector({}).running("0190-load", {});
  return log;
}

}  // namespace

TEST_CASE("what is asked of PostgreSQL is under review") {
  CHECK(golden::difference("src/warehouse/postgres/testdata/statements.sql",
                           statements(postgres::kDialect, "jsonb")) == "");
}

TEST_CASE("what is asked of Redshift is under review") {
  CHECK(golden::difference("src/warehouse/redshift/testdata/statements.sql",
                           statements(redshift::kDialect, "super")) == "");
}

TEST_CASE("counts come back per day and name") {
  std::string log;
  SqlConnector connector(
      postgres::kDialect,
      std::make_unique<Recorder>(purchase_columns("json"),
                                 std::vector<engine::Row>{{"0", "buy", "3"}, {"1", {}, "4"}}, log));
  const auto counts = connector.count(purchases(), {day, day.plus(1)}, true, {});
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].day == day);
  CHECK(counts[0].name == "buy");
  CHECK(counts[0].rows == 3);
  CHECK(counts[1].day == day.plus(1));
  CHECK(counts[1].name == "");
  CHECK(counts[1].rows == 4);
}

TEST_CASE("every day of a range has a fingerprint, also one without rows") {
  std::string log;
  SqlConnector connector(
      postgres::kDialect,
      std::make_unique<Recorder>(purchase_columns("json"),
                                 std::vector<engine::Row>{{"2", "3", "-4"}, {"0", "7", "1"}}, log));
  const auto prints = connector.fingerprints(purchases(), {day, day.plus(2)}, {});
  REQUIRE(prints.size() == 3);
  CHECK(prints[0].rows == 7);
  CHECK(prints[1].rows == 0);
  CHECK(prints[1].sum == "0");
  CHECK(prints[1].key == prints[0].key);
  CHECK(prints[2].sum == "-4");
}

TEST_CASE("what the planner says is how large a range is") {
  std::string log;
  SqlConnector connector(
      postgres::kDialect,
      std::make_unique<Recorder>(
          purchase_columns("json"),
          std::vector<engine::Row>{{"Seq Scan on purchases  (cost=0.00..9.10 rows=120 width=44)"},
                                   {"  Filter: (rows=7 width=8)"}},
          log));
  const auto estimate = connector.estimate(purchases(), {day, day.plus(2)}, {});
  REQUIRE(estimate);
  CHECK(estimate->bytes == 120 * 44);
  CHECK(estimate->row_bytes == 44);
}

TEST_CASE("a fingerprint's key names recipe, server version, columns and types") {
  std::string log;
  SqlConnector connector(postgres::kDialect,
                         std::make_unique<Recorder>(purchase_columns("json"),
                                                    std::vector<engine::Row>{{"2", "-5"}}, log));
  Query query = purchases();
  query.columns = {"amount", "paid"};
  const Fingerprint found = connector.fingerprint(query, day, false, {});
  CHECK(found.key == "pg-hash-columns-1/15/\"amount\":numeric(12,2),\"paid\":boolean");
  CHECK(found.rows == 2);
  CHECK(found.sum == "-5");
}

TEST_CASE("a day without rows has a fingerprint too") {
  std::string log;
  SqlConnector connector(postgres::kDialect,
                         std::make_unique<Recorder>(purchase_columns("json"),
                                                    std::vector<engine::Row>{{"0", {}}}, log));
  CHECK(connector.fingerprint(purchases(), day, false, {}).sum == "0");
}

TEST_CASE("a column that is there twice is refused before anything is read") {
  std::string log;
  SqlConnector connector(
      postgres::kDialect,
      std::make_unique<Recorder>(std::vector<Column>{{"id", ColumnType::Integer, "integer"},
                                                     {"id", ColumnType::Integer, "integer"}},
                                 std::vector<engine::Row>{}, log));
  Query query;
  query.sql = "select a.id, b.id from a, b";
  try {
    connector.fingerprint(query, day, false, {});
    FAIL("the query was accepted");
  } catch (const Error& error) {
    CHECK(error.code == "duplicate_column");
  }
}

TEST_CASE("a tag cannot end its comment") {
  std::string log;
  SqlConnector connector(
      postgres::kDialect,
      std::make_unique<Recorder>(purchase_columns("json"), std::vector<engine::Row>{}, log));
  Query query = purchases();
  query.tag = "x */ drop table t; /*";
  connector.describe(query, day, {});
  CHECK(log.find("*/ drop") == std::string::npos);
}
