#include "schedule/decide.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

namespace millrace::schedule {
namespace {

using catalog::KeptDay;
using std::chrono::hours;
using std::chrono::minutes;

/// Between two looks at a day without rows, at a source that failed, at one that moved or shrank.
constexpr minutes kLookAgain(30);
/// Between two looks, until the deadline, at a day of unusual volume.
constexpr hours kLookHourly(1);
/// A day that lost less than `shrink_max` may only have met a refill.
constexpr minutes kSecondLook(5);
/// When a day that lost all its rows may have them again, after the check that found it so.
constexpr std::array<minutes, 2> kRefilled{minutes(30), minutes(120)};
/// A source that moves under every read is given up until the next age.
constexpr hours kMovesFor(24);

/// The times of day of one ingestion.
class Times {
 public:
  Times(const Schedule& schedule, const Zone& zone) : schedule_(schedule), zone_(zone) {}

  /// The hour, on the day that has this label.
  Instant hour_of(Day day) const { return at(day, hours(hour())); }
  /// When the day is loaded first, and until when it is waited for.
  Instant due(Day day) const { return hour_of(day.plus(1)); }
  Instant deadline(Day day) const {
    const bool tomorrow = schedule_.deadline_minutes < 60 * hour();
    return at(day.plus(tomorrow ? 2 : 1), minutes(schedule_.deadline_minutes));
  }
  /// The newest day whose time has come.
  Day newest_due(Instant now) const {
    const Day yesterday = zone_.day_of(now).plus(-1);
    return due(yesterday) <= now ? yesterday : yesterday.plus(-1);
  }
  Day day_of(Instant instant) const { return zone_.day_of(instant); }
  /// Hourly: the last time of today at which today is loaded, and the first such time after `now`.
  Instant last_slot(Instant now) const {
    const Day today = day_of(now);
    Instant last = zone_.bounds(today).start;
    for (int hour = 0; hour < 24; hour += schedule_.every_hours) {
      if (const Instant slot = at(today, hours(hour)); slot <= now) last = std::max(last, slot);
    }
    return last;
  }
  Instant next_slot(Instant now) const {
    const Day today = day_of(now);
    for (int hour = 0; hour < 24; hour += schedule_.every_hours) {
      if (const Instant slot = at(today, hours(hour)); slot > now) return slot;
    }
    return zone_.bounds(today.plus(1)).start;
  }

 private:
  int hour() const { return schedule_.hour.value_or(kUsualHour); }
  Instant at(Day day, minutes time) const {
    return zone_.instant_of(Naive(day.sys().time_since_epoch() + time));
  }

  const Schedule& schedule_;
  const Zone& zone_;
};

/// One ingestion at one moment.
class Decision {
 public:
  Decision(const Kept& kept, Instant now)
      : kept_(kept),
        now_(now),
        times_(kept.upkeep.schedule, kept.zone),
        newest_(times_.newest_due(now)) {}

  std::vector<Action> run() {
    for (const KeptDay& day : kept_.days) look_at(day);
    if (is_clocked()) start_missing();
    if (kept_.upkeep.schedule.mode == ScheduleMode::Hourly) load_today();
    std::sort(actions_.begin(), actions_.end(),
              [](const Action& a, const Action& b) { return a.day < b.day; });
    return std::move(actions_);
  }

 private:
  bool is_clocked() const {
    const ScheduleMode mode = kept_.upkeep.schedule.mode;
    return mode == ScheduleMode::Daily || mode == ScheduleMode::Hourly;
  }

  bool passed(Instant since, minutes time) const { return now_ - since >= time; }

  void load(Day day, std::string trigger, bool waits_for_data = false) {
    actions_.push_back({Action::What::Load, day, std::move(trigger), waits_for_data});
  }

  /// A day that is known: something is in the way of it, or it ended and is followed up.
  void look_at(const KeptDay& day) {
    const DayState& state = day.state;
    if (state.attempt == Attempt::Loading) return;
    if (kept_.is_snapshot && state.day != newest_) return;
    if (state.day > newest_) return;  // Not over yet: `load_today` alone touches it.
    if (!state.held_load.empty()) {
      second_look(day);
    } else if (state.attempt == Attempt::Waiting) {
      wait_for_data(day);
    } else if (state.attempt == Attempt::Failed || state.attempt == Attempt::Rejected) {
      try_again(day);
    } else if ((state.flags & kProvisional) != 0) {
      // It is over now: once more, and for good, also where a call came too early.
      load(state.day, is_clocked() ? "scheduled" : "resync");
    } else if (moved(day)) {
      load(state.day, "resync");
    } else {
      follow_up(day);
    }
  }

  /// Two looks that agree publish what shrank.
  void second_look(const KeptDay& day) {
    if (day.lost_percent >= 100) {
      if (may_be_back(day)) load(day.state.day, "resync");
      return;
    }
    const bool is_little = day.lost_percent <= kept_.shrink_max_percent;
    if (passed(day.state.changed_at, is_little ? kSecondLook : kLookAgain)) {
      load(day.state.day, "resync");
    }
  }

  /// All rows gone is for a person to believe. That they are back anybody may see: soon after the
  /// check that missed them, for a table may have been refilled under it, and then once a day.
  bool may_be_back(const KeptDay& day) const {
    const Instant looked = day.state.changed_at;
    const auto has_come = [&](Instant look) { return looked < look && look <= now_; };
    return (day.checked_at &&
            std::ranges::any_of(
                kRefilled, [&](minutes after) { return has_come(*day.checked_at + after); })) ||
           has_come(times_.due(newest_));
  }

  void wait_for_data(const KeptDay& day) {
    const Day label = day.state.day;
    const bool is_over = now_ >= times_.deadline(label);
    if (is_over || passed(day.state.changed_at, kLookAgain)) load(label, "scheduled", !is_over);
  }

  /// What may pass by itself is tried again until the deadline; everything once a day, for somebody
  /// may have mended it.
  void try_again(const KeptDay& day) {
    const DayState& state = day.state;
    const bool new_day = state.changed_at < times_.due(newest_) && times_.due(newest_) <= now_;
    const bool may_pass = state.error_fault && policy_of(*state.error_fault).retry;
    const bool soon =
        may_pass && now_ < times_.deadline(newest_) && passed(state.changed_at, kLookAgain);
    // A restart is no reason to wait; but what somebody asked for is begun again by that.
    const bool at_once = state.error_code == catalog::kProcessDied && !is_asked(state.day);
    if (!new_day && !soon && !at_once) return;
    const bool is_first = !day.first_ended_at;
    load(state.day, is_first ? "scheduled" : "resync",
         is_first && now_ < times_.deadline(state.day));
  }

  bool moved(const KeptDay& day) const {
    const bool is_held = (day.state.flags & kHeld) != 0;
    return (day.state.flags & kMovedDuringRead) != 0 && !is_held && day.loaded_at &&
           day.moving_since && passed(*day.loaded_at, kLookAgain) &&
           now_ - *day.moving_since < kMovesFor;
  }

  /// The newest age that has come, if nobody has looked at the day since. Together with the daily
  /// load, so that a warehouse wakes once.
  void follow_up(const KeptDay& day) {
    if (!day.first_ended_at || kept_.is_snapshot || kept_.upkeep.follow_up.empty()) return;
    const Day ended =
        kept_.upkeep.follow_up_rule.from_label ? day.state.day : times_.day_of(*day.first_ended_at);
    std::optional<Instant> due;
    for (const int age : kept_.upkeep.follow_up) {
      const Instant at = times_.hour_of(ended.plus(age));
      if (at <= now_) due = std::max(due.value_or(at), at);
    }
    const Instant looked = std::max(day.loaded_at.value_or(*day.first_ended_at),
                                    day.checked_at.value_or(*day.first_ended_at));
    const bool is_unusual = (day.state.flags & kUnusualVolume) != 0 &&
                            now_ < times_.deadline(day.state.day) && now_ - looked >= kLookHourly;
    // What a day's check could not ask it asks again once a day: somebody may have mended it.
    if ((day.state.flags & kCheckFailed) != 0) due = times_.due(newest_);
    if (!is_unusual && (!due || looked >= *due)) return;
    actions_.push_back({Action::What::Check, day.state.day, "resync", false});
  }

  /// At each time of today the day that is not over yet, as far as it has come.
  void load_today() {
    if (kept_.is_snapshot) return;
    const Day today = newest_.plus(1);
    if (times_.day_of(now_) != today) return;
    const Instant slot = times_.last_slot(now_);
    for (const KeptDay& day : kept_.days) {
      if (day.state.day != today) continue;
      const bool is_held = (day.state.flags & kHeld) != 0;
      const bool is_done =
          std::max(day.loaded_at.value_or(Instant::min()), day.state.changed_at) >= slot;
      if (day.state.attempt == Attempt::Loading || is_held || is_done) return;
    }
    load(today, "scheduled", true);
  }

  bool is_asked(Day day) const { return std::ranges::binary_search(kept_.asked, day); }

  /// Days that nobody has tried: the newest, and those left out since the first that ended.
  void start_missing() {
    Day first = newest_;
    if (kept_.first_ended && !kept_.is_snapshot) {
      first = std::max(kept_.first_ended->plus(1), times_.day_of(now_).plus(-kDaysBack));
    }
    for (Day day = first; day <= newest_; day = day.plus(1)) {
      const bool is_left_to_others = day < newest_ && is_asked(day);
      if (is_known(day) || is_left_to_others) continue;
      load(day, "scheduled", now_ < times_.deadline(day));
    }
  }

  bool is_known(Day day) const {
    const auto found = std::ranges::lower_bound(
        kept_.days, day, {}, [](const KeptDay& known) { return known.state.day; });
    return found != kept_.days.end() && found->state.day == day &&
           found->state.attempt != Attempt::None;
  }

  const Kept& kept_;
  const Instant now_;
  const Times times_;
  const Day newest_;
  std::vector<Action> actions_;
};

}  // namespace

std::vector<Action> decide(const Kept& kept, Instant now) {
  if (!kept.upkeep.enabled || kept.upkeep.schedule.mode == ScheduleMode::Manual) return {};
  if (kept.rests_until && now < *kept.rests_until) return {};
  return Decision(kept, now).run();
}

std::vector<catalog::Unseen> unseen_days(const std::vector<Kept>& all, Instant now) {
  // One question for all ingestions, so by the hours that any has; `decide` knows better.
  std::set<int> ages, hours;
  for (const Kept& one : all) {
    ages.insert(one.upkeep.follow_up.begin(), one.upkeep.follow_up.end());
    hours.insert(one.upkeep.schedule.hour.value_or(kUsualHour));
  }
  if (hours.empty()) return {};
  const Zone& zone = all.front().zone;
  Schedule earliest, latest;
  earliest.hour = *hours.begin();
  latest.hour = *hours.rbegin();
  const Times first(earliest, zone), last(latest, zone);
  std::vector<catalog::Unseen> unseen;
  const Day today = zone.day_of(now);
  for (Day ended = today.plus(-1 - kDaysBack); ended <= today; ended = ended.plus(1)) {
    catalog::Unseen& one = unseen.emplace_back();
    one.ended = zone.bounds(ended);
    for (const int age : ages) {
      const Day at = ended.plus(age);
      if (first.hour_of(at) <= now) one.before = last.hour_of(at);
    }
  }
  return unseen;
}

Day newest_due(const Schedule& schedule, const Zone& zone, Instant now) {
  return Times(schedule, zone).newest_due(now);
}

std::vector<Instant> next_loads(const Upkeep& upkeep, const Zone& zone, Instant now, int count) {
  std::vector<Instant> times;
  const ScheduleMode mode = upkeep.schedule.mode;
  if (!upkeep.enabled || (mode != ScheduleMode::Daily && mode != ScheduleMode::Hourly))
    return times;
  const Times clock(upkeep.schedule, zone);
  while (mode == ScheduleMode::Hourly && static_cast<int>(times.size()) < count) {
    times.push_back(clock.next_slot(times.empty() ? now : times.back()));
  }
  for (Day day = clock.newest_due(now).plus(1); static_cast<int>(times.size()) < count;
       day = day.plus(1)) {
    times.push_back(clock.due(day));
  }
  return times;
}

}  // namespace millrace::schedule
