#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "api/routes.h"
#include "api/service.h"
#include "base/error.h"

namespace millrace::api {
namespace {

/// A (source, date) may be loaded again by a call only so long after one was published.
constexpr std::chrono::hours kBetween(2);
/// One call names at most so many dates, and says at most so many to be complete.
constexpr std::size_t kDatesMost = 366;
constexpr int kDaysMarked = 31;

std::vector<Ingestion> called_ones(catalog::Catalog& catalog, Dataset dataset) {
  std::vector<Ingestion> found;
  for (Ingestion& one : catalog.ingestions()) {
    if (one.definition.dataset == dataset && one.upkeep.enabled &&
        one.upkeep.schedule.mode == ScheduleMode::Api) {
      found.push_back(std::move(one));
    }
  }
  return found;
}

/// The ingestions that a call is about: those of the dataset that wait for one, or those it names.
std::vector<Ingestion> wanted_ones(catalog::Catalog& catalog, Dataset dataset,
                                   const std::vector<std::string>& sources) {
  std::vector<Ingestion> all = called_ones(catalog, dataset);
  if (sources.empty()) {
    if (all.empty()) {
      bad_request(
          fmt::format("No enabled ingestion of {} has the schedule \"API Triggered\" "
                      "(mode = \"api\")",
                      shown(dataset)));
    }
    return all;
  }
  std::vector<Ingestion> wanted;
  for (const std::string& source : sources) {
    const auto found = std::ranges::find_if(
        all, [&](const Ingestion& one) { return one.name == source || one.handle == source; });
    if (found == all.end()) {
      bad_request(
          fmt::format("There is no enabled ingestion {} of {} with the schedule \"API "
                      "Triggered\" (mode = \"api\")",
                      source, shown(dataset)));
    }
    wanted.push_back(*found);
  }
  return wanted;
}

std::vector<Day> dates_in(const json::Value& body, Day today) {
  const std::vector<std::string> given = texts(body, "datestamps");
  if (given.empty()) bad_request("datestamps names no date");
  if (given.size() > kDatesMost) {
    bad_request(fmt::format("datestamps names {} dates, at most {}", given.size(), kDatesMost));
  }
  std::vector<Day> days;
  for (const std::string& text : given) {
    days.push_back(day_in(text, "datestamps"));
    if (days.back() > today) bad_request(fmt::format("datestamps: {} has not begun yet", text));
  }
  std::ranges::sort(days);
  days.erase(std::unique(days.begin(), days.end()), days.end());
  return days;
}

/// All or nothing: one date that was loaded too recently refuses the whole call, naming each.
void refuse_too_often(Call& call, const std::vector<Ingestion>& sources,
                      const std::vector<Day>& days) {
  const Instant now = call.service.env().now();
  std::vector<std::string> limited;
  std::chrono::seconds wait{0};
  for (const Ingestion& source : sources) {
    for (const Day day : days) {
      const auto last = call.catalog.last_called_publish(source.id, day);
      if (!last || now - *last >= kBetween) continue;
      limited.push_back(fmt::format("{} {}", source.name, day.text()));
      wait = std::max(wait, std::chrono::ceil<std::chrono::seconds>(*last + kBetween - now));
    }
  }
  if (limited.empty()) return;
  Error error(Fault::Throttled, "ready_too_often",
              fmt::format("Loaded by such a call within two hours: {}; nothing was started",
                          fmt::join(limited, ", ")));
  error.retry_after = wait;
  throw error;
}

json::Value started(Call& call, const std::vector<Ingestion>& sources,
                    const std::vector<Day>& days) {
  const std::string run = new_id(call.service.env());
  json::Value runs = json::Value::array();
  for (const Ingestion& source : sources) {
    const auto joined = call.catalog.ask(run, source.id, days, "api");
    for (std::size_t i = 0; i < days.size(); ++i) {
      runs.push_back({{"runID", joined[i]}, {"source", source.name}, {"date", days[i].text()}});
    }
  }
  return runs;
}

/// The stored answer for a repeated `Idempotency-Key`; else what `work` answers, stored with it.
Answer once(Call& call, const std::function<json::Value()>& work) {
  const std::string name = call.request.header("idempotency-key");
  constexpr std::size_t kLongest = 255;
  if (name.size() > kLongest) bad_request("Idempotency-Key is longer than 255 characters");
  Answer answer;
  call.catalog.atomically([&] {
    const std::string request = digest_of(call.request.path + "\n" + call.request.body);
    if (!name.empty()) {
      if (const auto given = call.catalog.given_answer(call.key.id, name)) {
        if (given->request != request) {
          throw Error(Fault::Misconfigured, "key_reused",
                      "This Idempotency-Key was used with another request");
        }
        answer = {static_cast<int>(given->status), given->body, {{"Idempotent-Replay", "true"}}};
        return;
      }
    }
    answer = {202, json::Value{{"success", true}, {"runs", work()}}.dump(), {}};
    if (!name.empty()) {
      call.catalog.remember_answer(call.key.id, name, {request, answer.status, answer.body});
    }
  });
  return answer;
}

Answer mark_data_ready_dwh(Call& call) {
  return once(call, [&] {
    const Dataset dataset = dataset_in(text_or_empty(call.body, "type"));
    const Day today = call.catalog.project().zone.day_of(call.service.env().now());
    const std::vector<Day> days = dates_in(call.body, today);
    const auto sources = wanted_ones(call.catalog, dataset, texts(call.body, "sources"));
    refuse_too_often(call, sources, days);
    return started(call, sources, days);
  });
}

Instant timestamp_in(const json::Value& body) {
  constexpr std::int64_t kLatest = 4'102'444'800;  // 2100
  const auto seconds = body.at("timestamp").get<std::int64_t>();
  if (seconds < 0 || seconds > kLatest) bad_request("timestamp must be unix seconds");
  return Instant(std::chrono::seconds(seconds));
}

/// The days that lie wholly before `until` and after what was marked before; of a first call only
/// the newest.
std::vector<Day> days_before(const Zone& zone, Instant until, std::optional<Instant> marked) {
  const Day newest = zone.day_of(until).plus(-1);
  const Day first = marked ? std::max(zone.day_of(*marked), newest.plus(1 - kDaysMarked)) : newest;
  return first > newest ? std::vector<Day>{} : DayRange{first, newest}.days();
}

Answer mark_data_ready(Call& call) {
  return once(call, [&] {
    const Dataset dataset = dataset_in(text_or_empty(call.body, "type"));
    if (dataset != Dataset::Metrics) bad_request("type must be metrics");
    const Instant until = timestamp_in(call.body);
    if (until > call.service.env().now()) bad_request("timestamp lies in the future");
    const auto marked = call.catalog.complete_until(dataset);
    if (marked && until < *marked) {
      bad_request(fmt::format("timestamp lies before that of an earlier call, {}",
                              marked->time_since_epoch().count() / 1'000'000));
    }
    const auto sources = wanted_ones(call.catalog, dataset, {});
    call.catalog.set_complete_until(dataset, until);
    return started(call, sources, days_before(call.catalog.project().zone, until, marked));
  });
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .path = "/v1/mark_data_ready_dwh",
     .access = Access::Ready,
     .about = "These dates are complete in the warehouse: loads them now.",
     .body = "{datestamps*: texts, type*: name, sources: texts}",
     .status = 202,
     .gives = "{success*: flag, runs*: [StartedRun]}",
     .refuses = "422",
     .answer = mark_data_ready_dwh},
    {.method = "POST",
     .path = "/v1/mark_data_ready",
     .access = Access::Ready,
     .about = "Everything before the timestamp (unix seconds) is complete: loads the days that it "
              "closes. `type` is metrics.",
     .body = "{timestamp*: integer, type*: name}",
     .status = 202,
     .gives = "{success*: flag, runs*: [StartedRun]}",
     .refuses = "422",
     .answer = mark_data_ready},
};

}  // namespace

std::span<const Route> ready_routes() { return kRoutes; }

}  // namespace millrace::api
