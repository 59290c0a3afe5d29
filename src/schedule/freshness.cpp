#include "schedule/freshness.h"

#include <set>
#include <utility>

namespace millrace::schedule {
std::optional<Day> missing_day(const Schedule& schedule, const Zone& zone,
                               std::optional<Day> newest_ended, Instant now) {
  if (!schedule.fresh_by_minutes || !newest_ended) return {};
  const Day today = zone.day_of(now);
  const Instant by = zone.instant_of(
      Naive(today.sys().time_since_epoch() + std::chrono::minutes(*schedule.fresh_by_minutes)));
  const Day wanted = today.plus(now >= by ? -1 : -2);
  if (*newest_ended >= wanted) return {};
  return wanted;
}

namespace {

/// Which (ingestion, sort) has an open alert.
std::set<std::pair<std::string, std::string>> open_alerts(catalog::Catalog& catalog) {
  std::set<std::pair<std::string, std::string>> open;
  for (const catalog::Alert& alert : catalog.open_alerts()) {
    open.emplace(alert.ingestion, alert.what);
  }
  return open;
}

}  // namespace

std::vector<Freshness> watch_freshness(catalog::Catalog& catalog, Instant now) {
  std::vector<Freshness> news;
  const auto open = open_alerts(catalog);
  const Zone zone = catalog.project().zone;
  const auto ended = catalog.newest_ended();
  for (const Ingestion& ingestion : catalog.ingestions()) {
    const Schedule& schedule = ingestion.upkeep.schedule;
    const auto found = ended.find(ingestion.id);
    const std::optional<Day> newest =
        found == ended.end() ? std::nullopt : std::optional(found->second);
    if (const auto missing = missing_day(schedule, zone, newest, now)) {
      const std::string text =
          ingestion.handle + " has no " + missing->text() + ", which was to be there by " +
          clock_text(*schedule.fresh_by_minutes) + "; its newest day is " + newest->text();
      if (catalog.raise_alert(ingestion.id, *missing, kNotFresh, text)) {
        news.push_back({ingestion.handle, *missing, true, text});
      }
    } else if (open.contains({ingestion.id, kNotFresh}) &&
               catalog.clear_alert(ingestion.id, kNotFresh) && newest &&
               schedule.fresh_by_minutes) {
      news.push_back(
          {ingestion.handle, *newest, false, ingestion.handle + " has " + newest->text() + " now"});
    }
    const bool is_checked = ingestion.upkeep.enabled && !ingestion.upkeep.follow_up.empty();
    if (!is_checked && open.contains({ingestion.id, kNotChecked})) {
      catalog.clear_alert(ingestion.id, kNotChecked);
    }
  }
  return news;
}

}  // namespace millrace::schedule
