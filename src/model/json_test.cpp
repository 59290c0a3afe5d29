#include "model/json.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace millrace {
namespace {

/// Through text and back: what a pipe, a file or the catalog does.
json::Value again(const json::Value& value) { return json::parse(value.dump(), "test"); }

std::string problem(const std::string& text, auto read) {
  try {
    read(json::parse(text, "test"));
  } catch (const Error& error) {
    CHECK(error.code == "bad_json");
    return error.what();
  }
  return "accepted";
}

Definition full_definition() {
  Definition definition;
  definition.dataset = Dataset::Metrics;
  definition.query = "select 'a\"b', '\xc3\xa4'\nfrom kpi";
  definition.folder = "/data";
  Mapping& mapping = definition.mapping;
  mapping.event_name = {"purchase", true};
  mapping.experiment = {"exp", false};
  mapping.group_id = {"group", false};
  mapping.timestamp = "ts";
  mapping.timestamp_zone = "Europe/Berlin";
  mapping.timestamp_unit = TimeUnit::Microseconds;
  mapping.ids = {{"userID", "user_id"}, {"stableID", "device_id"}};
  mapping.event_value = "amount";
  mapping.metadata = {{"page", "p"}};
  mapping.metadata_all = true;
  mapping.metadata_object = "props";
  mapping.dedupe = {"event_id", "version"};
  mapping.date = "ds";
  mapping.units = {{"userID", "user_id"}};
  mapping.metrics = {{"revenue", "rev", "", ""}, {"conversion", "", "orders", "visits"}};
  mapping.unit_id = {"unit", false};
  mapping.id_type = {"userID", true};
  mapping.metric_name = {"name", false};
  mapping.metric_value = "value";
  mapping.numerator = "n";
  mapping.denominator = "d";
  mapping.on_duplicate = OnDuplicate::Last;
  mapping.order_by = "loaded_at";
  mapping.properties = {{"plan", "plan"}};
  mapping.properties_all = true;
  definition.partition = Partition{"ds", "integer", 2};
  definition.zone = "UTC-8";
  return definition;
}

Certificate full_certificate() {
  Certificate certificate;
  certificate.read = 1000;
  certificate.loaded = 900;
  certificate.partly_loaded = 50;
  certificate.rejected = 30;
  certificate.excluded = 20;
  certificate.output_rows = 1800;
  certificate.rejected_by_reason = {{"no_id", 20}, {"bad_time", 10}};
  certificate.partly_by_reason = {{"bad_value", 50}};
  certificate.excluded_by_rule = {{"outside_day", 20}};
  certificate.source_count = 1000;
  certificate.counted_by = "postgres 15.18";
  certificate.before = Fingerprint{"recipe-1", 1000, "-987654321098765432109", {{"a", "1"}}};
  certificate.after = Fingerprint{"recipe-1", 1001, "5", {}};
  certificate.snapshot = true;
  certificate.sums = {{"value", "0.10000000000000001"}, {"rows", "1800"}};
  return certificate;
}

Version full_version() {
  Version version;
  version.id = "v2";
  version.ingestion = "i1";
  version.day = *Day::parse("2026-11-20");
  version.parent = "v1";
  version.kind = VersionKind::Replay;
  version.revision = "r-1";
  version.files = {{"ingestion=i1/day=2026-11-20/v2-0.parquet", 9007199254740993, 7, "r-0", "{}"}};
  version.quarantine = "quarantine/v2.parquet";
  version.certificate = full_certificate();
  version.fingerprint = version.certificate.before;
  version.token = "lsn 0/16B3748";
  version.delivers = {{"revenue", "userID"}, {"revenue", "stableID"}};
  version.published_at = instant_from_text("2026-11-21T09:30:00.000001Z");
  return version;
}

TEST_CASE("a definition survives JSON with every member") {
  const Definition definition = full_definition();
  CHECK(json::definition(again(json::from(definition))) == definition);
  CHECK(json::definition(again(json::from(Definition{}))) == Definition{});
}

TEST_CASE("a definition says only what it has, so that old revisions outlive new members") {
  Definition definition;
  definition.query = "select 1";
  definition.mapping.event_name = {"purchase", true};
  definition.mapping.ids = {{"userID", "u"}};
  definition.zone = "UTC";
  CHECK(json::from(definition).dump() ==
        R"({"dataset":"events","query":"select 1","mapping":{"event_name":{"literal":"purchase"},)"
        R"("ids":{"userID":"u"}},"zone":"UTC"})");
}

TEST_CASE("an upkeep survives JSON, and one of before it was known is the default") {
  const Upkeep upkeep{true,
                      {ScheduleMode::Api,
                       23,
                       30,
                       {{Gate::Kind::Sql, "select true"},
                        {Gate::Kind::Table, "sales.orders"},
                        {Gate::Kind::Object, "{{day}}/_SUCCESS"},
                        {Gate::Kind::Call, ""}}},
                      {1, 9}};
  CHECK(json::upkeep(again(json::from(upkeep))) == upkeep);
  CHECK(json::upkeep(json::parse("{}", "test")) == Upkeep{});
  CHECK(json::from(upkeep)["schedule"]["ready"].dump() ==
        R"(["select true",{"table":"sales.orders"},{"object":"{{day}}/_SUCCESS"},{"call":true}])");
  CHECK_THROWS_AS(
      json::upkeep(json::parse(R"({"schedule": {"ready": [{"tide": "high"}]}})", "test")), Error);
}

TEST_CASE("limits survive JSON") {
  const Limits limits{{.percent = 30, .rows = 12}, 25.5, true};
  CHECK(json::limits(again(json::from(limits))) == limits);
}

TEST_CASE("a version survives JSON with its certificate, files and fingerprints") {
  const json::Value value = json::from(full_version());
  const Version version = json::version(again(value));
  CHECK(json::from(version) == value);
  CHECK(version.day.text() == "2026-11-20");
  CHECK(version.kind == VersionKind::Replay);
  CHECK(version.files == full_version().files);
  CHECK(version.certificate.before == full_certificate().before);
  CHECK(version.certificate.sums == full_certificate().sums);
  CHECK(version.certificate.adds_up());
  CHECK(version.delivers == full_version().delivers);
  CHECK(version.token == "lsn 0/16B3748");
  CHECK(version.published_at == full_version().published_at);
}

TEST_CASE("a certificate's text keeps its shape") {
  Certificate certificate;
  certificate.read = 2;
  certificate.loaded = 1;
  certificate.rejected = 1;
  certificate.output_rows = 1;
  certificate.rejected_by_reason = {{"no_id", 1}};
  certificate.sums = {{"value", "3"}};
  CHECK(json::from(certificate).dump() ==
        R"({"read":2,"loaded":1,"partly_loaded":0,"rejected":1,"excluded":0,"output_rows":1,)"
        R"("rejected_by_reason":{"no_id":1},"partly_by_reason":{},"excluded_by_rule":{},)"
        R"("counted_by":"","snapshot":false,"sums":{"value":"3"}})");
}

TEST_CASE("a day's state survives JSON") {
  DayState state;
  state.ingestion = "i1";
  state.day = *Day::parse("2026-11-20");
  state.current = "v1";
  state.attempt = Attempt::Rejected;
  state.load = "v2";
  state.flags = kHeld | kNotRepeatable;
  state.held_load = "v2";
  state.hold_reason = "it shrank";
  state.error_code = "too_many_rejected";
  state.error_text = "30 of 100 rows";
  state.error_advice = "Look";
  state.changed_at = instant_from_text("2026-11-21T09:30:00Z");
  const json::Value value = json::from(state);
  const DayState back = json::day_state(again(value));
  CHECK(json::from(back) == value);
  CHECK(back.flags == (kHeld | kNotRepeatable));
  CHECK(back.attempt == Attempt::Rejected);
  CHECK(back.changed_at == state.changed_at);
}

TEST_CASE("a work order reaches the worker with all it needs") {
  WorkOrder order;
  order.verb = Verb::Check;
  order.kind = "postgres";
  order.settings = {{"host", "db"}, {"password", "s3cret \xc3\xa4"}};
  order.roots = {"/data"};
  order.ingestion = "i1";
  order.definition = full_definition();
  order.unit_types = {"userID"};
  order.limits.allow_empty = true;
  DayOrder day;
  day.load = "l1";
  day.day = *Day::parse("2026-11-20");
  day.staging = "/store/_staged/l1";
  day.is_doubted = true;
  day.known = Known{12, Fingerprint{"k", 12, "99", {}}, "token", false};
  day.replayed = Replayed{"/store/quarantine/q.parquet", {"/store/a.parquet"}, {.read = 3}};
  order.days = {day};
  order.text = "select 1";
  order.rows = 7;
  order.memory_bytes = std::int64_t{300} << 20;
  order.threads = 2;
  order.fingerprint = false;
  const json::Value value = json::from(order);
  const WorkOrder back = json::work_order(again(value));
  CHECK(json::from(back) == value);
  CHECK(back.settings == order.settings);
  CHECK(back.definition == order.definition);
  REQUIRE(back.days.size() == 1);
  CHECK(back.days[0].known->fingerprint == day.known->fingerprint);
  CHECK(!back.days[0].known->content_checks);
  CHECK(back.days[0].replayed->files == day.replayed->files);
  CHECK(back.memory_bytes == 314572800);
}

TEST_CASE("a worker's answers survive the pipe") {
  Manifest manifest;
  manifest.load = "l1";
  manifest.day = *Day::parse("2026-11-20");
  manifest.revision = "r-1";
  manifest.files = full_version().files;
  manifest.quarantine = "q.parquet";
  manifest.certificate = full_certificate();
  manifest.moved_during_read = manifest.not_repeatable = true;
  manifest.took_ms = {{"look", 1}, {"read", 2}};
  manifest.note = "columns a, b";
  CHECK(json::from(json::manifest(again(json::from(manifest)))) == json::from(manifest));
  const Progress progress{"l1", manifest.day, "read", 5, 500, 10};
  CHECK(json::from(json::progress(again(json::from(progress)))) == json::from(progress));
  const CheckResult result{manifest.day, true, "count", 5, {}, "note", true, 12, 4096};
  CHECK(json::from(json::check_result(again(json::from(result)))) == json::from(result));
  CHECK(!json::from(result).contains("rows_now"));
  const ProbeReport report{{{"reach", true, "db:5432", ""}, {"log in", false, "no", "Ask"}},
                           "PG 15"};
  CHECK(json::from(json::probe_report(again(json::from(report)))) == json::from(report));
  const Column column{"ts", ColumnType::TimestampTz, "timestamp with time zone"};
  CHECK(json::column(again(json::from(column))) == column);
  const Table table{"public", "purchases", "view"};
  CHECK(json::table(again(json::from(table))).kind == "view");
}

TEST_CASE("an error arrives as it was thrown") {
  Error error(Fault::Throttled, "too_fast", "asking shop for rows got \"429\"", "Wait");
  error.retry_after = std::chrono::seconds(30);
  const Error back = json::error(again(json::from(error.at("shop"))));
  CHECK(back.fault == Fault::Throttled);
  CHECK(back.code == "too_fast");
  CHECK(std::string(back.what()) == "asking shop for rows got \"429\"");
  CHECK(back.advice == "Wait");
  CHECK(back.where == "shop");
  CHECK(back.retry_after == std::chrono::seconds(30));
}

TEST_CASE("a vendor's text in another encoding does not break the line it travels on") {
  const Error error(Fault::BadData, "sql_error", "the server said \"caf\xe9\"");
  CHECK(std::string(json::error(again(json::from(error))).what()) ==
        "the server said \"caf\xef\xbf\xbd\"");
}

TEST_CASE("unknown keys are ignored and missing ones keep their defaults") {
  const auto limits = json::limits(json::parse(R"({"new": [1], "allow_empty": true})", "test"));
  CHECK(limits.allow_empty);
  CHECK(limits.shrink_max_percent == 50);
  CHECK(
      !json::limits(json::parse(R"({"max_rejected": {"rows": null}})", "test")).max_rejected.rows);
}

TEST_CASE("a damaged document is refused with the place, never with its content") {
  CHECK(problem(R"({"load": "l", "day": "2026-11-20", "files": [], "certificate": {"read": "x"}})",
                json::manifest) ==
        "reading manifest.certificate.read failed: expected a whole number, found string");
  CHECK(problem(R"({"day": "2026-11-20"})", json::manifest) ==
        "reading manifest failed: `load` is missing");
  CHECK(problem(R"({"day": "2026-11-31", "changed": true})", json::check_result) ==
        "reading check_result.day failed: \"2026-11-31\" is not a day such as 2026-11-20");
  CHECK(problem(R"({"verb": "dance", "kind": "files"})", json::work_order) ==
        "reading work_order.verb failed: \"dance\" is unknown here");
  CHECK(problem(R"({"verb": "load", "kind": "files", "settings": {"password": 12345}})",
                json::work_order) ==
        "reading work_order.settings.password failed: expected a text, found number");
  CHECK(problem(R"({"verb": "load", "kind": "files", "threads": 3000000000})", json::work_order) ==
        "reading work_order.threads failed: 3000000000 is out of range");
  CHECK(problem(R"([])", json::table) == "reading table failed: expected an object, found array");
  CHECK(problem(R"({"password": "s3cret)", json::table) ==
        "reading test failed: not JSON at byte 21 of 20");
}

}  // namespace
}  // namespace millrace
