#include "schedule/missing.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "model/alert.h"
#include "schedule/decide.h"

namespace millrace::schedule {
namespace {

/// Somebody or something is to load each of its days.
bool loads_each_day(const Upkeep& upkeep) {
  return upkeep.enabled && upkeep.schedule.mode != ScheduleMode::Manual;
}

/// Both lists in order, as one.
std::vector<Day> merged(const std::vector<Day>& a, const std::vector<Day>& b) {
  std::vector<Day> both;
  std::ranges::set_union(a, b, std::back_inserter(both));
  return both;
}

/// Those at the end of the list that lie side by side.
DayRange newest_gap(const std::vector<Day>& days) {
  DayRange gap{days.back(), days.back()};
  for (auto day = days.rbegin() + 1; day != days.rend() && day->plus(1) == gap.first; ++day) {
    gap.first = *day;
  }
  return gap;
}

std::string left_out_text(const std::string& handle, DayRange gap, std::size_t all) {
  const std::string first = gap.first.text(), last = gap.last.text();
  const bool is_one = gap.size() == 1;
  const auto before = all - static_cast<std::size_t>(gap.size());
  return fmt::format(
      "{0} lacks {1}, which {2} further back than the {3} days that are loaded by themselves: "
      "`millrace load {0} {4}` loads {5}{6}",
      handle, is_one ? first : fmt::format("{} days, {} to {}", gap.size(), first, last),
      is_one ? "lies" : "lie", kDaysBack,
      is_one ? "--day " + first : fmt::format("--from {} --to {}", first, last),
      is_one ? "it" : "them",
      before == 0 ? "" : fmt::format("; `millrace days {}` shows {} more before", handle, before));
}

}  // namespace

std::vector<DayRow> days_with_missing(catalog::Catalog& catalog, const Ingestion& ingestion,
                                      std::optional<DayRange> range, Instant now) {
  std::vector<DayRow> rows = catalog.days(ingestion.id, range);
  const auto ended = catalog.ended_days();
  const auto found = ended.find(ingestion.id);
  if (!loads_each_day(ingestion.upkeep) || found == ended.end()) return rows;
  const Zone zone = catalog.project().zone;
  const Schedule schedule = upkeep_of(ingestion, catalog.dataset_hours()).schedule;
  DayRange wanted{found->second.first, newest_due(schedule, zone, now)};
  if (range) {
    wanted = {std::max(wanted.first, range->first), std::min(wanted.last, range->last)};
  }
  std::vector<Day> known;
  for (const DayRow& row : rows) known.push_back(row.state.day);
  known = merged(known, catalog.asked_days(wanted.first)[ingestion.id]);
  for (const Day day : wanted.without(known)) {
    DayRow& row = rows.emplace_back();
    row.state.ingestion = ingestion.id;
    row.state.day = day;
    row.bounds = zone.bounds(day);
    row.status = kMissing;
  }
  std::ranges::sort(rows, {}, [](const DayRow& row) { return row.state.day; });
  return rows;
}

std::vector<LeftOut> watch_left_out(catalog::Catalog& catalog, Instant now) {
  std::vector<LeftOut> news;
  std::map<std::string, catalog::Alert> open;
  for (catalog::Alert& alert : catalog.open_alerts()) {
    if (alert.what == kLeftOut) open[alert.ingestion] = std::move(alert);
  }
  const Day last = catalog.project().zone.day_of(now).plus(-1 - kDaysBack);
  const auto ended = catalog.ended_days();
  const auto counts = catalog.count_ended(last.plus(1));
  auto asked = catalog.asked_days({});
  const auto paused = catalog.paused();
  for (const Ingestion& ingestion : catalog.ingestions()) {
    // Once it is resumed, what then lies too far back is told together.
    if (paused.contains(ingestion.id)) continue;
    const auto found = ended.find(ingestion.id);
    const auto count = counts.find(ingestion.id);
    std::vector<Day> left_out;
    // A snapshot of a day that is gone nobody can load.
    if (loads_each_day(ingestion.upkeep) && !is_snapshot(ingestion.definition) &&
        found != ended.end() && found->second.first <= last) {
      const DayRange range{found->second.first, last};
      if (count == counts.end() || count->second < range.size()) {
        // What a backfill is about to load is on its way.
        left_out =
            range.without(merged(catalog.ended_days(ingestion.id, range), asked[ingestion.id]));
      }
    }
    if (left_out.empty()) {
      if (open.contains(ingestion.id)) catalog.clear_alert(ingestion.id, kLeftOut);
      continue;
    }
    const DayRange gap = newest_gap(left_out);
    const std::string text = left_out_text(ingestion.handle, gap, left_out.size());
    const auto stands = open.find(ingestion.id);
    if (stands != open.end() && stands->second.day == gap.first && stands->second.text == text) {
      continue;
    }
    if (catalog.renew_alert(ingestion.id, gap.first, kLeftOut, text)) {
      news.push_back({ingestion.handle, gap, text});
    }
  }
  return news;
}

}  // namespace millrace::schedule
