#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/patience.h"
#include "api/people.h"
#include "api/routes.h"
#include "api/service.h"
#include "base/error.h"
#include "engine/database.h"
#include "pipeline/check.h"
#include "pipeline/days.h"
#include "schedule/missing.h"

namespace millrace::api {
namespace {

/// By id, handle or name.
Ingestion ingestion_in(Call& call) {
  if (auto ingestion = call.catalog.ingestion_by_id(call.id)) return *std::move(ingestion);
  return call.catalog.ingestion(call.id);
}

Day day_of(const Call& call) {
  const std::string text =
      call.body.contains("day") ? text_or_empty(call.body, "day") : call.request.parameter("day");
  return day_in(text, "day");
}

json::Value ingestion_json(const Ingestion& ingestion) {
  return {{"id", ingestion.id},
          {"handle", ingestion.handle},
          {"name", ingestion.name},
          {"connection", ingestion.connection},
          {"kind", ingestion.kind},
          {"managed_by", ingestion.managed_by},
          {"revision", revision_of(ingestion.definition)},
          {"definition", json::from(ingestion.definition)},
          {"limits", json::from(ingestion.limits)},
          {"upkeep", json::from(ingestion.upkeep)}};
}

Answer ingestions(Call& call) {
  std::vector<json::Value> rows;
  for (const Ingestion& one : call.catalog.ingestions()) rows.push_back(ingestion_json(one));
  const Page page = page_of(call.request);
  return list("Ingestions listed successfully.", call.request, page, page.of(std::move(rows)));
}

Answer ingestion(Call& call) {
  return one("Ingestion read successfully.", ingestion_json(ingestion_in(call)));
}

/// Whether who asks is a person who may see what an error quotes of rows. A key's answers end in
/// the logs of programs.
bool sees_rows(const Call& call, const Ingestion& of) {
  return call.user && has_grant(*call.user, "rows.read", of.connection);
}

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value() : json::Value(text);
}

json::Value day_json(const DayRow& row, bool with_rows) {
  const DayState& state = row.state;
  json::Value value{
      {"day", state.day.text()},
      {"status", row.status},
      {"rows", row.rows},
      {"quarantined", row.quarantined},
      {"partly_loaded", row.partly_loaded},
      {"version", state.current},
      {"revision", row.revision},
      {"stale", row.stale},
      {"held", text_or_null(state.hold_reason)},
      {"loaded_at", row.loaded_at ? json::Value(shown(*row.loaded_at)) : json::Value()},
      {"flags", remarks_of(state.flags)},
      {"known_difference", text_or_null(row.known_difference)},
      {"note", text_or_null(row.note)},
      {"error", nullptr}};
  if (!state.error_text.empty()) {
    value["error"] = {
        {"code", state.error_code}, {"message", state.error_text}, {"advice", state.error_advice}};
    if (with_rows && !row.error_in_full.empty()) value["error"]["in_full"] = row.error_in_full;
  }
  return value;
}

Answer days(Call& call) {
  const Ingestion of = ingestion_in(call);
  std::optional<DayRange> range;
  const std::string first = call.request.parameter("from"), last = call.request.parameter("to");
  if (!first.empty() || !last.empty()) {
    const Day newest = call.catalog.project().zone.day_of(call.service.env().now());
    range = DayRange{first.empty() ? Day(std::chrono::sys_days{}) : day_in(first, "from"),
                     last.empty() ? newest : day_in(last, "to")};
  }
  const bool with_rows = sees_rows(call, of);
  std::vector<json::Value> rows;
  for (const DayRow& row :
       schedule::days_with_missing(call.catalog, of, range, call.service.env().now())) {
    rows.push_back(day_json(row, with_rows));
  }
  std::ranges::reverse(rows);
  const Page page = page_of(call.request);
  return list("Days listed successfully.", call.request, page, page.of(std::move(rows)));
}

Answer versions(Call& call) {
  const Ingestion of = ingestion_in(call);
  const Day day = day_of(call);
  const auto state = call.catalog.day(of.id, day);
  json::Value rows = json::Value::array();
  for (const Version& version : call.catalog.history(of.id, day)) {
    json::Value value = json::from(version);
    value["current"] = state && state->current == version.id;
    value["swept"] = call.catalog.is_swept(version.id);
    rows.push_back(std::move(value));
  }
  return one("Versions listed successfully.", std::move(rows));
}

/// The version that is named, else the day's `nth` newest.
Version version_in(const Call& call, const std::vector<Version>& all, const char* parameter,
                   std::size_t nth) {
  const std::string id = call.request.parameter(parameter);
  const auto nth_newest = all.begin() + static_cast<std::ptrdiff_t>(std::min(nth, all.size()));
  const auto found = id.empty() ? nth_newest : std::ranges::find(all, id, &Version::id);
  if (found != all.end()) return *found;
  not_found(id.empty() ? "the day has no such version" : "the day has no version " + id);
}

Answer certificate(Call& call) {
  const Ingestion of = ingestion_in(call);
  const auto state = call.catalog.day(of.id, day_of(call));
  const auto version =
      state && !state->current.empty() ? call.catalog.version(state->current) : std::nullopt;
  if (!version) not_found(fmt::format("{} has no version", day_of(call).text()));
  json::Value value = json::from(version->certificate);
  value["version"] = version->id;
  value["adds_up"] = version->certificate.adds_up();
  return one("Certificate read successfully.", std::move(value));
}

Answer diff(Call& call) {
  const auto all = call.catalog.history(ingestion_in(call).id, day_of(call));
  const Version newer = version_in(call, all, "newer", 0),
                older = version_in(call, all, "older", 1);
  json::Value before = json::from(older.certificate), after = json::from(newer.certificate);
  before["revision"] = older.revision;
  after["revision"] = newer.revision;
  json::Value changes = json::Value::array();
  for (const auto& [what, value] : after.items()) {
    const json::Value old = before.value(what, json::Value());
    before.erase(what);
    if (old != value) changes.push_back({{"what", what}, {"before", old}, {"after", value}});
  }
  for (const auto& [what, value] : before.items()) {
    changes.push_back({{"what", what}, {"before", value}, {"after", nullptr}});
  }
  return one("Versions compared.",
             {{"older", older.id}, {"newer", newer.id}, {"changes", changes}});
}

/// What a person does with a day, and how it stands then.
template <class Deed>
Answer done_to(Call& call, std::string_view message, Deed deed) {
  const Ingestion of = ingestion_in(call);
  const Day day = day_of(call);
  store::Store store = call.service.store();
  pipeline::House house = call.service.house(call.catalog, store);
  deed(house, of, day);
  const DayRow row = call.catalog.days(of.id, DayRange{day, day}).at(0);
  return one(message, day_json(row, sees_rows(call, of)));
}

Answer undo(Call& call) {
  return done_to(call, "The version before is current again; the day is held.",
                 [&](pipeline::House& house, const Ingestion& of, Day day) {
                   pipeline::undo(house, of, day, text_or_empty(call.body, "to"));
                 });
}

Answer release(Call& call) {
  return done_to(call, "The day is no longer held.", pipeline::release);
}

Answer accept(Call& call) { return done_to(call, "What was held is published.", pipeline::accept); }

Answer check(Call& call) {
  const Ingestion of = ingestion_in(call);
  require_grant(call, "connection.use", of.connection);
  const Day day = day_of(call);
  store::Store store = call.service.store();
  pipeline::House house = call.service.house(call.catalog, store);
  const Patience patience(call.service.env());
  const auto results =
      pipeline::check(house, of, {day}, pipeline::CheckDepth::Exact, patience.token());
  return one("Day checked.", json::from(results.at(0)));
}

json::Value check_json(const catalog::Checked& checked) {
  json::Value value = json::from(checked.result);
  value["at"] = shown(checked.at);
  return value;
}

Answer last_check(Call& call) {
  const auto checked = call.catalog.last_check(ingestion_in(call).id, day_of(call));
  if (!checked) not_found(fmt::format("{} was never checked", day_of(call).text()));
  return one("Check read successfully.", check_json(*checked));
}

Answer checks(Call& call) {
  json::Value rows = json::Value::array();
  for (const catalog::Checked& checked : call.catalog.checks(ingestion_in(call).id, day_of(call))) {
    rows.push_back(check_json(checked));
  }
  return one("Checks listed successfully.", std::move(rows));
}

Answer quarantine(Call& call) {
  const Ingestion of = ingestion_in(call);
  require_grant(call, "rows.read", of.connection);
  const Page page = page_of(call.request);
  store::Store store = call.service.store();
  pipeline::House house = call.service.house(call.catalog, store);
  const auto file = pipeline::quarantine_file(house, of, day_of(call));
  std::vector<json::Value> rows;
  if (file) {
    engine::Database database =
        engine::Database::open({.allowed = {std::filesystem::path(*file).parent_path().string()}});
    database.each_json(
        fmt::format("select * from read_parquet({}, hive_partitioning = false) limit {} offset {}",
                    engine::literal(*file), page.limit + 1, page.skip()),
        [&](std::string_view row) { rows.push_back(json::parse(row, "a rejected row")); }, {});
  }
  return list("Rejected rows listed successfully.", call.request, page, std::move(rows));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/api/v1/ingestions",
     .access = Access::Read,
     .about = "The ingestions, whole.",
     .query = "{page: page, limit: limit}",
     .gives = "list Ingestion",
     .answer = ingestions},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}",
     .access = Access::Read,
     .about = "One, by its id, handle or name; so in all paths below.",
     .gives = "one Ingestion",
     .answer = ingestion},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/days",
     .access = Access::Read,
     .about = "Its days, newest first. `flags`: provisional, moved during read, unusual volume, "
              "not repeatable. `known_difference`: what the last check found and nobody loaded. "
              "`note`: why a day without rows may have none. "
              "Where a warehouse quoted rows, an error's message has … instead, and `in_full` the "
              "words, for people who may read rows.",
     .query = "{from: day, to: day, page: page, limit: limit}",
     .gives = "list DayState",
     .answer = days},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/versions",
     .access = Access::Read,
     .about = "All versions of a day, newest first, each with its certificate. `swept`: its files "
              "are deleted, and nobody can go back to it.",
     .query = "{day*: day}",
     .gives = "one [object]",
     .answer = versions},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/certificate",
     .access = Access::Read,
     .about = "What proves a day: read, loaded, rejected, counted by whom, fingerprints, sums.",
     .query = "{day*: day}",
     .gives = "one object",
     .answer = certificate},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/diff",
     .access = Access::Read,
     .about = "What differs between the certificates of two versions, by default the last two.",
     .query = "{day*: day, older, newer}",
     .gives = "one {older*: text, newer*: text, "
              "changes*: [{what*: text, before: any, after: any}]}",
     .answer = diff},
    {.method = "POST",
     .path = "/api/v1/ingestions/{id}/undo",
     .access = Access::Write,
     .about = "Makes the version before, or `to`, current again, and holds the day.",
     .body = "{day*: day, to: text}",
     .gives = "one DayState",
     .refuses = "409",
     .answer = undo},
    {.method = "POST",
     .path = "/api/v1/ingestions/{id}/release",
     .access = Access::Write,
     .about = "Ends a hold.",
     .body = "{day*: day}",
     .gives = "one DayState",
     .refuses = "409",
     .answer = release},
    {.method = "POST",
     .path = "/api/v1/ingestions/{id}/accept",
     .access = Access::Write,
     .about = "Publishes what was held.",
     .body = "{day*: day}",
     .gives = "one DayState",
     .refuses = "409",
     .answer = accept},
    {.method = "POST",
     .path = "/api/v1/ingestions/{id}/check",
     .access = Access::Use,
     .about = "Asks the warehouse whether a day changed since it was loaded.",
     .body = "{day*: day}",
     .gives = "one Check",
     .refuses = "409",
     .answer = check},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/check",
     .access = Access::Read,
     .about = "What the last check of a day found.",
     .query = "{day*: day}",
     .gives = "one Check",
     .answer = last_check},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/checks",
     .access = Access::Read,
     .about = "What was asked about a day, and answered, newest first: the last 100 of 400 days. "
              "`took_ms` at the warehouse; `bytes` that it estimated for a fingerprint.",
     .query = "{day*: day}",
     .gives = "one [Check]",
     .answer = checks},
    {.method = "GET",
     .path = "/api/v1/ingestions/{id}/quarantine",
     .access = Access::Rows,
     .about = "Rejected rows of a day, with their reasons.",
     .query = "{day*: day, page: page, limit: limit}",
     .gives = "list object",
     .answer = quarantine},
};

}  // namespace

std::span<const Route> day_routes() { return kRoutes; }

}  // namespace millrace::api
