#include "cli/rebuild.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/outcomes.h"
#include "cli/progress_bar.h"
#include "pipeline/load.h"

namespace millrace::cli {
namespace {

std::vector<Day> days_to_load(pipeline::House& house, const Ingestion& ingestion,
                              const std::string& which) {
  constexpr int kWindowDays = 14;
  const Day since = pipeline::latest_day(house).plus(1 - kWindowDays);
  std::vector<Day> days;
  for (const Day day : house.catalog.stale_days(ingestion.id)) {
    if (pipeline::has_begun(house, day) && (which == "all" || day >= since)) days.push_back(day);
  }
  return days;
}

void load_now(Context& context, pipeline::House& house, const pipeline::LoadRequest& request,
              RebuiltDays& days) {
  ProgressBar bar(context.terminal, days.name, static_cast<std::int64_t>(request.days.size()));
  pipeline::load(
      house, request, [&](const Progress& progress) { bar.at(progress); },
      [&](const pipeline::DayOutcome& outcome) {
        ++(outcome.error ? days.failed : outcome.held ? days.held : days.loaded);
        tell_outcome(context.terminal, days.name, outcome);
        bar.day_done();
      },
      context.stop);
}

}  // namespace

std::vector<RebuiltDays> rebuild(Context& context, const definition::Plan& done,
                                 const std::string& which) {
  pipeline::House& house = context.home.house(true);
  const std::string run = new_id(house.env);
  std::vector<RebuiltDays> rebuilt;
  for (const definition::Change& change : done.changes) {
    if (change.kind != "ingestion" || change.stale_days == 0) continue;
    pipeline::LoadRequest request{.ingestion = house.catalog.ingestion(change.name), .days = {}};
    request.trigger = "backfill";
    request.days = days_to_load(house, request.ingestion, which);
    RebuiltDays& days = rebuilt.emplace_back(RebuiltDays{change.name});
    if (request.days.empty()) continue;
    if (context.remote) {
      days.asked = request.days.size();
      days.run = house.catalog.ask(run, request.ingestion.id, request.days, "backfill").front();
    } else {
      load_now(context, house, request, days);
    }
  }
  return rebuilt;
}

json::Value RebuiltDays::as_json() const {
  json::Value value{{"name", name}, {"loaded", loaded}, {"held", held}, {"failed", failed}};
  if (asked > 0) value.update({{"asked", asked}, {"run", run}});
  return value;
}

std::string RebuiltDays::text() const {
  if (asked > 0) {
    return fmt::format("{}: {} asked for: run {}", name,
                       counted(static_cast<std::int64_t>(asked), "day"), run);
  }
  return fmt::format("{}: {} loaded again, {} held, {} failed", name,
                     counted(static_cast<std::int64_t>(loaded), "day"), held, failed);
}

}  // namespace millrace::cli
