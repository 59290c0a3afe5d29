#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "base/error.h"
#include "engine/database.h"
#include "warehouse/connector.h"
#include "warehouse/files/kind.h"
#include "warehouse/files/shop_fixture.h"

using namespace millrace;
using namespace millrace::warehouse;
using namespace millrace::warehouse::fixture;

namespace {

const Day day = *Day::parse("2026-11-20");
const std::stop_token no_stop;

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code;
  }
  return "no error";
}

using Rows = std::vector<std::string>;

}  // namespace

TEST_CASE("a day is read through a relative glob, by its mapped time") {
  const Shop shop;
  shop.put("sales/a.parquet",
           "select * from (values (timestamp '2026-11-20 07:59:59.999999', 'early'), "
           "(timestamp '2026-11-20 08:00:00', 'first'), (timestamp '2026-11-21 07:59:59', 'last'), "
           "(timestamp '2026-11-21 08:00:00', 'late'), (null, 'never')) t(ts, name)");
  const auto connector = shop.open();
  const Query query = sql("select name, ts from 'sales/*.parquet'",
                          {TimeColumn::Kind::Timestamp, "ts", Zone(), {}});
  CHECK(rows_of(*connector, query, day) ==
        Rows{"first|2026-11-20 08:00:00", "last|2026-11-21 07:59:59"});
  const auto counts = connector->count(query, {day.plus(-1), day.plus(1)}, false, no_stop);
  REQUIRE(counts.size() == 3);
  CHECK(counts[1].day == day);
  CHECK(counts[1].rows == 2);
}

TEST_CASE("values arrive as the contract says, decimals and nested ones as text") {
  const Shop shop;
  shop.put("t.parquet",
           "select 1.50::decimal(9,2) as price, "
           "'00000000-0000-0000-0000-000000000001'::uuid as id, {'a': 1} as props, "
           "[1, 2] as list, 7::bigint as n, true as b");
  const auto connector = shop.open();
  const Query query = sql("select * from 't.parquet'");
  const auto columns = connector->describe(query, day, no_stop);
  REQUIRE(columns.size() == 6);
  CHECK(columns[0].type == ColumnType::Decimal);
  CHECK(columns[1].type == ColumnType::Uuid);
  CHECK(columns[2].type == ColumnType::Json);
  CHECK(columns[3].type == ColumnType::Json);
  CHECK(rows_of(*connector, query, day) ==
        Rows{R"(1.50|00000000-0000-0000-0000-000000000001|{"a":1}|[1,2]|7|true)"});
}

TEST_CASE("in the folder layout the folder decides the day") {
  const Shop shop;
  shop.put("days/2026-11-20/a.parquet", "select 1 as n, 'x' as name");
  shop.put("days/2026-11-20/b.parquet", "select 2 as n, 'x' as name, true as extra");
  shop.put("days/2026-11-21/a.parquet", "select 3 as n, 'y' as name");
  std::ofstream(shop.root / "shop/days/2026-11-20/_SUCCESS") << "";
  const auto connector = shop.open();
  Query query = folder("days");
  CHECK(rows_of(*connector, query, day) == Rows{"1|x|-", "2|x|true"});
  CHECK(rows_of(*connector, query, day.plus(1)) == Rows{"3|y"});
  CHECK(rows_of(*connector, query, day.plus(2)).empty());
  query.name_column = "name";
  const auto counts = connector->count(query, {day.plus(-1), day.plus(5)}, true, no_stop);
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].rows == 2);
  CHECK(counts[0].name == "x");
  CHECK(counts[1].day == day.plus(1));
  CHECK(connector->fingerprint(query, day.plus(2), false, no_stop).rows == 0);
}

TEST_CASE("CSV and JSON files are read like Parquet") {
  const Shop shop;
  fs::create_directories(shop.root / "shop/csv/2026-11-20");
  std::ofstream(shop.root / "shop/csv/2026-11-20/a.csv") << "id,ts\n1,2026-11-20 10:00:00\n";
  std::ofstream(shop.root / "shop/x.ndjson") << "{\"id\": 5, \"p\": {\"a\": 1}}\n";
  const auto connector = shop.open();
  CHECK(rows_of(*connector, folder("csv"), day) == Rows{"1|2026-11-20 10:00:00"});
  CHECK(rows_of(*connector, sql("from 'x.ndjson'"), day) == Rows{R"(5|{"a":1})"});
}

TEST_CASE("a placeholder in a path chooses a day's files, and a day without any has no rows") {
  const Shop shop;
  shop.put("sales/dt=2026-11-20/a.parquet", "select 1 as n");
  const auto connector = shop.open();
  const Query query = sql("select n from 'sales/dt={{day}}/*.parquet'");
  CHECK(rows_of(*connector, query, day) == Rows{"1"});
  CHECK(rows_of(*connector, query, day.plus(1)).empty());
  CHECK(connector->count(query, {day, day.plus(1)}, false, no_stop).size() == 1);
  CHECK(connector->fingerprint(query, day.plus(1), false, no_stop).rows == 0);
  CHECK(code_of([&] { rows_of(*connector, sql("from 'none/{{day}}.parquet'"), day); }) ==
        "no_files");
}

TEST_CASE("a fingerprint sees one changed value and names its column") {
  const Shop shop;
  shop.put("t.parquet", "select i as id, i % 7 as kind from range(1000) r(i)");
  const auto connector = shop.open();
  const Query query = sql("select * from 't.parquet'");
  const Fingerprint before = connector->fingerprint(query, day, true, no_stop);
  CHECK(before.rows == 1000);
  CHECK(before.key == "duckdb-hash-1/duckdb 1.5.5/id BIGINT,kind BIGINT");
  CHECK(connector->fingerprint(query, day, true, no_stop) == before);
  shop.put("t.parquet",
           "select i as id, case when i = 5 then 99 else i % 7 end as kind from range(1000) r(i)");
  const Fingerprint after = connector->fingerprint(query, day, true, no_stop);
  CHECK(after.rows == before.rows);
  CHECK(after.sum != before.sum);
  CHECK(after.by_column[0] == before.by_column[0]);
  CHECK(after.by_column[1] != before.by_column[1]);
}

TEST_CASE("a token changes with a file's content time, and is absent while a file is fresh") {
  const Shop shop;
  shop.put("days/2026-11-20/a.parquet", "select 1 as n");
  const auto connector = shop.open();
  const Query query = folder("days");
  // A change of the inode cannot be put into the past: wait until it is old enough to trust.
  CHECK_FALSE(connector->tokens(query, {day, day}, no_stop)[0].text);
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  const auto first = connector->tokens(query, {day, day.plus(1)}, no_stop);
  REQUIRE(first.size() == 2);
  REQUIRE(first[0].text);
  CHECK(connector->tokens(query, {day, day}, no_stop)[0].text == first[0].text);
  CHECK(first[1].text != first[0].text);
  const Query by_sql = sql("select * from 'days/2026-11-20/*.parquet'");
  CHECK(connector->tokens(by_sql, {day, day}, no_stop)[0].text);
  const Query by_clock = sql("select *, now() as t from 'days/2026-11-20/*.parquet'");
  CHECK_FALSE(connector->tokens(by_clock, {day, day}, no_stop)[0].text);
  shop.put("days/2026-11-20/a.parquet", "select 2 as n");
  CHECK(connector->tokens(query, {day, day}, no_stop)[0].text != first[0].text);
}

TEST_CASE("what is written of a day's files, or a folder, is seen; what is not there is not") {
  const Shop shop;
  const auto connector = shop.open();
  const auto written = [&](const std::string& path) {
    return connector->written(path, day, Zone(), no_stop);
  };
  CHECK_FALSE(written("done/{{day}}/_SUCCESS"));
  shop.put("done/2026-11-20/a.parquet", "select 1 as n");
  CHECK_FALSE(written("done/{{day}}/_SUCCESS"));
  const auto first = written("done/{{day}}/*.parquet");
  REQUIRE(first);
  CHECK(written("done/2026-11-20/*.parquet") == first);
  CHECK(written("done/{{day}}") == first);
  CHECK(written("done/") == first);
  shop.put("done/2026-11-20/a.parquet", "select 1 as n, 2 as m");
  CHECK(written("done") != first);
  CHECK_FALSE(written("it's 'not' there/{{day}}"));
  CHECK(code_of([&] { written("../elsewhere"); }) == "not_allowed");
}

TEST_CASE("what a folder holds is browsed as tables") {
  const Shop shop;
  shop.put("days/2026-11-20/a.parquet", "select 1 as n");
  shop.put("sales/a.parquet", "select 1 as n");
  shop.put("sales/b.parquet", "select 1 as n");
  shop.put("hive/dt=2026-11-20/a.csv", "select 1 as n");
  shop.put("hive/dt=2026-11-21/a.csv", "select 1 as n");
  shop.put("one.csv", "select 1 as n");
  const auto connector = shop.open();
  std::set<std::string> names;
  for (const Table& table : connector->browse("", no_stop)) {
    names.insert(table.kind + " " + table.name);
    CAPTURE(table.name);
    CHECK(connector->columns(table.name, no_stop)[0].name == "n");
  }
  CHECK(names == std::set<std::string>{"file one.csv", "files hive/dt=*/*.csv",
                                       "files sales/*.parquet", "folder days"});
  CHECK(connector->browse("SALE", no_stop).size() == 1);
  CHECK(connector->browse("*.csv", no_stop).size() == 2);
}

TEST_CASE("a probe lists its steps and says what to do about a missing folder") {
  const Shop shop;
  shop.put("one.csv", "select 1 as n");
  const ProbeReport report = shop.open()->probe(no_stop);
  CHECK(report.ok());
  REQUIRE(report.steps.size() == 3);
  CHECK(report.steps[1].detail.starts_with("1 data file below "));
  CHECK(report.server == "duckdb 1.5.5");
}

TEST_CASE("a connection stays below the server's roots") {
  const Shop shop;
  const std::string root = shop.root.string();
  const auto open = [&](const std::string& path, std::vector<std::string> roots) {
    return code_of([&] { files::kKind.open({{{"path", path}}, std::move(roots)}); });
  };
  CHECK(open(root + "/shop", {root + "/shop"}) == "no error");
  CHECK(open("shop", {root}) == "no error");
  CHECK(open(root + "/shop-of-others", {root + "/shop"}) == "not_allowed");
  CHECK(open("/etc", {root}) == "not_allowed");
  CHECK(open(root + "/shop/../shop-of-others", {root}) == "not_allowed");
  CHECK(open(root + "/nothing", {root}) == "no_folder");
  CHECK(open(root + "/shop", {}) == "not_allowed");
  fs::create_directory_symlink("/etc", shop.root / "link");
  CHECK(open(root + "/link", {root}) == "not_allowed");
}

TEST_CASE("hostile SQL gets nothing and changes nothing") {
  const Shop shop;
  const std::string root = shop.root.string();
  shop.put("t.parquet", "select 1 as n");
  fs::create_symlink(shop.root / "shop-of-others/x.csv", shop.root / "shop/link.csv");
  fs::create_directory_symlink("/etc", shop.root / "shop/etc");
  const auto connector = shop.open();
  const std::set<std::string> refusals = {"not_allowed", "not_one_select", "function_not_allowed",
                                          "path_not_text", "sql_error"};
  for (const std::string& hostile : {
           std::string("select * from read_text('/etc/passwd')"),
           std::string("select * from '/etc/passwd'"),
           std::string("select * from read_csv('/etc/passwd')"),
           "select * from read_blob('" + root + "/catalog.db')",
           "from '" + root + "/shop/../shop-of-others/x.csv'",
           "from '" + root + "/shop-of-others/x.csv'",
           std::string("from '../shop-of-others/x.csv'"),
           std::string("from read_csv('../' || 'shop-of-others/x.csv')"),
           std::string("from 'link.csv'"),
           std::string("from read_text('etc/passwd')"),
           std::string("select * from glob('/*')"),
           std::string("select * from glob('" + root + "/*')"),
           std::string("select getenv('HOME')"),
           std::string("select * from duckdb_secrets()"),
           std::string("select * from DUCKDB_SECRETS(redact = false)"),
           std::string("select * from enable_logging('QueryLog', storage = 'file')"),
           std::string("select (select count(*) from \"enable_profiling\"())"),
           std::string("select * from query('select 1')"),
           std::string("select * from read_duckdb('" + root + "/catalog.db')"),
           std::string("select * from query_table('t.parquet')"),
           std::string("select write_log('x')"),
           "copy (select 1) to '" + root + "/shop/out.csv'",
           std::string("attach '" + root + "/catalog.db'"),
           std::string("install httpfs"),
           std::string("load httpfs"),
           std::string("set enable_external_access = true"),
           std::string("pragma database_list"),
           std::string("select 1; select 2"),
           std::string("select 1; copy (select 1) to '" + root + "/shop/out.csv'"),
           std::string("select 1) as q; drop table x; --"),
           std::string("select 1) as q, (select 2"),
           std::string("from 'http://127.0.0.1:1/x.csv'"),
           std::string("from 's3://bucket/x.parquet'"),
           std::string("from 'file:///etc/passwd'"),
           std::string("export database '" + root + "/shop/out'"),
       }) {
    CAPTURE(hostile);
    CHECK(refusals.contains(code_of([&] { connector->describe(sql(hostile), day, no_stop); })));
    CHECK(refusals.contains(code_of([&] { connector->scalar(hostile, day, Zone(), no_stop); })));
    CHECK(refusals.contains(code_of([&] { rows_of(*connector, sql(hostile), day); })));
  }
  CHECK_FALSE(fs::exists(shop.root / "shop/out.csv"));
  CHECK(connector->scalar("select n from 't.parquet'", day, Zone(), no_stop) == "1");
}

TEST_CASE("one table of days: column types under zones") {
  struct Case {
    const char *zone, *column, *inside, *before, *after;
    TimeColumn::Kind kind = TimeColumn::Kind::Timestamp;
    std::optional<TimeUnit> unit = {};
  };
  // The day 2026-11-01: clocks go back in New York, so its 25 hours end at 05:00 UTC.
  const Day of = *Day::parse("2026-11-01");
  const Case cases[] = {
      {"UTC-8", "timestamptz", "2026-11-02 07:59:59.999999+00", "2026-11-01 07:59:59.999999+00",
       "2026-11-02 08:00:00+00"},
      {"UTC", "timestamptz", "2026-11-01 00:00:00+00", "2026-10-31 23:59:59+00",
       "2026-11-02 00:00:00+00"},
      {"America/New_York", "timestamptz", "2026-11-02 04:59:59+00", "2026-11-01 03:59:59+00",
       "2026-11-02 05:00:00+00"},
      {"UTC-8", "timestamp", "2026-11-01 08:00:00", "2026-11-01 07:59:59", "2026-11-02 08:00:00"},
      {"America/New_York", "timestamp", "2026-11-02 04:59:59", "2026-11-01 03:59:59",
       "2026-11-02 05:00:00"},
      {"UTC-8", "date", "2026-11-01", "2026-10-31", "2026-11-02"},
      {"America/New_York", "date", "2026-11-01", "2026-10-31", "2026-11-02"},
      {"UTC-8", "varchar", "2026-11-01", "2026-10-31", "2026-11-02", TimeColumn::Kind::Label},
      {"UTC-8", "bigint", "1793606399", "1793519999", "1793606400"},
      {"UTC", "bigint", "1793491200000", "1793491199999", "1793577600000",
       TimeColumn::Kind::Timestamp, TimeUnit::Milliseconds},
      {"America/New_York", "bigint", "1793595599999999", "1793505599999999", "1793595600000000",
       TimeColumn::Kind::Timestamp, TimeUnit::Microseconds},
  };
  const Shop shop;
  const auto connector = shop.open();
  int number = 0;
  for (const Case& one : cases) {
    CAPTURE(one.zone);
    CAPTURE(one.column);
    const std::string file = "case" + std::to_string(++number) + ".parquet";
    shop.put(file, std::string("select cast(v as ") + one.column + ") as ts, n from (values ('" +
                       one.inside + "', 'inside'), ('" + one.before + "', 'before'), ('" +
                       one.after + "', 'after')) t(v, n)");
    Query query = sql("select * from '" + file + "'", {one.kind, "ts", Zone(), one.unit});
    query.zone = Zone::named(one.zone);
    query.columns = {"n"};
    CHECK(rows_of(*connector, query, of) == Rows{"inside"});
    CHECK(rows_of(*connector, query, of.plus(-1)) == Rows{"before"});
    CHECK(rows_of(*connector, query, of.plus(1)) == Rows{"after"});
    const auto counts = connector->count(query, {of.plus(-1), of.plus(1)}, false, no_stop);
    REQUIRE(counts.size() == 3);
    for (int i = 0; i < 3; ++i) CHECK(counts[static_cast<std::size_t>(i)].day == of.plus(i - 1));
  }
}
