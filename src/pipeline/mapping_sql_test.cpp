#include <doctest/doctest.h>

#include "golden.h"
#include "pipeline/mapping.h"

using namespace millrace;
using namespace millrace::pipeline;

namespace {

/// What a day's mapping runs: the staging SELECT, then one SELECT for each table row it may become.
std::string sql_of(const Definition& definition, const std::vector<Column>& columns) {
  const engine::Relation source{"SELECT * FROM rows", columns};
  const MapSql map = map_sql(definition, source, {*Day::parse("2026-11-20"), {"<load>"}, {}},
                             {"userID", "stableID"});
  std::string text = map.select + "\n";
  for (const Branch& branch : map.branches) {
    text += "\n-- where " + branch.present + "\n";
    for (const auto& [name, expression] : branch.values) text += name + " = " + expression + "\n";
  }
  return text + "\n-- original\n" + map.original + "\n";
}

std::string difference(const std::string& name, const std::string& sql) {
  return golden::difference("src/pipeline/testdata/" + name + ".sql", sql);
}

Definition definition(Dataset dataset) {
  Definition result;
  result.dataset = dataset;
  result.zone = "UTC-8";
  return result;
}

}  // namespace

TEST_CASE("the SQL of events is under review") {
  Definition events = definition(Dataset::Events);
  events.mapping.event_name = {"kind", false};
  events.mapping.timestamp = "ts";
  events.mapping.timestamp_zone = "America/New_York";
  events.mapping.ids = {{"userID", "user_id"}, {"stableID", "device"}};
  events.mapping.event_value = "amount";
  events.mapping.metadata = {{"page", "page"}};
  events.mapping.metadata_object = "props";
  events.mapping.dedupe = {"event_id"};
  CHECK(difference("events", sql_of(events, {{"kind", ColumnType::Text, "text"},
                                             {"ts", ColumnType::Timestamp, "timestamp"},
                                             {"user_id", ColumnType::Integer, "int8"},
                                             {"device", ColumnType::Uuid, "uuid"},
                                             {"amount", ColumnType::Decimal, "numeric"},
                                             {"page", ColumnType::Text, "text"},
                                             {"props", ColumnType::Json, "jsonb"},
                                             {"event_id", ColumnType::Uuid, "uuid"}})) == "");
}

TEST_CASE("the SQL of exposures is under review") {
  Definition exposures = definition(Dataset::Exposures);
  exposures.mapping.experiment = {"experiment", false};
  exposures.mapping.group_id = {"variant", false};
  exposures.mapping.timestamp = "at";
  exposures.mapping.timestamp_unit = TimeUnit::Milliseconds;
  exposures.mapping.ids = {{"userID", "user_id"}};
  exposures.mapping.metadata_all = true;
  CHECK(difference("exposures",
                   sql_of(exposures, {{"experiment", ColumnType::Text, "text"},
                                      {"variant", ColumnType::Text, "text"},
                                      {"at", ColumnType::Integer, "int8"},
                                      {"user_id", ColumnType::Text, "text"},
                                      {"price", ColumnType::Double, "float8"},
                                      {"seen", ColumnType::TimestampTz, "timestamptz"}})) == "");
}

TEST_CASE("the SQL of long metrics is under review") {
  Definition metrics = definition(Dataset::Metrics);
  metrics.mapping.date = "ds";
  metrics.mapping.metric_name = {"metric", false};
  metrics.mapping.id_type = {"userID", true};
  metrics.mapping.unit_id = {"user_id", false};
  metrics.mapping.metric_value = "value";
  metrics.mapping.numerator = "top";
  metrics.mapping.denominator = "bottom";
  CHECK(difference("metrics_long", sql_of(metrics, {{"ds", ColumnType::Date, "date"},
                                                    {"metric", ColumnType::Text, "text"},
                                                    {"user_id", ColumnType::Integer, "int8"},
                                                    {"value", ColumnType::Double, "float8"},
                                                    {"top", ColumnType::Text, "text"},
                                                    {"bottom", ColumnType::Integer, "int8"}})) ==
        "");
}

TEST_CASE("the SQL of wide metrics is under review") {
  Definition metrics = definition(Dataset::Metrics);
  metrics.mapping.date = "ds";
  metrics.mapping.units = {{"userID", "user_id"}, {"stableID", "device"}};
  metrics.mapping.metrics = {{"revenue", "rev", "", ""}, {"conversion", "", "orders", "visits"}};
  CHECK(difference("metrics_wide", sql_of(metrics, {{"ds", ColumnType::Text, "text"},
                                                    {"user_id", ColumnType::Text, "text"},
                                                    {"device", ColumnType::Text, "text"},
                                                    {"rev", ColumnType::Decimal, "numeric"},
                                                    {"orders", ColumnType::Integer, "int8"},
                                                    {"visits", ColumnType::Integer, "int8"}})) ==
        "");
}

TEST_CASE("the SQL of entity properties is under review") {
  Definition entities = definition(Dataset::EntityProperties);
  entities.mapping.ids = {{"userID", "user_id"}, {"stableID", "device"}};
  entities.mapping.timestamp = "changed";
  entities.mapping.properties_all = true;
  CHECK(difference("entity_properties",
                   sql_of(entities, {{"user_id", ColumnType::Text, "text"},
                                     {"device", ColumnType::Text, "text"},
                                     {"changed", ColumnType::TimestampTz, "timestamptz"},
                                     {"plan", ColumnType::Text, "text"},
                                     {"age", ColumnType::Integer, "int4"}})) == "");
}
