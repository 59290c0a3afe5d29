#include "schedule/freshness.h"

#include <algorithm>
#include <map>
#include <utility>

#include "schedule/decide.h"

namespace millrace::schedule {
namespace {

/// The newest day that was to be there by now.
Day newest_wanted(const Schedule& schedule, const Zone& zone, Instant now) {
  const Day today = zone.day_of(now);
  const Instant by = zone.instant_of(
      Naive(today.sys().time_since_epoch() + std::chrono::minutes(*schedule.fresh_by_minutes)));
  return today.plus(now >= by ? -1 : -2);
}

}  // namespace

std::vector<Day> late_days(const Schedule& schedule, const Zone& zone,
                           std::optional<Day> first_ended, const std::vector<Day>& ended,
                           Instant now) {
  if (!schedule.fresh_by_minutes) return {};
  const Day newest = newest_wanted(schedule, zone, now);
  Day first = newest;
  if (first_ended) first = std::max(first_ended->plus(1), newest.plus(1 - kDaysBack));
  return DayRange{first, newest}.without(ended);
}

namespace {

using Alerts = std::map<std::pair<std::string, std::string>, catalog::Alert>;

/// Those that are open, by ingestion and sort.
Alerts open_alerts(catalog::Catalog& catalog) {
  Alerts open;
  for (catalog::Alert& alert : catalog.open_alerts()) {
    const auto key = std::pair(alert.ingestion, alert.what);
    open[key] = std::move(alert);
  }
  return open;
}

class Watch {
 public:
  Watch(catalog::Catalog& catalog, Instant now)
      : catalog_(catalog),
        now_(now),
        zone_(catalog.project().zone),
        open_(open_alerts(catalog)),
        ended_(catalog.ended_days()),
        asked_(catalog.asked_days(zone_.day_of(now).plus(-2 - kDaysBack))) {}

  std::vector<Freshness> run() {
    for (const Ingestion& ingestion : catalog_.ingestions()) {
      look_at(ingestion);
      const bool is_checked = ingestion.upkeep.enabled && !ingestion.upkeep.follow_up.empty();
      if (!is_checked && open_.contains({ingestion.id, kNotChecked})) {
        catalog_.clear_alert(ingestion.id, kNotChecked);
      }
    }
    return std::move(news_);
  }

 private:
  std::vector<Day> late_days_of(const Ingestion& ingestion) const {
    const Schedule& schedule = ingestion.upkeep.schedule;
    const auto found = ended_.find(ingestion.id);
    const bool has_any = found != ended_.end();
    // Of one that nobody switched on nobody waits for a first day.
    if (!schedule.fresh_by_minutes || (!has_any && !ingestion.upkeep.enabled)) return {};
    const Day today = zone_.day_of(now_);
    std::optional<Day> first;
    // The days before the newest are gone for a snapshot.
    if (has_any && !is_snapshot(ingestion.definition)) first = found->second.first;
    std::vector<Day> late =
        late_days(schedule, zone_, first,
                  catalog_.ended_days(ingestion.id, {today.plus(-2 - kDaysBack), today}), now_);
    // A backfill is about to load these; the newest is late whatever is under way.
    const auto asked = asked_.find(ingestion.id);
    if (asked != asked_.end() && !late.empty()) {
      const Day newest = newest_wanted(schedule, zone_, now_);
      std::erase_if(late, [&](Day day) {
        return day < newest && std::ranges::binary_search(asked->second, day);
      });
    }
    return late;
  }

  bool is_told_otherwise(const Ingestion& ingestion, Day day) const {
    const auto state = catalog_.day(ingestion.id, day);
    return state && (state->attempt == Attempt::Failed || state->attempt == Attempt::Rejected ||
                     !state->held_load.empty());
  }

  /// The day that the alert names: as long as it stands the same one, else the newest. One that is
  /// told to have failed would hide the others.
  Day named_day(const Ingestion& ingestion, std::vector<Day> late,
                const catalog::Alert* alert) const {
    const Day newest = late.back();
    std::erase_if(late, [&](Day day) { return is_told_otherwise(ingestion, day); });
    if (alert && (late.empty() || std::ranges::binary_search(late, alert->day))) return alert->day;
    return late.empty() ? newest : late.back();
  }

  void look_at(const Ingestion& ingestion) {
    const std::vector<Day> late = late_days_of(ingestion);
    const auto found = open_.find({ingestion.id, kNotFresh});
    const catalog::Alert* alert = found == open_.end() ? nullptr : &found->second;
    if (late.empty()) {
      if (alert) clear(ingestion, *alert);
      return;
    }
    const Day day = named_day(ingestion, late, alert);
    if (alert && alert->day == day) return;
    const std::string text = text_of(ingestion, day);
    if (catalog_.renew_alert(ingestion.id, day, kNotFresh, text)) {
      news_.push_back({ingestion.handle, day, true, text});
    }
  }

  void clear(const Ingestion& ingestion, const catalog::Alert& alert) {
    if (!catalog_.clear_alert(ingestion.id, kNotFresh)) return;
    if (!ingestion.upkeep.schedule.fresh_by_minutes) return;
    news_.push_back({ingestion.handle, alert.day, false,
                     ingestion.handle + " has " + alert.day.text() + " now"});
  }

  std::string text_of(const Ingestion& ingestion, Day day) const {
    const auto found = ended_.find(ingestion.id);
    return ingestion.handle + " has no " + day.text() + ", which was to be there by " +
           clock_text(*ingestion.upkeep.schedule.fresh_by_minutes) + "; " +
           (found == ended_.end() ? "it has no day yet"
                                  : "its newest day is " + found->second.last.text());
  }

  catalog::Catalog& catalog_;
  const Instant now_;
  const Zone zone_;
  const Alerts open_;
  const std::map<std::string, catalog::EndedDays> ended_;
  const std::map<std::string, std::vector<Day>> asked_;
  std::vector<Freshness> news_;
};

}  // namespace

std::vector<Freshness> watch_freshness(catalog::Catalog& catalog, Instant now) {
  return Watch(catalog, now).run();
}

}  // namespace millrace::schedule
