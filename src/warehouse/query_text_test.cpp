#include "warehouse/query_text.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "warehouse/lake/text.h"

using namespace millrace;
using namespace millrace::warehouse;

namespace {

const Dialect& dialect = lake::kDialect;
const Zone pacific = Zone::named("UTC-8");
const Day day = *Day::parse("2026-11-20");

std::string rendered(std::string_view sql) { return render(sql, {day, day}, pacific, dialect); }

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code;
  }
  return "no error";
}

Query timed(TimeColumn::Kind kind, std::string sql = "select * from t") {
  Query query;
  query.sql = std::move(sql);
  query.time = {kind, "ts", Zone(), {}};
  query.zone = pacific;
  return query;
}

std::string predicate(const Query& query, ColumnType type, DayRange range = {day, day}) {
  return day_predicate(query, {{"ts", type, ""}, {"ds", ColumnType::Date, ""}}, range, dialect);
}

}  // namespace

TEST_CASE("a placeholder on its own becomes a literal") {
  CHECK(rendered("d = {{day}}") == "d = date '2026-11-20'");
  CHECK(rendered("ts >= {{day_start}} and ts < {{ day_end }}") ==
        "ts >= timestamptz '2026-11-20 08:00:00.000000+00' and "
        "ts < timestamptz '2026-11-21 08:00:00.000000+00'");
  CHECK(rendered("e >= {{day_start_epoch}} and e < {{day_end_epoch}}") ==
        "e >= 1795161600 and e < 1795248000");
}

TEST_CASE("a placeholder inside quotes becomes bare text") {
  CHECK(rendered("from 'sales/{{day}}/*.parquet'") == "from 'sales/2026-11-20/*.parquet'");
  CHECK(rendered("ts > '{{day_start}}'::timestamptz") ==
        "ts > '2026-11-20 08:00:00.000000+00'::timestamptz");
  CHECK(rendered("-- rows of {{day}}\nselect 1") == "-- rows of 2026-11-20\nselect 1");
}

TEST_CASE("from and to are the first and last day of a range") {
  CHECK(render("d between {{from}} and {{to}}", {day, day.plus(6)}, pacific, dialect) ==
        "d between date '2026-11-20' and date '2026-11-26'");
}

TEST_CASE("an unknown placeholder is refused with the nearest one") {
  try {
    rendered("d = {{day_strat}}");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code == "unknown_placeholder");
    CHECK(std::string(error.what()) ==
          "reading the query: {{day_strat}} is not a placeholder; did you mean \"day_start\"?");
  }
}

TEST_CASE("one SELECT passes without its semicolon and trailing comment") {
  CHECK(one_select(" select ';' -- ; \n ; -- end", dialect) == "select ';'");
  CHECK(one_select("with a as (select 1) select * from a", dialect) ==
        "with a as (select 1) select * from a");
  CHECK(one_select("((select 1) union (select 2))", dialect) == "((select 1) union (select 2))");
  CHECK(one_select("/* top */ SELECT $$);$$", dialect) == "/* top */ SELECT $$);$$");
}

TEST_CASE("what is not one SELECT is refused") {
  for (const char* sql :
       {"", ";", "-- only", "select 1; drop table x", "delete from x", "select 1) as q, (select 2",
        "select (1", "select 'open", "select \"open", "select /* open", "select $$open",
        "insert into t select 1", "\"select\" 1", "select 1; 'x'", "copy (select 1) to 'x'"}) {
    CAPTURE(sql);
    CHECK(code_of([&] { one_select(sql, dialect); }) == "not_one_select");
  }
}

TEST_CASE("an escaped quote does not end a text where the product escapes with backslashes") {
  Dialect escaping = dialect;
  escaping.backslash_escapes = true;
  CHECK(one_select(R"(select '\'; drop table x; --')", escaping) ==
        R"(select '\'; drop table x; --')");
  CHECK(code_of([&] { one_select(R"(select '\'; drop table x; --')", dialect); }) ==
        "not_one_select");
  CHECK(one_select(R"(select E'\';')", dialect) == R"(select E'\';')");
}

TEST_CASE("a day is selected by what its column holds") {
  const Query query = timed(TimeColumn::Kind::Timestamp);
  CHECK(predicate(query, ColumnType::TimestampTz) ==
        "\"ts\" >= timestamptz '2026-11-20 08:00:00.000000+00' and "
        "\"ts\" < timestamptz '2026-11-21 08:00:00.000000+00'");
  CHECK(predicate(query, ColumnType::Timestamp) ==
        "\"ts\" >= timestamp '2026-11-20 08:00:00.000000' and "
        "\"ts\" < timestamp '2026-11-21 08:00:00.000000'");
  CHECK(predicate(query, ColumnType::Date) == "\"ts\" = date '2026-11-20'");
  CHECK(predicate(query, ColumnType::Integer) == "\"ts\" >= 1795161600 and \"ts\" < 1795248000");
}

TEST_CASE("a naive column is bounded in its own zone") {
  Query query = timed(TimeColumn::Kind::Timestamp);
  query.time.zone = pacific;
  CHECK(predicate(query, ColumnType::Timestamp) ==
        "\"ts\" >= timestamp '2026-11-20 00:00:00.000000' and "
        "\"ts\" < timestamp '2026-11-21 00:00:00.000000'");
}

TEST_CASE("an epoch is bounded in its unit") {
  Query query = timed(TimeColumn::Kind::Timestamp);
  query.time.unit = TimeUnit::Milliseconds;
  CHECK(predicate(query, ColumnType::Integer) ==
        "\"ts\" >= 1795161600000 and \"ts\" < 1795248000000");
  query.time.unit = TimeUnit::Microseconds;
  CHECK(predicate(query, ColumnType::Integer) ==
        "\"ts\" >= 1795161600000000 and \"ts\" < 1795248000000000");
}

TEST_CASE("a label is never shifted") {
  const Query query = timed(TimeColumn::Kind::Label);
  CHECK(predicate(query, ColumnType::Date) == "\"ts\" = date '2026-11-20'");
  CHECK(predicate(query, ColumnType::Text) == "\"ts\" = '2026-11-20'");
  CHECK(predicate(query, ColumnType::Integer) == "\"ts\" >= 20261120 and \"ts\" < 20261121");
  CHECK(predicate(query, ColumnType::Date, {day, day.plus(2)}) ==
        "\"ts\" >= date '2026-11-20' and \"ts\" <= date '2026-11-22'");
  CHECK(predicate(query, ColumnType::Timestamp) ==
        "\"ts\" >= timestamp '2026-11-20 00:00:00.000000' and "
        "\"ts\" < timestamp '2026-11-21 00:00:00.000000'");
}

TEST_CASE("text that is no label cannot select a day, and the error shows how to convert it") {
  try {
    predicate(timed(TimeColumn::Kind::Timestamp), ColumnType::Text);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code == "text_time");
    CHECK(error.advice.find("select cast(ts as timestamp) as ts") != std::string::npos);
  }
}

TEST_CASE("a partition prunes from the day to its lag") {
  Query query = timed(TimeColumn::Kind::Label);
  query.partition = Partition{.column = "ds", .type = "date", .lag_days = 1};
  CHECK(predicate(query, ColumnType::Text) ==
        "\"ts\" = '2026-11-20' and \"ds\" >= date '2026-11-20' and \"ds\" <= date '2026-11-21'");
  query.partition = Partition{.column = "n", .type = "integer", .lag_days = 0};
  CHECK(day_predicate(query, {{"ts", ColumnType::Text, ""}, {"n", ColumnType::Integer, ""}},
                      {day, day}, dialect) == "\"ts\" = '2026-11-20' and \"n\" = 20261120");
}

TEST_CASE("a partition of another type than its column is refused with what to write") {
  const auto refusal = [](const std::string& type, ColumnType column, const char* vendor_type) {
    Query query = timed(TimeColumn::Kind::Label);
    query.partition = Partition{.column = "DS", .type = type, .lag_days = 0};
    try {
      day_predicate(query, {{"ts", ColumnType::Text, ""}, {"ds", column, vendor_type}}, {day, day},
                    dialect);
    } catch (const Error& error) {
      CHECK(error.code == "partition_type");
      return std::string(error.what()) + " | " + error.advice;
    }
    return std::string();
  };
  CHECK(refusal("date", ColumnType::Date, "date").empty());
  CHECK(refusal("text", ColumnType::Other, "day_name").empty());
  CHECK(refusal("integer", ColumnType::Decimal, "numeric").empty());
  CHECK(refusal("date", ColumnType::TimestampTz, "timestamptz") ==
        "the partition's column ds is timestamptz, and its type is given as \"date\" | "
        "Name a column of dates, or give the query one: cast(ds as date) as ds; or leave partition "
        "out");
  CHECK(refusal("date", ColumnType::Integer, "") ==
        "the partition's column ds is integer, and its type is given as \"date\" | "
        "Write partition = { column = \"ds\", type = \"integer\" }");
  CHECK(refusal("text", ColumnType::Boolean, "bool")
            .ends_with("Name a column of dates, text or whole numbers as partition"));
}

TEST_CASE("rows of no day are those whose time is null or that no day can hold") {
  const auto of_no_day = [](TimeColumn::Kind kind, ColumnType type) {
    Query query = timed(kind);
    query.time.of_no_day = true;
    return predicate(query, type);
  };
  CHECK(of_no_day(TimeColumn::Kind::Timestamp, ColumnType::Integer) == "\"ts\" is null");
  CHECK(of_no_day(TimeColumn::Kind::Timestamp, ColumnType::TimestampTz) ==
        "\"ts\" is null or \"ts\" < timestamptz '0001-01-02 08:00:00.000000+00' or \"ts\" >= "
        "timestamptz '9999-12-31 08:00:00.000000+00'");
  CHECK(of_no_day(TimeColumn::Kind::Label, ColumnType::Date) ==
        "\"ts\" is null or \"ts\" < date '0001-01-02' or \"ts\" >= date '9999-12-30'");
  CHECK(of_no_day(TimeColumn::Kind::Label, ColumnType::Text) ==
        "\"ts\" is null or \"ts\" not like '____-__-__'");
  Query pruned = timed(TimeColumn::Kind::Label);
  pruned.time.of_no_day = true;
  pruned.partition = Partition{.column = "ds", .type = "date", .lag_days = 0};
  CHECK(predicate(pruned, ColumnType::Text) ==
        "\"ds\" = date '2026-11-20' and (\"ts\" is null or \"ts\" not like '____-__-__')");
}

TEST_CASE("placeholders and snapshots select their own rows") {
  CHECK(predicate(timed(TimeColumn::Kind::Timestamp, "select * from t where d = {{day}}"),
                  ColumnType::Date)
            .empty());
  CHECK(predicate(timed(TimeColumn::Kind::None), ColumnType::Date).empty());
}

TEST_CASE("a day's SELECT wraps the customer's and names its columns") {
  Query query = timed(TimeColumn::Kind::Label, "select * from t -- mine\n;");
  query.columns = {"TS", "a \"b\""};
  query.tag = "0199-load*/x";
  CHECK(day_select(query, {{"ts", ColumnType::Date, ""}, {"a \"b\"", ColumnType::Text, ""}}, day,
                   dialect) ==
        "/* millrace 0199-loadx */ select \"ts\", \"a \"\"b\"\"\" from (\nselect * from t\n) as q "
        "where \"ts\" = date '2026-11-20'");
}

TEST_CASE("a column that is missing is refused with the nearest name") {
  Query query = timed(TimeColumn::Kind::Label);
  query.columns = {"user_idd"};
  try {
    day_select(query, {{"ts", ColumnType::Date, ""}, {"user_id", ColumnType::Text, ""}}, day,
               dialect);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code == "missing_column");
    CHECK(std::string(error.what()) ==
          "the query has no column user_idd; did you mean \"user_id\"?");
    CHECK(error.advice == "Its columns are: ts, user_id.");
  }
}

TEST_CASE("days of a range are told apart by halving them") {
  const DayRange days{day, day.plus(2)};
  CHECK(day_key(timed(TimeColumn::Kind::Timestamp), {{"ts", ColumnType::Integer, ""}}, days,
                dialect) ==
        "case when \"ts\" < 1795248000 then 0 else "
        "case when \"ts\" < 1795334400 then 1 else 2 end end");
  CHECK(day_of_key("2", days) == days.last);
}

TEST_CASE("a product that searches among bounds does so in place of a tree") {
  Dialect searching = dialect;
  searching.bounds_passed = [](const std::string& value, ColumnType,
                               const std::vector<std::string>& bounds) {
    return fmt::format("passed({}, {})", value, fmt::join(bounds, ", "));
  };
  const Query query = timed(TimeColumn::Kind::Timestamp);
  const std::vector<Column> columns = {{"ts", ColumnType::Integer, ""}};
  CHECK(day_number(query, columns, {day, day.plus(2)}, searching) ==
        "passed(\"ts\", 1795248000, 1795334400)");
  CHECK(day_number(query, columns, {day, day}, searching) == "0");
}

TEST_CASE("days whose label is text are told apart by it, and no other text is among them") {
  const Query query = timed(TimeColumn::Kind::Label);
  const std::vector<Column> columns = {{"ts", ColumnType::Text, ""}};
  const DayRange days{day, day.plus(1)};
  CHECK(day_predicate(query, columns, days, dialect) == "\"ts\" in ('2026-11-20', '2026-11-21')");
  CHECK(day_number(query, columns, days, dialect).empty());
  CHECK(day_key(query, columns, days, dialect) == "cast(\"ts\" as varchar)");
  CHECK(day_of_key("2026-11-21", days) == days.last);
  Query lagging = query;
  lagging.partition = Partition{.column = "ds", .type = "date", .lag_days = 1};
  CHECK(
      day_predicate(lagging, {{"ts", ColumnType::Text, ""}, {"ds", ColumnType::Date, ""}}, days,
                    dialect) ==
      "\"ts\" in ('2026-11-20', '2026-11-21') and \"ds\" >= date '2026-11-20' and \"ds\" <= date "
      "'2026-11-22' and case \"ts\" when '2026-11-20' then \"ds\" >= date '2026-11-20' and \"ds\" "
      "<= date '2026-11-21' when '2026-11-21' then \"ds\" >= date '2026-11-21' and \"ds\" <= date "
      "'2026-11-22' end");
}
