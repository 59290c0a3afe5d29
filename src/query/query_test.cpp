#include "query/query.h"

#include <chrono>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "engine/database.h"
#include "query/views.h"

using namespace millrace;
using Rows = std::vector<std::string>;

namespace {

const Day kDay = *Day::parse("2026-11-20");

struct House {
  ScratchFolder root;
  store::Store store{store::local_folder(root.path() / "store"), "default", real_env()};
  catalog::Catalog catalog{{.path = root.path() / "catalog.db"}, real_env()};

  House() { units({"userID"}); }

  void units(std::vector<std::string> types) {
    Project project;
    project.unit_types = std::move(types);
    catalog.set_project(project);
  }

  Ingestion ingestion(const std::string& handle, Dataset dataset = Dataset::Events,
                      const std::string& kind = "files") {
    Ingestion made;
    made.handle = made.name = handle;
    made.connection = made.kind = kind;
    made.definition.dataset = dataset;
    made.definition.query = "select 1";
    made.managed_by = "api";
    return catalog.put_ingestion(made);
  }

  /// Publishes a day of events with these unit columns; the path of its file.
  std::string publish(const Ingestion& ingestion, Day day, int rows,
                      const std::vector<std::string>& units, bool with_stats = true) {
    const std::string revision = revision_of(ingestion.definition);
    const auto lease = catalog.begin_load(ingestion.id, day, revision, "run", "manual");
    FileEntry file;
    file.path = store.layout().data_file(ingestion.id, day, lease.load, 0);
    file.rows = rows;
    file.revision = revision;
    std::string unit_columns, nulls;
    for (const std::string& unit : units) {
      unit_columns += fmt::format("'{}-' || range AS \"unit_{}\", ", unit, unit);
      nulls += fmt::format(",\"unit_{}\":0", unit);
    }
    if (with_stats) {
      file.stats = fmt::format(R"({{"numRecords":{},"nullCount":{{"event_name":0,"ts":0,"value":0,)"
                               R"("value_text":0,"metadata":0,"_load":0{}}}}})",
                               rows, nulls);
    }
    const std::filesystem::path path =
        store.objects().address(store.layout().table(Dataset::Events) + "/" + file.path);
    std::filesystem::create_directories(path.parent_path());
    engine::Options options;
    options.allowed = {path.parent_path().string()};
    engine::Database::open(options).execute(fmt::format(
        "COPY (SELECT 'buy' AS event_name, TIMESTAMPTZ '{} 10:00:00+00' AS ts, {} range::DOUBLE AS "
        "value, NULL::VARCHAR AS value_text, '{{\"page\":\"p1\"}}' AS metadata, '{}' AS _load, "
        "NULL::VARCHAR AS _reject FROM range({})) TO '{}' (FORMAT parquet)",
        day.text(), unit_columns, lease.load, rows, path.string()));
    Version version;
    version.id = lease.load;
    version.ingestion = ingestion.id;
    version.day = day;
    version.revision = revision;
    version.files = {file};
    version.published_at = real_env().now();
    catalog.publish(lease, version, 0, "");
    return path.string();
  }

  Rows query(const std::string& sql) {
    Rows rows;
    query::run(sql, catalog, store, [&](std::string_view row) { rows.emplace_back(row); }, {});
    return rows;
  }

  std::string error_of(const std::string& sql) {
    try {
      query(sql);
    } catch (const Error& error) {
      return error.code;
    }
    return "nothing was thrown";
  }
};

}  // namespace

TEST_CASE("tables without a single load can be asked, and have their columns") {
  House house;
  CHECK(house.query("select count(*) as n from events") == Rows{R"({"n":0})"});
  CHECK(house.query("select sum(numerator) as s from metrics") == Rows{R"({"s":null})"});
  CHECK(house
            .query("select e.group_id from exposures e join entity_properties p on "
                   "p.unit_id = e.\"unit_userID\" where p.properties is not null")
            .empty());
  Rows names;
  for (const std::string& row : house.query("select column_name as c from (describe events)")) {
    names.push_back(row);
  }
  CHECK(names == Rows{R"({"c":"day"})", R"({"c":"ingestion"})", R"({"c":"event_name"})",
                      R"({"c":"ts"})", R"({"c":"unit_userID"})", R"({"c":"value"})",
                      R"({"c":"value_text"})", R"({"c":"metadata"})", R"({"c":"_load"})",
                      R"({"c":"_ingestion"})"});
}

TEST_CASE(
    "rows carry their day and the handle of their ingestion, and nothing of how they were mapped") {
  House house;
  const Ingestion shop = house.ingestion("shop");
  house.publish(shop, kDay, 2, {"userID"});
  const Rows found = house.query(
      "select day, ingestion, event_name, ts, \"unit_userID\", value, metadata->>'page' as page, "
      "_ingestion = '" +
      shop.id + "' as same from events order by value");
  const std::string start =
      R"({"day":"2026-11-20","ingestion":"shop","event_name":"buy","ts":"2026-11-20 10:00:00+00",)";
  CHECK(found == Rows{start + R"("unit_userID":"userID-0","value":0.0,"page":"p1","same":true})",
                      start + R"("unit_userID":"userID-1","value":1.0,"page":"p1","same":true})"});
  CHECK(house.error_of("select _reject from events") == "sql_error");
  CHECK(house.query("select date_trunc('hour', ts) as h, count(*) as n from events group by all") ==
        Rows{R"({"h":"2026-11-20 10:00:00+00","n":2})"});
}

TEST_CASE("only current versions are seen") {
  House house;
  const Ingestion shop = house.ingestion("shop");
  house.publish(shop, kDay, 5, {"userID"});
  house.publish(shop, kDay, 3, {"userID"});
  CHECK(house.query("select count(*) as n from events") == Rows{R"({"n":3})"});
}

TEST_CASE("a unit type that came later is null in older files, known by statistics or not") {
  for (const bool with_stats : {true, false}) {
    CAPTURE(with_stats);
    House house;
    const Ingestion shop = house.ingestion("shop");
    house.publish(shop, kDay, 2, {"userID"}, with_stats);
    house.units({"userID", "stableID"});
    CHECK(house.query("select count(\"unit_stableID\") as n from events") == Rows{R"({"n":0})"});
    house.publish(shop, kDay.plus(1), 3, {"userID", "stableID"}, with_stats);
    CHECK(house.query("select day, count(\"unit_userID\") as u, count(\"unit_stableID\") as s "
                      "from events group by day order by day") ==
          Rows{R"({"day":"2026-11-20","u":2,"s":0})", R"({"day":"2026-11-21","u":3,"s":3})"});
  }
}

TEST_CASE("one handle used by two kinds is told apart by its whole name") {
  House house;
  house.publish(house.ingestion("shop"), kDay, 1, {"userID"});
  house.publish(house.ingestion("shop", Dataset::Events, "postgres"), kDay, 2, {"userID"});
  CHECK(house.query("select ingestion, count(*) as n from events group by all order by n") ==
        Rows{R"({"ingestion":"files/events/shop","n":1})",
             R"({"ingestion":"postgres/events/shop","n":2})"});
}

TEST_CASE("hostile SQL neither reads nor writes what is not the tables'") {
  House house;
  const std::string file = house.publish(house.ingestion("shop"), kDay, 1, {"userID"});
  const std::string root = house.root.path().string();
  CHECK(house.error_of("select * from read_csv('/etc/passwd')") != "nothing was thrown");
  CHECK(house.error_of("select * from read_blob('" + root + "/catalog.db')") !=
        "nothing was thrown");
  CHECK(house.error_of("select count(*) from events, read_text('" + file +
                       "/../../../../../../"
                       "catalog.db')") != "nothing was thrown");
  CHECK(house.error_of("select * from read_text('" + root + "/store/_millrace.json')") !=
        "nothing was thrown");
  CHECK(house.error_of("copy (select 1) to '" + file + "'") == "not_one_select");
  CHECK(house.error_of("select 1; drop view events") == "not_one_select");
  CHECK(house.error_of("attach '" + root + "/catalog.db'") == "not_one_select");
  CHECK(house.error_of("set memory_limit = '1TB'") == "not_one_select");
  CHECK(house.query("select count(*) as n from events") == Rows{R"({"n":1})"});
}

TEST_CASE("a mistake in the SQL is told in the engine's words") {
  House house;
  try {
    house.query("select nonsense from events");
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.fault == Fault::Misconfigured);
    CHECK(error.code == "sql_error");
    CHECK(std::string(error.what()).find("nonsense") != std::string::npos);
  }
}

TEST_CASE("an interrupted query ends as cancelled") {
  House house;
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(query::run(
                      "select count(*) from range(100000000000) a", house.catalog, house.store,
                      [](std::string_view) {}, stop.get_token()),
                  Error);
}

TEST_CASE("tables are found in SQL whatever their case, and not where they are not named") {
  CHECK(query::mentions("SELECT * FROM \"Events\"", Dataset::Events));
  CHECK_FALSE(query::mentions("select 1", Dataset::Events));
  CHECK(query::mentions("from ENTITY_properties", Dataset::EntityProperties));
}

namespace {

/// A year of three ingestions, every file with the same ten rows.
struct Year {
  House house;
  query::Table table{.dataset = Dataset::Events,
                     .columns = store::table_columns(Dataset::Events, {"userID"}),
                     .files = {},
                     .ingestions = {{"id-a", "a"}, {"id-b", "b"}, {"id-c", "c"}},
                     .address = [this](const std::string& path) {
                       return (house.root.path() / "year" / path).string();
                     }};

  Year() {
    const std::string sample = house.publish(house.ingestion("a"), kDay, 10, {"userID"});
    const std::string stats = house.catalog.current_files(Dataset::Events).second.at(0).stats;
    for (const auto& [id, handle] : table.ingestions) {
      for (int day = 0; day < 365; ++day) {
        FileEntry file;
        file.path = house.store.layout().data_file(id, kDay.plus(day), "l", 0);
        file.stats = stats;
        const std::filesystem::path place = table.address(file.path);
        std::filesystem::create_directories(place.parent_path());
        std::filesystem::copy_file(sample, place);
        table.files.push_back(std::move(file));
      }
    }
  }

  engine::Database open() const {
    engine::Options options;
    options.allowed = {(house.root.path() / "year").string()};
    engine::Database database = engine::Database::open(options);
    database.execute(view_sql(table));
    return database;
  }
};

}  // namespace

TEST_CASE("a question about one day of one ingestion opens no other day's file") {
  const Year year;
  for (std::size_t i = 1; i < year.table.files.size(); ++i) {
    const std::string& path = year.table.files[i].path;
    if (path.find("ingestion=id-b/day=2026-12-24") != std::string::npos) continue;
    std::filesystem::resize_file(year.table.address(path), 1);
  }
  engine::Database database = year.open();
  CHECK(database.scalar("select count(value) from events where ingestion = 'b' and "
                        "day = '2026-12-24'") == "10");
  CHECK_THROWS_AS(database.scalar("select count(value) from events"), Error);
}

TEST_CASE("a year of three ingestions is answered quickly") {
  const Year year;
  const auto start = std::chrono::steady_clock::now();
  engine::Database database = year.open();
  CHECK(database.scalar("select count(value) from events") == "10950");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  MESSAGE("1,095 files: ", took.count(), " s");
  CHECK(took.count() < 5.0);  // 0.5 s when the machine has nothing else to do
}
