#include "warehouse/delta/days_of_files.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "engine/database.h"

namespace millrace::warehouse::delta {
namespace {

/// Which of the first 25 days of November 2026 a file with these values may hold: "10 11".
std::string days_of(const TableColumn& column, const std::string& file, Query query) {
  query.time.column = column.name;
  engine::Database database = engine::Database::open({});
  std::string days;
  for (int i = 1; i <= 25; ++i) {
    const Day day = *Day::parse(fmt::format("2026-11-{:02}", i));
    const std::string select = "select * from 'a.b.c'";
    const std::string condition = may_hold({query, select, {day, day}}, {column});
    const auto held =
        database.scalar(fmt::format("select {} from (select cast({} as json) as file)",
                                    condition.empty() ? "true" : condition, engine::literal(file)));
    if (held == "true") days += fmt::format("{}{}", days.empty() ? "" : " ", i);
  }
  return days;
}

std::string statistics(const std::string& least, const std::string& greatest) {
  return fmt::format(R"({{"stats": "{{\"minValues\":{{\"c\":{}}},\"maxValues\":{{\"c\":{}}}}}"}})",
                     least, greatest);
}

std::string quoted(const std::string& text) { return "\\\"" + text + "\\\""; }

Query query_in(const char* zone, TimeColumn::Kind kind = TimeColumn::Kind::Timestamp) {
  Query query;
  query.zone = Zone::named(zone);
  query.time.kind = kind;
  query.time.zone = Zone::named("UTC");
  return query;
}

const char* const kEvery = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25";

TEST_CASE("instants choose days of the project's zone, whatever offset they are written with") {
  const TableColumn column{"c", "TIMESTAMP WITH TIME ZONE"};
  const std::string file =
      statistics(quoted("2026-11-10T09:00:00.000Z"), quoted("2026-11-11T12:00:00.000Z"));
  CHECK(days_of(column, file, query_in("UTC")) == "10 11");
  CHECK(days_of(column, file, query_in("UTC-8")) == "10 11");
  const std::string early =
      statistics(quoted("2026-11-10T00:00:00.000-08:00"), quoted("2026-11-10T23:59:59.999-08:00"));
  // What is cut to milliseconds may be the last microsecond before a day, or in it.
  CHECK(days_of(column, early, query_in("UTC-8")) == "10 11");
  CHECK(days_of(column, early, query_in("UTC-8", TimeColumn::Kind::Label)) == "10 11");
  const std::string late =
      statistics(quoted("2026-11-10T01:00:00.000Z"), quoted("2026-11-10T23:59:59.999Z"));
  CHECK(days_of(column, late, query_in("UTC")) == "10 11");
}

TEST_CASE("a time without a zone is given a day on both sides") {
  const std::string file =
      statistics(quoted("2026-11-10T09:00:00.000"), quoted("2026-11-10T12:00:00.000"));
  CHECK(days_of({"c", "TIMESTAMP"}, file, query_in("UTC")) == "9 10 11");
}

TEST_CASE("dates and labels choose their own days") {
  const auto label = query_in("UTC-8", TimeColumn::Kind::Label);
  const std::string file = statistics(quoted("2026-11-10"), quoted("2026-11-11"));
  CHECK(days_of({"c", "DATE"}, file, label) == "10 11");
  CHECK(days_of({"c", "DATE"}, file, query_in("UTC-8")) == "10 11");
  CHECK(days_of({"c", "VARCHAR"}, file, label) == "10 11");
  CHECK(days_of({"c", "INTEGER"}, statistics("20261110", "20261111"), label) == "10 11");
  const std::string partition = R"({"partitionValues": {"c": "2026-11-10"}})";
  CHECK(days_of({"c", "DATE", true}, partition, label) == "10");
}

TEST_CASE("numbers are read in their unit") {
  const TableColumn column{"c", "BIGINT"};
  Query query = query_in("UTC");
  CHECK(days_of(column, statistics("1794312000", "1794398400"), query) == "10 11");
  query.time.unit = TimeUnit::Milliseconds;
  CHECK(days_of(column, statistics("1794312000000", "1794398400000"), query) == "10 11");
}

TEST_CASE("a file that does not tell is read for every day") {
  const TableColumn column{"c", "TIMESTAMP WITH TIME ZONE"};
  const Query query = query_in("UTC");
  CHECK(days_of(column, "{}", query) == kEvery);
  CHECK(days_of(column, R"({"stats": "{}"})", query) == kEvery);
  CHECK(days_of(column, R"({"stats": "nonsense"})", query) == kEvery);
  CHECK(days_of(column, statistics("null", "7"), query) == kEvery);
  CHECK(days_of({"c", "DATE", true}, R"({"partitionValues": {"c": ""}})", query) == kEvery);
  CHECK(days_of({"c", "DOUBLE"}, statistics("1.5", "2.5"), query) == kEvery);
}

TEST_CASE("rows of no day are looked for where a time is null or beyond all days") {
  const auto holds = [](const TableColumn& column, const std::string& file, TimeColumn::Kind kind) {
    Query query = query_in("UTC", kind);
    query.time.of_no_day = true;
    return !days_of(column, file, query).empty();
  };
  const auto with_nulls = [](int nulls, const char* least, const char* greatest) {
    std::string file = statistics(quoted(least), quoted(greatest));
    return file.replace(file.find("{\\\"minValues"), 1,
                        fmt::format("{{\\\"nullCount\\\":{{\\\"c\\\":{}}},", nulls));
  };
  constexpr auto kTime = TimeColumn::Kind::Timestamp, kLabel = TimeColumn::Kind::Label;
  for (const char* type : {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE"}) {
    CAPTURE(type);
    CHECK_FALSE(holds({"c", type}, with_nulls(0, "2026-11-10", "2026-11-11"), kTime));
    CHECK(holds({"c", type}, with_nulls(1, "2026-11-10", "2026-11-11"), kTime));
    CHECK(holds({"c", type}, with_nulls(0, "0001-01-01", "2026-11-11"), kTime));
    CHECK(holds({"c", type}, with_nulls(0, "2026-11-10", "9999-12-31"), kTime));
    CHECK(holds({"c", type}, "{}", kTime));
  }
  CHECK(holds({"c", "VARCHAR"}, with_nulls(0, "2026-11-10", "2026-11-11"), kLabel));
  CHECK_FALSE(holds({"c", "VARCHAR", true}, R"({"partitionValues": {"c": "2026-11-10"}})", kLabel));
  CHECK(holds({"c", "VARCHAR", true}, R"({"partitionValues": {"c": "soon"}})", kLabel));
  CHECK(holds({"c", "VARCHAR", true}, R"({"partitionValues": {"c": null}})", kLabel));
  CHECK_FALSE(holds({"c", "DATE", true}, R"({"partitionValues": {"c": "2026-11-10"}})", kLabel));
  CHECK(holds({"c", "DATE", true}, R"({"partitionValues": {"c": ""}})", kLabel));
}

TEST_CASE("a query without a time, or with one that it makes itself, reads every file") {
  const std::vector<TableColumn> columns = {{"ts", "DATE"}};
  const DayRange days{*Day::parse("2026-11-10"), *Day::parse("2026-11-10")};
  Query query = query_in("UTC");
  query.time.column = "ts";
  const std::string plain = "select * from 'a.b.c'", grouped = plain + " limit 1";
  CHECK_FALSE(may_hold({query, plain, days}, columns).empty());
  CHECK(may_hold({query, grouped, days}, columns).empty());
  query.sql = "select * from 'a.b.c' where ts = {{day}}";
  CHECK(may_hold({query, plain, days}, columns).empty());
  query.sql = plain;
  query.time = {};
  CHECK(may_hold({query, plain, days}, columns).empty());
}

}  // namespace
}  // namespace millrace::warehouse::delta
