#include "schedule/freshness.h"

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

std::vector<Freshness> watch_freshness(catalog::Catalog& catalog, Instant now) {
  std::vector<Freshness> news;
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
    } else if (newest && schedule.fresh_by_minutes &&
               catalog.clear_alert(ingestion.id, kNotFresh)) {
      news.push_back(
          {ingestion.handle, *newest, false, ingestion.handle + " has " + newest->text() + " now"});
    }
  }
  return news;
}

}  // namespace millrace::schedule
