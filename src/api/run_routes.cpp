#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "api/routes.h"
#include "base/error.h"

namespace millrace::api {
namespace {

using catalog::RunDay;
using catalog::Step;

struct CodeStatus {
  std::string_view code, status;
};
constexpr CodeStatus kErrorStatuses[] = {{"wrong_password", "AUTHENTICATION_ERROR"},
                                         {"access_denied", "AUTHENTICATION_ERROR"},
                                         {"no_credentials", "AUTHENTICATION_ERROR"},
                                         {"no_permission", "AUTHENTICATION_ERROR"},
                                         {"unreachable", "CONNECTION_ERROR"},
                                         {"throttled", "CONNECTION_ERROR"},
                                         {"source_failed", "CONNECTION_ERROR"},
                                         {"ssh_failed", "SSH_ERROR"},
                                         {"secret_missing", "CONNECTION_CONFIG_ERROR"},
                                         {"bad_setting", "CONNECTION_CONFIG_ERROR"},
                                         {"bad_settings", "CONNECTION_CONFIG_ERROR"},
                                         {"no_bucket", "CONNECTION_CONFIG_ERROR"},
                                         {"wrong_region", "CONNECTION_CONFIG_ERROR"},
                                         {"unknown_connection", "CONNECTION_CONFIG_ERROR"},
                                         {"no_folder", "SETUP_ERROR"},
                                         {"no_files", "SETUP_ERROR"},
                                         {"sql_error", "QUERY_ERROR"},
                                         {"raised_in_query", "QUERY_ERROR"},
                                         {"not_one_select", "QUERY_ERROR"},
                                         {"not_allowed", "QUERY_ERROR"},
                                         {"function_not_allowed", "QUERY_ERROR"},
                                         {"missing_column", "QUERY_CONSTRUCTION_ERROR"},
                                         {"duplicate_column", "QUERY_CONSTRUCTION_ERROR"},
                                         {"unknown_placeholder", "QUERY_CONSTRUCTION_ERROR"},
                                         {"snapshot_query", "QUERY_CONSTRUCTION_ERROR"},
                                         {"timestamp_unit", "QUERY_CONSTRUCTION_ERROR"},
                                         {"too_many_rejected", "BULK_LOAD_ERROR"},
                                         {"process_died", "INTERNAL_SERVER_ERROR"},
                                         {"process_died_again", "INTERNAL_SERVER_ERROR"},
                                         {"took_too_long", "CONNECTION_ERROR"},
                                         {"worker_died", "INTERNAL_SERVER_ERROR"},
                                         {"disk_full", "INTERNAL_SERVER_ERROR"},
                                         {"store_unavailable", "INTERNAL_SERVER_ERROR"}};

std::string_view error_status(std::string_view code) {
  for (const CodeStatus& known : kErrorStatuses) {
    if (known.code == code) return known.status;
  }
  return "ERROR";
}

std::string_view status_of(const Step& step) {
  if (step.what == Step::What::Asked) {
    return step.trigger == "backfill" ? "BACKFILL_REQUESTED" : "IMPORT_SCHEDULED";
  }
  if (step.what == Step::What::Started) return "IMPORT_STARTED";
  switch (step.attempt) {
    case Attempt::Loaded:
      return "IMPORT_SUCCESSFUL";
    case Attempt::Empty:
      return "LOADED_EMPTY_DATA";
    case Attempt::Waiting:
    case Attempt::None:
    case Attempt::Loading:
      return "IMPORT_RESCHEDULED";
    case Attempt::Failed:
    case Attempt::Rejected:
      break;
  }
  return error_status(step.error_code);
}

std::string message_of(const Step& step) {
  const std::string what = fmt::format("{} of {}", step.source, step.day.text());
  if (step.what == Step::What::Asked) return what + " was asked for (" + step.trigger + ")";
  if (step.what == Step::What::Started) return what + " is being loaded (" + step.trigger + ")";
  switch (step.attempt) {
    case Attempt::Loaded:
      return fmt::format("{} was loaded: {} rows", what, step.rows);
    case Attempt::Empty:
      return what + " has no rows";
    case Attempt::Waiting:
    case Attempt::None:
    case Attempt::Loading:
      return what + " is looked at again" + (step.note.empty() ? "" : ": " + step.note);
    case Attempt::Failed:
    case Attempt::Rejected:
      break;
  }
  return what + " was not loaded";
}

json::Value status_json(const Step& step) {
  // By name: a list in braces would be copied once more, a thousand times a page.
  json::Value value;
  value["ingestion_dataset"] = name_of(step.dataset);
  value["ingestion_source"] = type_of(step.kind);
  value["source_name"] = step.source;
  value["message"] = message_of(step);
  value["status"] = status_of(step);
  value["timestamp"] = shown(step.at);
  value["ds"] = step.day.text() + "T00:00:00.000Z";
  if (!step.error_text.empty()) value["error_message"] = step.error_text;
  const bool is_published = step.attempt == Attempt::Loaded || step.attempt == Attempt::Empty;
  if (is_published) value["rowCount"] = step.rows;
  return value;
}

/// The steps that a caller's word is for; none for a word that no step has.
std::vector<catalog::StepKind> kinds_of(const std::string& status) {
  using enum Step::What;
  std::vector<catalog::StepKind> kinds;
  if (status == "BACKFILL_REQUESTED") kinds = {{.what = Asked, .trigger = "backfill"}};
  if (status == "IMPORT_SCHEDULED") {
    kinds = {{.what = Asked, .trigger = "api"}, {.what = Asked, .trigger = "manual"}};
  }
  if (status == "IMPORT_STARTED") kinds = {{.what = Started}};
  for (const Attempt attempt :
       {Attempt::Loaded, Attempt::Empty, Attempt::Waiting, Attempt::None, Attempt::Loading}) {
    Step step;
    step.what = Ended;
    step.attempt = attempt;
    if (status_of(step) == status) kinds.push_back({.what = Ended, .attempt = attempt});
  }
  std::vector<std::string> codes;
  const bool others = status == error_status("");
  for (const CodeStatus& known : kErrorStatuses) {
    if (others || known.status == status) codes.emplace_back(known.code);
  }
  if (codes.empty()) return kinds;
  for (const Attempt attempt : {Attempt::Failed, Attempt::Rejected}) {
    kinds.push_back({.what = Ended, .attempt = attempt, .codes = codes, .others = others});
  }
  return kinds;
}

/// The days from `first` to `last` as instants, both included.
Interval interval_in(Call& call, const char* first, const char* last) {
  const Zone zone = call.catalog.project().zone;
  const Day begins = day_in(call.request.parameter(first), first);
  const Day ends = day_in(call.request.parameter(last), last);
  if (ends < begins) bad_request(fmt::format("{} lies before {}", last, first));
  return {zone.bounds(begins).start, zone.bounds(ends).end};
}

/// The id of the ingestion with this name or handle; one that there is none of has no statuses.
std::string source_id(Call& call, const std::string& name) {
  for (const Ingestion& one : call.catalog.ingestions(true)) {
    if (one.name == name || one.handle == name) return one.id;
  }
  return "none";
}

/// "A,B" as two words, for callers who join them.
std::set<std::string> separate(const std::string& words) {
  std::set<std::string> found;
  std::istringstream list(words);
  for (std::string word; std::getline(list, word, ',');) found.insert(word);
  return found;
}

Answer status(Call& call) {
  const Page page = page_of(call.request);
  catalog::StepFilter filter{.at = interval_in(call, "startDate", "endDate")};
  if (const auto text = call.request.parameter("dataset"); !text.empty()) {
    filter.dataset = dataset_in(text);
  }
  if (const auto text = call.request.parameter("source"); !text.empty()) {
    filter.ingestion = source_id(call, text);
  }
  std::set<std::string> wanted;
  for (const char* name : {"status", "statuses"}) {
    const auto [first, last] = call.request.query.equal_range(name);
    for (auto one = first; one != last; ++one) wanted.merge(separate(one->second));
  }
  for (const std::string& status : wanted) {
    const auto kinds = kinds_of(status);
    filter.kinds.insert(filter.kinds.end(), kinds.begin(), kinds.end());
  }
  filter.skip = page.skip();
  filter.limit = page.limit + 1;
  std::vector<json::Value> rows;
  if (wanted.empty() || !filter.kinds.empty()) {
    for (const Step& step : call.catalog.steps(filter)) rows.push_back(status_json(step));
  }
  return list("Ingestion status read successfully.", call.request, page, std::move(rows));
}

// -- runs

constexpr std::string_view kComplete = "download_complete", kFailed = "download_error",
                           kCancelled = "cancelled";

struct Moment {
  Instant at;
  std::string_view status;
};

/// What happened to one day, oldest first.
std::vector<Moment> moments_of(const RunDay& day) {
  std::vector<Moment> moments;
  if (day.asked_at) moments.push_back({*day.asked_at, "enqueued"});
  if (day.started_at) {
    moments.push_back({*day.started_at, "started"});
    moments.push_back({*day.started_at, "download_started"});
  }
  if (day.ended_at) {
    const bool is_bad = day.attempt == Attempt::Failed || day.attempt == Attempt::Rejected;
    moments.push_back({*day.ended_at, day.error_code == "cancelled" ? kCancelled
                                      : is_bad                      ? kFailed
                                                                    : kComplete});
  }
  return moments;
}

/// The first time of each step over all days; the end only once every day has ended.
std::vector<Moment> moments_of(const std::vector<RunDay>& days) {
  std::vector<Moment> moments;
  bool all_ended = true, is_bad = false, is_cancelled = false;
  Instant end{};
  for (const RunDay& day : days) {
    all_ended = all_ended && day.ended_at.has_value();
    end = std::max(end, day.ended_at.value_or(end));
    for (const Moment& moment : moments_of(day)) {
      is_bad = is_bad || moment.status == kFailed;
      is_cancelled = is_cancelled || moment.status == kCancelled;
      const bool is_end =
          moment.status == kComplete || moment.status == kFailed || moment.status == kCancelled;
      if (is_end) continue;
      const auto known = std::ranges::find(moments, moment.status, &Moment::status);
      if (known == moments.end()) {
        moments.push_back(moment);
      } else {
        known->at = std::min(known->at, moment.at);
      }
    }
  }
  std::ranges::stable_sort(moments, {}, &Moment::at);
  if (all_ended && !days.empty()) {
    moments.push_back({end, is_bad ? kFailed : is_cancelled ? kCancelled : kComplete});
  }
  return moments;
}

json::Value newest_first(const std::vector<Moment>& moments) {
  json::Value all = json::Value::array();
  for (auto one = moments.rbegin(); one != moments.rend(); ++one) {
    all.push_back({{"statusTimestamp", shown(one->at)}, {"status", one->status}});
  }
  return all;
}

/// What is known of each ingestion, by its id.
struct Names {
  std::map<std::string, std::string> names;
  std::map<std::string, catalog::Paused> paused;

  explicit Names(catalog::Catalog& catalog) : paused(catalog.paused()) {
    for (const Ingestion& one : catalog.ingestions(true)) names[one.id] = one.name;
  }
  std::string of(const std::string& id) const {
    const auto name = names.find(id);
    return name == names.end() ? id : name->second;
  }
};

/// Why days of the run do not begin; null where they do.
json::Value waits_for(const std::vector<RunDay>& days, const Names& names) {
  for (const RunDay& day : days) {
    const auto paused = names.paused.find(day.ingestion);
    if (paused == names.paused.end() || day.started_at || day.ended_at) continue;
    return fmt::format("{} is paused: {}", names.of(day.ingestion), paused->second.why);
  }
  return nullptr;
}

json::Value run_json(const std::string& run, const std::vector<RunDay>& days, const Names& names) {
  const std::vector<Moment> moments = moments_of(days);
  std::set<std::string> dates;
  std::map<std::string, std::vector<RunDay>> by_source;
  for (const RunDay& day : days) {
    dates.insert(day.day.text());
    by_source[names.of(day.ingestion)].push_back(day);
  }
  json::Value sources = json::Value::array(), history = json::Value::array();
  for (const auto& [source, its_days] : by_source) {
    sources.push_back(source);
    json::Value by_date = json::Value::array();
    for (const RunDay& day : its_days) {
      by_date.push_back(
          {{"dateStamp", day.day.text()}, {"statuses", newest_first(moments_of(day))}});
    }
    history.push_back({{"source", source},
                       {"latestSourceStatus", moments_of(its_days).back().status},
                       {"statusByDate", by_date}});
  }
  return {{"runID", run},
          {"latestStatus", moments.back().status},
          {"lastUpdatedAt", shown(moments.back().at)},
          {"createdAt", shown(moments.front().at)},
          {"trigger", days.front().trigger},
          {"waits_for", waits_for(days, names)},
          {"sources", sources},
          {"dateStamps", dates},
          {"runHistory", newest_first(moments)},
          {"granularHistory", history}};
}

Answer runs(Call& call) {
  const Page page{.number = number_in(call.request, "page", 1), .limit = 10};
  const Names names(call.catalog);
  std::vector<json::Value> rows;
  for (const std::string& run : call.catalog.runs(page.limit + 1, page.skip())) {
    rows.push_back(run_json(run, call.catalog.run_days(run), names));
  }
  return list("Ingestion runs read successfully.", call.request, page, std::move(rows));
}

Answer run(Call& call) {
  const std::vector<RunDay> days = call.catalog.run_days(call.id);
  if (days.empty()) not_found(fmt::format("runID {} not found", call.id));
  return one("Ingestion run read successfully.", run_json(call.id, days, Names(call.catalog)));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .path = "/console/v1/ingestion/status",
     .access = Access::Read,
     .about = "What happened to loads in these days of the project's zone, newest first.",
     .query = "{startDate*: day, endDate*: day, source, dataset: dataset, status: [text], "
              "statuses: [text], page: page, limit: limit}",
     .gives = "list Status",
     .answer = status},
    {.method = "GET",
     .path = "/console/v1/ingestion/runs",
     .access = Access::Read,
     .about = "Runs, newest first, ten a page.",
     .query = "{page: page}",
     .gives = "list Run",
     .answer = runs},
    {.method = "GET",
     .path = "/console/v1/ingestion/runs/{id}",
     .access = Access::Read,
     .about = "One run.",
     .gives = "one Run",
     .answer = run},
};

}  // namespace

std::span<const Route> run_routes() { return kRoutes; }

}  // namespace millrace::api
