#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "schedule/decide.h"

/// Years of a warehouse that is late, empty, down and edited, kept current by two schedulers that
/// decide at the same moment, under a clock that jumps.
namespace millrace::schedule {
namespace {

using What = Action::What;
using std::chrono::hours;
using std::chrono::minutes;

/// What the warehouse holds of one day, and what became of it with us.
struct SimulatedDay {
  Instant arrives;
  std::vector<Instant> edits;
  bool is_ever_there = true;

  catalog::KeptDay known;
  int loaded_edits = -1, first_loads = 0, reloads = 0, checks = 0;
};

class World {
 public:
  World(unsigned seed, const std::string& zone, Upkeep upkeep) : chance_(seed) {
    kept_.ingestion = "i";
    kept_.upkeep = std::move(upkeep);
    kept_.upkeep.enabled = true;
    kept_.zone = Zone::named(zone);
  }

  void run(Day first, Day last) {
    first_ = first;
    last_ = last;
    for (Day day = first; day <= last; day = day.plus(1)) make(day);
    now_ = kept_.zone.bounds(first.plus(1)).start;
    const Instant stops = kept_.zone.bounds(outage_.first).start;
    while (now_ < kept_.zone.bounds(last.plus(40)).start) {
      if (outage_.size() > 1 && now_ >= stops && now_ < kept_.zone.bounds(outage_.last).end) {
        now_ = kept_.zone.bounds(outage_.last).end + hours(11);
        for (const Day day : by_hand_) load_by_hand(day);
      }
      step();
      const int dice = roll(1000);
      // The clock is put back an hour, or the machine sleeps for a day and a half.
      now_ += dice == 0 ? -minutes(60) : dice == 1 ? minutes(36 * 60) : minutes(30);
    }
  }

  /// Nothing runs in these days; when it does again, a person loads some of them first.
  void stop_for(DayRange days, std::vector<Day> by_hand) {
    outage_ = days;
    by_hand_ = std::move(by_hand);
  }

  const std::map<Day, SimulatedDay>& days() const { return days_; }
  Instant start_of(Day day) const { return kept_.zone.bounds(day).start; }

 private:
  int roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(chance_); }

  void make(Day day) {
    SimulatedDay& made = days_[day];
    made.arrives = kept_.zone.bounds(day).end + minutes(roll(20 * 60));
    made.is_ever_there = roll(40) != 0;
    for (int edit = roll(4); edit > 1; --edit) {
      made.edits.push_back(made.arrives + minutes(roll(20 * 24 * 60)));
    }
    std::sort(made.edits.begin(), made.edits.end());
    made.known.state.day = day;
  }

  int edits_now(const SimulatedDay& day) const {
    return static_cast<int>(
        std::ranges::count_if(day.edits, [&](Instant at) { return at <= now_; }));
  }

  std::vector<Action> decided() {
    kept_.days.clear();
    const Day since = kept_.zone.day_of(now_).plus(-kDaysBack);
    const auto unseen = unseen_days({kept_}, now_);
    for (const auto& [label, day] : days_) {
      if (day.known.state.attempt == Attempt::None) continue;
      if (day.known.first_ended_at && !kept_.first_ended) kept_.first_ended = label;
      if (label >= since || is_read(day.known, unseen)) kept_.days.push_back(day.known);
    }
    return decide(kept_, now_);
  }

  /// As the catalog does with older days.
  static bool is_read(const catalog::KeptDay& day, const std::vector<catalog::Unseen>& unseen) {
    if (!day.first_ended_at) return false;
    for (const catalog::Unseen& one : unseen) {
      if (*day.first_ended_at < one.ended.start || *day.first_ended_at >= one.ended.end) continue;
      return day.checked_at.value_or(Instant{}) < one.before ||
             (day.state.attempt != Attempt::Loaded && day.state.attempt != Attempt::Empty);
    }
    return false;
  }

  void step() {
    const bool is_down = roll(50) == 0;
    const std::vector<Action> ours = decided(), theirs = decided();
    std::set<Day> done;
    for (const auto* actions : {&ours, &theirs}) {
      for (const Action& action : *actions) {
        // The second finds another state than it decided on, and leaves the day alone.
        if (!done.insert(action.day).second || !days_.contains(action.day)) continue;
        act(action, days_[action.day], is_down);
      }
    }
  }

  void act(const Action& action, SimulatedDay& day, bool is_down) {
    DayState& state = day.known.state;
    if (action.what == What::Check) {
      if (is_down) return;
      ++day.checks;
      day.known.checked_at = now_;
      if (edits_now(day) == day.loaded_edits || !day.is_ever_there) return;
      ++day.reloads;
      publish(day);
      return;
    }
    state.changed_at = now_;
    if (is_down) {
      state.attempt = Attempt::Failed;
      state.error_fault = Fault::Unavailable;
      return;
    }
    const bool is_there = day.is_ever_there && day.arrives <= now_;
    if (!is_there && action.waits_for_data) {
      state.attempt = Attempt::Waiting;
      return;
    }
    const bool is_over = action.day < kept_.zone.day_of(now_);
    if (is_over) ++(day.known.first_ended_at ? day.reloads : day.first_loads);
    state.flags = is_over ? 0U : kProvisional;
    publish(day);
    if (is_over && !day.known.first_ended_at) day.known.first_ended_at = now_;
  }

  void load_by_hand(Day label) {
    SimulatedDay& day = days_[label];
    if (day.known.first_ended_at) return;
    ++day.first_loads;
    publish(day);
    day.known.first_ended_at = now_;
  }

  void publish(SimulatedDay& day) {
    day.loaded_edits = edits_now(day);
    day.known.loaded_at = day.known.state.changed_at = now_;
    day.known.state.attempt = Attempt::Loaded;
    day.known.state.current = "v";
  }

  std::mt19937 chance_;
  Kept kept_;
  Day first_, last_;
  Instant now_;
  DayRange outage_;
  std::vector<Day> by_hand_;
  std::map<Day, SimulatedDay> days_;
};

void check_every_day(const World& world) {
  for (const auto& [label, day] : world.days()) {
    CAPTURE(label.text());
    CHECK(day.first_loads == 1);
    REQUIRE(day.known.first_ended_at);
    // Nothing is loaded again but what changed, and nothing is asked more often than its ages say.
    CHECK(day.reloads <= static_cast<int>(day.edits.size()) + 1);
    CHECK(day.checks <= static_cast<int>(kExactFollowUp.size()) + 1);
    // What changed before its last age is there.
    const auto seen = std::ranges::count_if(
        day.edits, [&](Instant at) { return at < *day.known.first_ended_at + hours(13 * 24); });
    if (day.is_ever_there) CHECK(day.loaded_edits >= static_cast<int>(seen));
  }
}

}  // namespace

TEST_CASE("over years of days each is loaded once, and again when it changed, and not otherwise") {
  const Day first = *Day::parse("2023-11-01"), last = *Day::parse("2025-04-15");
  for (const char* zone : {"UTC-8", "America/Los_Angeles", "Pacific/Auckland"}) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
      CAPTURE(zone);
      CAPTURE(seed);
      World world(seed, zone, {});
      world.run(first, last);
      check_every_day(world);
    }
  }
}

TEST_CASE("after seventeen days in which nothing ran every day is there, whatever a person did") {
  const Day first = *Day::parse("2024-01-10");
  for (unsigned seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    World world(seed, "America/Los_Angeles", {});
    const Day stops = first.plus(20);
    world.stop_for({stops, stops.plus(16)}, {stops.plus(15), stops.plus(3), stops.plus(9)});
    world.run(first, first.plus(90));
    check_every_day(world);
  }
}

TEST_CASE("an hourly ingestion has today as far as it has come, and each day for good once") {
  Upkeep hourly;
  hourly.schedule = {ScheduleMode::Hourly, 0, 18 * 60, {}, 3};
  World world(7, "America/Los_Angeles", hourly);
  world.run(*Day::parse("2024-02-20"), *Day::parse("2024-11-20"));
  check_every_day(world);
}

}  // namespace millrace::schedule
