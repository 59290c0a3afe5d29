#include "model/source.h"

#include <doctest/doctest.h>

namespace millrace {
namespace {

Definition events() {
  Definition definition;
  definition.query = "select * from purchases";
  definition.mapping.event_name = {.text = "kind", .literal = false};
  definition.mapping.timestamp = "ts";
  definition.mapping.ids = {{"userID", "user_id"}};
  definition.zone = "UTC-8";
  return definition;
}

TEST_CASE("day placeholders are found with and without spaces, other braces are not") {
  CHECK(has_placeholders("select * from t where ds = '{{day}}'"));
  CHECK(has_placeholders("where ts >= {{ day_start }} and ts < {{day_end}}"));
  CHECK(has_placeholders("where e >= {{day_start_epoch}} and e < {{day_end_epoch}}"));
  CHECK(has_placeholders("where d between {{from}} and {{to}}"));
  CHECK(has_placeholders("select '{{other}}', {{day}}"));
  CHECK(has_placeholders("where ds = {{\n  day\t}}"));
  CHECK(!has_placeholders("select '{{other}}'"));
  CHECK(!has_placeholders("select '{day}', '{{day'"));
  CHECK(!has_placeholders(""));
}

TEST_CASE("a placeholder in a comment selects nothing") {
  CHECK(!has_placeholders("select 1 -- where ds = {{day}}"));
  CHECK(!has_placeholders("select 1 /* {{day}}\n{{from}} */ from t"));
  CHECK(has_placeholders("select 1 -- don't\nwhere ds = {{day}}"));
  CHECK(has_placeholders("select '--', \"/*\" from t where ds = {{day}}"));
  CHECK(has_placeholders("select /* it's */ 1 where ds = '{{day}}' -- x"));
}

TEST_CASE("a mapped timestamp tells days apart in its own zone") {
  Definition definition = events();
  definition.mapping.timestamp_zone = "Europe/Berlin";
  definition.mapping.timestamp_unit = TimeUnit::Milliseconds;
  const Query query = query_of(definition, "load-1");
  CHECK(query.time.kind == TimeColumn::Kind::Timestamp);
  CHECK(query.time.column == "ts");
  CHECK(query.time.zone.name() == "Europe/Berlin");
  CHECK(query.time.unit == TimeUnit::Milliseconds);
  CHECK(query.zone.name() == "UTC-8");
  CHECK(query.name_column == "kind");
  CHECK(query.columns == std::vector<std::string>{"kind", "ts", "user_id"});
  CHECK(query.tag == "load-1");
}

TEST_CASE("a metrics date is the label itself") {
  Definition definition;
  definition.dataset = Dataset::Metrics;
  definition.query = "select * from kpi";
  definition.mapping.date = "ds";
  definition.mapping.metric_name = {.text = "revenue", .literal = true};
  definition.zone = "UTC-8";
  const Query query = query_of(definition, "");
  CHECK(query.time.kind == TimeColumn::Kind::Label);
  CHECK(query.time.column == "ds");
  CHECK(query.name_column.empty());
}

TEST_CASE("placeholders and folders decide the day, not the mapped column") {
  Definition definition = events();
  definition.query = "select * from purchases where ds = {{day}}";
  CHECK(query_of(definition, "").time.kind == TimeColumn::Kind::None);
  definition = events();
  definition.query.clear();
  definition.folder = "/data/events";
  CHECK(query_of(definition, "").time.kind == TimeColumn::Kind::None);
  CHECK(!is_snapshot(definition));
}

TEST_CASE("a query without time, placeholder or folder is a snapshot") {
  Definition definition;
  definition.dataset = Dataset::EntityProperties;
  definition.query = "select * from users";
  definition.zone = "UTC";
  CHECK(is_snapshot(definition));
  definition.mapping.timestamp = "updated_at";
  CHECK(!is_snapshot(definition));
  definition.mapping.timestamp.clear();
  definition.query = "select * from users where seen = {{day}}";
  CHECK(!is_snapshot(definition));
  CHECK(!is_snapshot(events()));
}

TEST_CASE("a probe is fine when it took steps and all of them passed") {
  ProbeReport report;
  CHECK(!report.ok());
  report.steps.push_back({.name = "reach", .ok = true, .detail = "", .advice = ""});
  CHECK(report.ok());
  report.steps.push_back({.name = "log in", .ok = false, .detail = "", .advice = ""});
  CHECK(!report.ok());
}

}  // namespace
}  // namespace millrace
