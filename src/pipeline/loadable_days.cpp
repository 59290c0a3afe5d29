#include "pipeline/loadable_days.h"

#include <algorithm>

#include <fmt/format.h>

namespace millrace::pipeline {
namespace {

void refuse_days_to_come(House& house, const LoadRequest& request) {
  for (const Day day : request.days) {
    try {
      require_begun(house, day);
    } catch (const Error& error) {
      throw error.at(request.ingestion.handle);
    }
  }
}

void refuse_snapshot_ranges(House& house, const LoadRequest& request) {
  if (!is_snapshot(request.ingestion.definition)) return;
  const Day latest = latest_day(house);
  const bool only_latest =
      std::all_of(request.days.begin(), request.days.end(), [&](Day day) { return day == latest; });
  if (only_latest) return;
  throw Error(
      Fault::Misconfigured, "snapshot_query",
      fmt::format("the query of {} has neither a mapped time nor a day placeholder, so only "
                  "the latest day ({}) can be loaded",
                  request.ingestion.handle, latest.text()),
      "Map `timestamp` (or `date`), or use {{day}} in the query");
}

}  // namespace

void require_loadable(House& house, const LoadRequest& request) {
  refuse_days_to_come(house, request);
  refuse_snapshot_ranges(house, request);
}

std::vector<Day> failed_days(House& house, const Ingestion& ingestion) {
  std::vector<Day> days;
  for (const DayRow& row : house.catalog.days(ingestion.id)) {
    const Attempt attempt = row.state.attempt;
    if (attempt == Attempt::Failed || attempt == Attempt::Rejected) days.push_back(row.state.day);
  }
  return days;
}

bool is_read_day_by_day(const Definition& definition) {
  return !definition.folder.empty() || has_placeholders(definition.query);
}

void require_begun(House& house, Day day) {
  if (has_begun(house, day)) return;
  throw Error(
      Fault::Misconfigured, "day_not_begun",
      fmt::format("{} has not begun in {}, where it is {}", day.text(), house.project.zone.name(),
                  house.project.zone.day_of(house.env.now()).text()),
      "Load it when it is over; while it lasts, what is there of it is loaded as provisional");
}

bool has_begun(House& house, Day day) { return day <= latest_day(house).plus(1); }

Day latest_day(House& house) { return house.project.zone.day_of(house.env.now()).plus(-1); }

}  // namespace millrace::pipeline
