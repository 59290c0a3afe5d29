#include "definition/guess.h"

#include <doctest/doctest.h>

#include "definition/test_home.h"
#include "golden.h"

namespace millrace::definition {
namespace {

Project shop() {
  Project project;
  project.zone = Zone::named("UTC-8");
  project.unit_types = {"userID", "stableID"};
  return project;
}

std::string golden_difference(const std::string& name, const std::string& guessed) {
  return golden::difference("src/definition/testdata/guess/" + name + ".toml", guessed);
}

/// The one ingestion of a guess, read as the file it is meant to be.
Ingestion applied(const std::string& guessed) {
  const TestHome home;
  home.write("guess.toml", guessed);
  return home.read("guess.toml").ingestions.at(0);
}

}  // namespace

TEST_CASE("events: name, time, ids, value, JSON object and the rest are found by name and type") {
  const std::string guessed =
      guess_mapping("shop", "select *\nfrom public.purchases", Dataset::Events,
                    {{"event_id", ColumnType::Uuid, "uuid"},
                     {"kind", ColumnType::Text, "text"},
                     {"created_at", ColumnType::Timestamp, "timestamp"},
                     {"ts", ColumnType::TimestampTz, "timestamptz"},
                     {"User_ID", ColumnType::Integer, "int8"},
                     {"device_id", ColumnType::Text, "text"},
                     {"session_id", ColumnType::Text, "text"},
                     {"amount", ColumnType::Decimal, "numeric"},
                     {"page", ColumnType::Text, "text"},
                     {"props", ColumnType::Json, "jsonb"}},
                    {{"a", "buy", "", "", "1", "d", "s", "9.5", "p", "{}"},
                     {"b", "view", "", "", "2", "d", "s", "", "p", "{}"}},
                    shop());

  CHECK(golden_difference("events", guessed) == "");
  const Mapping mapping = applied(guessed).definition.mapping;
  CHECK(mapping.event_name == Field{"kind", false});
  CHECK(mapping.timestamp == "ts");
  CHECK(mapping.ids == Named{{"userID", "User_ID"}, {"stableID", "device_id"}});
  CHECK(mapping.event_value == "amount");
  CHECK(mapping.metadata_object == "props");
  CHECK(mapping.metadata_all);
}

TEST_CASE("a column with the bare name of a unit holds its ids, where none says so itself") {
  const auto ids_of = [](std::vector<Column> columns) {
    columns.push_back({"ts", ColumnType::Timestamp, "timestamp"});
    columns.push_back({"kind", ColumnType::Text, "text"});
    return applied(guess_mapping("shop", "select * from t", Dataset::Events, columns, {}, shop()))
        .definition.mapping.ids;
  };
  const Column user{"user", ColumnType::Text, "text"};
  CHECK(ids_of({user}) == Named{{"userID", "user"}});
  CHECK(ids_of({user, {"user_id", ColumnType::Text, "text"}}) == Named{{"userID", "user_id"}});
}

TEST_CASE("an epoch's unit is told by the size of its numbers") {
  const auto unit_of = [](const std::string& value) {
    return applied(guess_mapping(
                       "shop", "select * from e", Dataset::Events,
                       {{"ts", ColumnType::Integer, "int8"}, {"user_id", ColumnType::Text, "text"}},
                       {{value, "u"}}, shop()))
        .definition.mapping.timestamp_unit;
  };
  CHECK(unit_of("1795500000") == TimeUnit::Seconds);
  CHECK(unit_of("1795500000000") == TimeUnit::Milliseconds);
  CHECK(unit_of("1795500000000000") == TimeUnit::Microseconds);
}

TEST_CASE("a query without event names is one event, named after its table") {
  const std::string guessed = guess_mapping(
      "shop", "select * from visits", Dataset::Events,
      {{"seen_at", ColumnType::Timestamp, "timestamp"}, {"customer_id", ColumnType::Text, "text"}},
      {{"2026-11-20 10:00:00", "c"}}, shop());

  CHECK(golden_difference("events_unnamed", guessed) == "");
  CHECK(applied(guessed).handle == "visits");
  CHECK(applied(guessed).definition.mapping.event_name == Field{"visits", true});
  CHECK(applied(guessed).definition.mapping.timestamp_zone == "UTC");
}

TEST_CASE("what cannot be guessed is a comment that says what to write") {
  const std::string guessed = guess_mapping("shop", "select count(*) as n", Dataset::Events,
                                            {{"n", ColumnType::Integer, "int8"}}, {{"5"}}, shop());
  CHECK(golden_difference("events_nothing", guessed) == "");
  CHECK(refusal([&] { applied(guessed); }).find("lacks \"timestamp\"") != std::string::npos);
}

TEST_CASE("a table with a column per metric is wide; pairs of columns are ratios") {
  const std::string guessed =
      guess_mapping("shop", "select * from kpi", Dataset::Metrics,
                    {{"ds", ColumnType::Date, "date"},
                     {"year", ColumnType::Integer, "int4"},
                     {"user_id", ColumnType::Text, "text"},
                     {"revenue", ColumnType::Double, "float8"},
                     {"conversion_num", ColumnType::Integer, "int4"},
                     {"conversion_den", ColumnType::Integer, "int4"},
                     {"country", ColumnType::Text, "text"}},
                    {{"2026-11-20", "2026", "u", "1.5", "1", "2", "de"}}, shop());
  CHECK(golden_difference("metrics_wide", guessed) == "");
  const Mapping mapping = applied(guessed).definition.mapping;
  CHECK(mapping.date == "ds");
  CHECK(mapping.units == Named{{"userID", "user_id"}});
  CHECK(mapping.metrics ==
        std::vector<WideMetric>{{"conversion", "", "conversion_num", "conversion_den"},
                                {"revenue", "revenue", "", ""}});
}

TEST_CASE("a table with a column of metric names is long") {
  const std::string guessed = guess_mapping("shop", "select * from kpi_long", Dataset::Metrics,
                                            {{"day", ColumnType::Date, "date"},
                                             {"stable_id", ColumnType::Text, "text"},
                                             {"metric", ColumnType::Text, "text"},
                                             {"value", ColumnType::Double, "float8"}},
                                            {{"2026-11-20", "s", "revenue", "1.5"}}, shop());
  CHECK(golden_difference("metrics_long", guessed) == "");
  const Mapping mapping = applied(guessed).definition.mapping;
  CHECK(mapping.unit_id == Field{"stable_id", false});
  CHECK(mapping.id_type == Field{"stableID", true});
}

TEST_CASE("exposures and entity properties are guessed too") {
  const std::string exposures =
      guess_mapping("shop", "select * from exposures", Dataset::Exposures,
                    {{"experiment_name", ColumnType::Text, "text"},
                     {"variant", ColumnType::Text, "text"},
                     {"exposed_at", ColumnType::Text, "text"},
                     {"user_id", ColumnType::Text, "text"}},
                    {{"checkout", "a", "2026-11-20T10:00:00Z", "u"}}, shop());
  CHECK(golden_difference("exposures", exposures) == "");
  CHECK(applied(exposures).definition.mapping.timestamp == "exposed_at");
  CHECK(applied(exposures).definition.mapping.timestamp_zone.empty());

  const std::string properties =
      guess_mapping("shop", "select * from users", Dataset::EntityProperties,
                    {{"user_id", ColumnType::Text, "text"}, {"plan", ColumnType::Text, "text"}},
                    {{"u", "pro"}}, shop());
  CHECK(golden_difference("entity_properties", properties) == "");
  CHECK(applied(properties).definition.mapping.properties_all);
}

TEST_CASE("the key is the table's name wherever a key may be that") {
  const auto handle = [](const std::string& query) {
    return applied(guess_mapping(
                       "shop", query, Dataset::Events,
                       {{"ts", ColumnType::TimestampTz, ""}, {"user_id", ColumnType::Text, ""}}, {},
                       shop()))
        .handle;
  };
  CHECK(handle("SELECT a\nFROM\n  \"Sales\".\"Orders\" o") == "Orders");
  CHECK(handle("select * from read_parquet('x/*.parquet')") == "events");
  CHECK(handle("select * from 'x/*.parquet'") == "x");
  CHECK(handle("select * from 'sales/{{day}}.csv.gz'") == "sales");
  CHECK(handle("select * from 'exports/web-visits.json'") == "web-visits");
  CHECK(handle("select * from '*.parquet'") == "events");
  CHECK(handle("select * from 'retail.shop.orders'") == "orders");
  CHECK(handle("select from_where, fromage from buys") == "buys");
}

}  // namespace millrace::definition
