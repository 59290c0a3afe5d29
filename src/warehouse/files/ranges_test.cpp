#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "warehouse/files/shop_fixture.h"

using namespace millrace;
using namespace millrace::warehouse;
using namespace millrace::warehouse::fixture;

namespace {

const DayRange days{*Day::parse("2026-11-20"), *Day::parse("2026-11-23")};

TimeColumn timed(std::string column, TimeColumn::Kind kind = TimeColumn::Kind::Timestamp) {
  return {kind, std::move(column), Zone(), {}};
}

/// Five days of hours in no order, of which the query's zone begins at 8, some without a time; each
/// row in the partition of its UTC day or a later one.
void put_hours(const Shop& shop) {
  for (const char* part : {"0", "1"}) {
    shop.put(
        "hours/part=" + std::string(part) + "/rows.parquet",
        "select i, ts, ts::timestamptz as tz, ts::date as d, cast(ts::date as varchar) as t, "
        "epoch(ts)::bigint as e, strftime(ts, '%Y%m%d')::bigint as n, "
        "ts::date + (i % 3)::integer as ds, i::hugeint as wide from (select i, case when i % 7 "
        "= 0 then null else timestamp '2026-11-19' + i * interval '1 hour' end as ts "
        "from range(120) r(i)) where i % 2 = " +
            std::string(part) + " order by hash(i)");
  }
}

/// Of each day, the rows that a range gives it.
std::vector<std::vector<std::string>> split(Connector& connector, const Query& query) {
  engine::Database into = engine::Database::open(connector.engine_needs());
  arrow::Flow flow;
  const engine::Relation all = connector.read_range(query, days, into, flow, {});
  std::vector<std::vector<std::string>> each;
  for (const Day day : days.days()) {
    each.push_back(
        texts_of(into, "select * exclude (_millrace_day) from (" + all.sql +
                           ") where _millrace_day = " + std::to_string(days.place_of(day))));
  }
  return each;
}

}  // namespace

TEST_CASE("a range has of each day the rows and the fingerprint that the day has alone") {
  const Shop shop;
  put_hours(shop);
  const auto connector = shop.open();
  const std::string select = "select * from 'hours/*/rows.parquet'";
  std::vector<Query> queries;
  for (const char* column : {"ts", "tz", "d", "e"}) queries.push_back(sql(select, timed(column)));
  for (const char* column : {"ts", "tz", "d", "n"}) {
    queries.push_back(sql(select, timed(column, TimeColumn::Kind::Label)));
  }
  queries.push_back(sql(select, timed("ts")));
  queries.back().partition = Partition{.column = "ds", .type = "date", .lag_days = 1};
  queries.push_back(sql(select, timed("ts")));
  queries.back().columns = {"WIDE", "ts"};
  for (const Query& query : queries) {
    CAPTURE(query.time.column);
    REQUIRE(connector->estimate(query, days, {}));
    const auto rows = split(*connector, query);
    const auto prints = connector->fingerprints(query, days, {});
    REQUIRE(prints.size() == 4);
    for (const Day day : days.days()) {
      const auto at = static_cast<std::size_t>(days.place_of(day));
      CHECK(rows[at].size() > 5);
      CHECK(rows[at] == rows_of(*connector, query, day));
      CHECK(prints[at] == connector->fingerprint(query, day, false, {}));
    }
  }
}

TEST_CASE("a day of a range without rows has a fingerprint too") {
  const Shop shop;
  shop.put("one.parquet", "select timestamp '2026-11-21 12:00' as ts");
  const auto connector = shop.open();
  const Query query = sql("from 'one.parquet'", timed("ts"));
  const auto prints = connector->fingerprints(query, days, {});
  CHECK(prints[1].rows == 1);
  CHECK(prints[3].rows == 0);
  CHECK(prints[3] == connector->fingerprint(query, days.last, false, {}));
}

TEST_CASE("how large a range is, its files say") {
  const Shop shop;
  shop.put("a.parquet", "select timestamp '2026-11-21 12:00' as ts from range(1000)");
  shop.put("b.parquet", "select timestamp '2026-11-21 12:00' as ts from range(5000)");
  const auto bytes =
      fs::file_size(shop.root / "shop/a.parquet") + fs::file_size(shop.root / "shop/b.parquet");
  const auto estimate = shop.open()->estimate(sql("from '*.parquet'", timed("ts")), days, {});
  REQUIRE(estimate);
  CHECK(estimate->bytes == static_cast<std::int64_t>(bytes));
}

TEST_CASE("days that choose files, or that only the query knows, are no range") {
  const Shop shop;
  put_hours(shop);
  shop.put("days/2026-11-20/a.parquet", "select timestamp '2026-11-20 12:00' as ts");
  const auto connector = shop.open();
  Query by_folder = folder("days");
  by_folder.time = timed("ts");
  const std::string select = "select * from 'hours/*/rows.parquet'";
  for (const Query& query :
       {by_folder, sql(select), sql(select + " where d = {{day}}", timed("ts")),
        sql("select * from 'days/{{day}}/*'", timed("ts")),
        sql(select, timed("t", TimeColumn::Kind::Label))}) {
    CAPTURE(query.sql);
    CHECK_FALSE(connector->estimate(query, days, {}));
  }
}
