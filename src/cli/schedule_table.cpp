#include "cli/schedule_table.h"

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/alert.h"
#include "model/json.h"
#include "schedule/decide.h"

namespace millrace::cli {
namespace {

constexpr int kTimesShown = 5;

/// Who starts a day's first load, in words; `hour` is the one that applies.
std::string mode_text(const Upkeep& upkeep, int hour) {
  const Schedule& schedule = upkeep.schedule;
  if (!upkeep.enabled) return "not enabled";
  if (schedule.mode == ScheduleMode::Hourly) {
    return fmt::format("every {} h, today as provisional", schedule.every_hours);
  }
  if (schedule.mode == ScheduleMode::Daily) {
    return fmt::format("daily at {}{}, until {}", clock_text(hour * 60),
                       schedule.hour ? "" : " as its dataset",
                       clock_text(schedule.deadline_minutes));
  }
  return std::string(name_of(schedule.mode));
}

}  // namespace

ExitCode show_schedule(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.reading();
  const Zone zone = catalog.project().zone;
  const auto paused = catalog.paused();
  const auto hours = catalog.dataset_hours();
  std::map<std::string, std::map<std::string, std::string>> alerts;
  for (const catalog::Alert& alert : catalog.open_alerts()) {
    alerts[alert.ingestion][alert.what] = alert.text;
  }
  const std::string only =
      arguments.has("NAME") ? catalog.ingestion(arguments.get("NAME")).id : std::string();
  json::Value answers = json::Value::array();
  Table table{{"ingestion", "schedule", "follow-up", "next loads (UTC)", "remark"}, {}};
  for (const Ingestion& ingestion : catalog.ingestions()) {
    if (!only.empty() && ingestion.id != only) continue;
    const Upkeep upkeep = upkeep_of(ingestion, hours);
    const auto pause = paused.find(ingestion.id);
    std::string remark = pause == paused.end() ? "" : "paused: " + pause->second.why;
    for (const auto& [what, text] : alerts[ingestion.id]) {
      if (what == kOverBudget && !remark.empty()) continue;  // Why it is paused.
      remark += (remark.empty() ? "" : "; ") + text;
    }
    json::Value times = json::Value::array();
    std::string text;
    for (const Instant at : schedule::next_loads(upkeep, zone, real_env().now(), kTimesShown)) {
      times.push_back(to_text(at));
      text += (text.empty() ? "" : ", ") + to_text(at).substr(0, 16);
    }
    const std::string preset(preset_of(upkeep.follow_up, upkeep.follow_up_rule));
    json::Value one{{"ingestion", ingestion.handle},
                    {"enabled", upkeep.enabled},
                    {"mode", name_of(upkeep.schedule.mode)},
                    {"hour", *upkeep.schedule.hour},
                    {"hour_of", owner_of_hour(ingestion)},
                    {"follow_up", preset},
                    {"next", std::move(times)}};
    if (pause != paused.end()) {
      one["paused"] = {{"since", to_text(pause->second.at)}, {"why", pause->second.why}};
    }
    for (const auto& [what, said] : alerts[ingestion.id]) {
      one[what == kNotFresh ? "late" : what] = said;
    }
    answers.push_back(std::move(one));
    table.rows.push_back({ingestion.handle, mode_text(ingestion.upkeep, *upkeep.schedule.hour),
                          preset, text, remark});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else {
    context.terminal.print(table);
  }
  return answers.empty() ? kNothingFound : kDone;
}

}  // namespace millrace::cli
