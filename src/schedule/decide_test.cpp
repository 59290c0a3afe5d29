#include "schedule/decide.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "schedule/decide_fixture.h"

namespace millrace::schedule {
namespace {

using What = Action::What;
using std::chrono::hours;
using std::chrono::minutes;

}  // namespace

TEST_CASE("yesterday is loaded at the hour, and not before") {
  const Kept kept = daily();
  CHECK(said(kept, "2026-11-21T17:59:59.000000Z") == "load 2026-11-19 scheduled");
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "load 2026-11-20 scheduled waits");
}

TEST_CASE("nothing happens by itself where nobody enabled it, or where a person loads") {
  Kept kept = daily();
  kept.upkeep.schedule.mode = ScheduleMode::Manual;
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "");
  CHECK(next_loads(kept.upkeep, kept.zone, at("2026-11-21T18:00:00.000000Z"), 5).empty());
  kept = daily();
  kept.upkeep.enabled = false;
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "");
}

TEST_CASE("a call starts the first load, the clock still follows up") {
  Kept kept = daily();
  kept.upkeep.schedule.mode = ScheduleMode::Api;
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "");
  kept.days = {ended("2026-11-20", "2026-11-21T20:00:00.000000Z")};
  CHECK(said(kept, "2026-11-22T18:00:00.000000Z") == "check 2026-11-20 resync");
}

TEST_CASE("a day that a call loaded before it was over is loaded once more when it is") {
  Kept kept = daily();
  kept.upkeep.schedule.mode = ScheduleMode::Api;
  kept.days = {ended("2026-11-20", "2026-11-20T20:00:00.000000Z")};
  kept.days[0].first_ended_at = {};
  kept.days[0].state.flags = kProvisional;
  CHECK(said(kept, "2026-11-21T17:59:59.000000Z") == "");
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "load 2026-11-20 resync");
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:05.000000Z")};
  CHECK(said(kept, "2026-11-21T18:30:00.000000Z") == "");
}

TEST_CASE("a day without rows is looked at every 30 minutes until the deadline, then ended") {
  Kept kept = daily();
  kept.days = {tried("2026-11-20", Attempt::Waiting, "2026-11-21T18:00:05.000000Z")};
  CHECK(said(kept, "2026-11-21T18:29:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T18:30:05.000000Z") == "load 2026-11-20 scheduled waits");
  CHECK(said(kept, "2026-11-22T01:59:59.000000Z") == "load 2026-11-20 scheduled waits");
  CHECK(said(kept, "2026-11-22T02:00:00.000000Z") == "load 2026-11-20 scheduled");
}

TEST_CASE("a deadline before the hour is the next day's") {
  Kept kept = daily();
  kept.upkeep.schedule = {ScheduleMode::Daily, 22, 60};
  kept.days = {tried("2026-11-20", Attempt::Waiting, "2026-11-22T06:00:05.000000Z")};
  CHECK(said(kept, "2026-11-22T08:59:00.000000Z") == "load 2026-11-20 scheduled waits");
  CHECK(said(kept, "2026-11-22T09:00:00.000000Z") == "load 2026-11-20 scheduled");
}

TEST_CASE("what died with its process is begun again at once, but what did so twice is not") {
  Kept kept = daily();
  kept.days = {
      tried("2026-11-20", Attempt::Failed, "2026-11-22T04:00:00.000000Z", Fault::Unavailable)};
  CHECK(said(kept, "2026-11-22T04:00:01.000000Z") == "");
  kept.days[0].state.error_code = catalog::kProcessDied;
  CHECK(said(kept, "2026-11-22T04:00:01.000000Z") == "load 2026-11-20 scheduled");
  kept.asked = {day("2026-11-20")};  // That will begin it again.
  CHECK(said(kept, "2026-11-22T04:00:01.000000Z") == "");
  kept.asked = {};
  kept.days[0].state.error_code = catalog::kProcessDiedAgain;
  CHECK(said(kept, "2026-11-22T04:00:01.000000Z") == "");
}

TEST_CASE("what may pass by itself is tried again soon, the rest once a day") {
  Kept kept = daily();
  kept.days = {
      tried("2026-11-20", Attempt::Failed, "2026-11-21T18:00:05.000000Z", Fault::Unavailable)};
  CHECK(said(kept, "2026-11-21T18:20:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T18:31:00.000000Z") == "load 2026-11-20 scheduled waits");
  CHECK(said(kept, "2026-11-22T02:10:00.000000Z") == "");
  CHECK(said(kept, "2026-11-22T18:00:00.000000Z") ==
        "load 2026-11-20 scheduled; "
        "load 2026-11-21 scheduled waits");
  kept.days[0].state.error_fault = Fault::Misconfigured;
  CHECK(said(kept, "2026-11-21T18:31:00.000000Z") == "");
  CHECK(said(kept, "2026-11-22T18:00:00.000000Z") ==
        "load 2026-11-20 scheduled; "
        "load 2026-11-21 scheduled waits");
}

TEST_CASE("days missed while the service was down are caught up with, 31 at most") {
  Kept kept = daily();
  kept.days = {ended("2026-11-17", "2026-11-21T17:00:00.000000Z")};
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") ==
        "load 2026-11-18 scheduled; load 2026-11-19 scheduled; load 2026-11-20 scheduled waits");
  kept.days.clear();
  kept.first_ended = day("2026-09-01");
  const auto actions = decide(kept, at("2026-11-21T18:00:00.000000Z"));
  REQUIRE(actions.size() == 31);
  CHECK(actions.front().day == day("2026-10-21"));
  // Before the hour the newest day is an older one, and no day further back takes its place.
  CHECK(said(kept, "2026-11-21T17:00:00.000000Z").starts_with("load 2026-10-21"));
}

TEST_CASE("a day that was left out between others is loaded, and none before the first") {
  Kept kept = daily();
  kept.days = {ended("2026-11-16", "2026-11-21T17:00:00.000000Z"),
               ended("2026-11-18", "2026-11-21T17:00:00.000000Z"),
               ended("2026-11-20", "2026-11-21T17:00:00.000000Z")};
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") ==
        "load 2026-11-17 scheduled; load 2026-11-19 scheduled");
  kept.days[1] = tried("2026-11-18", Attempt::None, "2026-11-21T17:00:00.000000Z");
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") ==
        "load 2026-11-17 scheduled; load 2026-11-18 scheduled; load 2026-11-19 scheduled");
  // What somebody asked for is on its way, or would be loaded twice.
  kept.asked = {day("2026-11-17"), day("2026-11-19")};
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "load 2026-11-18 scheduled");
}

TEST_CASE("a day that shrank is looked at again: soon when little is gone, later when much is") {
  Kept kept = daily();
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:00.000000Z")};
  DayState& state = kept.days[0].state;
  state.attempt = Attempt::Waiting;
  state.held_load = "held";
  state.flags = kHeld;
  kept.days[0].lost_percent = 10;
  CHECK(said(kept, "2026-11-21T18:04:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T18:05:00.000000Z") == "load 2026-11-20 resync");
  kept.days[0].lost_percent = 60;
  CHECK(said(kept, "2026-11-21T18:05:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T18:30:00.000000Z") == "load 2026-11-20 resync");
}

TEST_CASE("a day that lost all its rows is looked at again, for they may be back") {
  Kept kept = daily();
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:00.000000Z")};
  catalog::KeptDay& known = kept.days[0];
  known.state.attempt = Attempt::Waiting;
  known.state.held_load = "held";
  known.state.flags = kHeld;
  known.lost_percent = 100;
  known.checked_at = at("2026-11-22T18:00:00.000000Z");
  known.state.changed_at = at("2026-11-22T18:00:03.000000Z");
  CHECK(said(kept, "2026-11-22T18:29:59.000000Z") == "load 2026-11-21 scheduled waits");
  kept.days.push_back(ended("2026-11-21", "2026-11-22T18:00:30.000000Z"));
  CHECK(said(kept, "2026-11-22T18:30:00.000000Z") == "load 2026-11-20 resync");
  kept.days[0].state.changed_at = at("2026-11-22T18:30:02.000000Z");
  CHECK(said(kept, "2026-11-22T19:59:59.000000Z") == "");
  CHECK(said(kept, "2026-11-22T20:00:00.000000Z") == "load 2026-11-20 resync");
  kept.days[0].state.changed_at = at("2026-11-22T20:00:02.000000Z");
  CHECK(said(kept, "2026-11-23T17:59:59.000000Z") == "");
  CHECK(said(kept, "2026-11-23T18:00:00.000000Z") ==
        "load 2026-11-20 resync; check 2026-11-21 resync; load 2026-11-22 scheduled waits");
}

TEST_CASE("a day that a person took back is checked, so that its difference is known") {
  Kept kept = daily();
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:00.000000Z"),
               ended("2026-11-21", "2026-11-22T18:00:00.000000Z")};
  kept.days[0].state.flags = kHeld;
  CHECK(said(kept, "2026-11-22T18:00:00.000000Z") == "check 2026-11-20 resync");
}

TEST_CASE("a source that moved while it was read is read again, at any age, for a day") {
  Kept kept = daily();
  for (const char* first_ended : {"2026-11-21T18:00:00.000000Z", "2026-11-07T18:00:00.000000Z"}) {
    kept.days = {ended("2026-11-20", "2026-11-21T18:00:00.000000Z")};
    kept.days[0].first_ended_at = at(first_ended);
    kept.days[0].state.flags = kMovedDuringRead;
    kept.days[0].moving_since = at("2026-11-21T18:00:00.000000Z");
    CHECK(said(kept, "2026-11-21T18:29:00.000000Z") == "");
    CHECK(said(kept, "2026-11-21T18:30:00.000000Z") == "load 2026-11-20 resync");
    kept.days[0].loaded_at = at("2026-11-22T17:00:00.000000Z");
    CHECK(said(kept, "2026-11-22T17:30:00.000000Z") == "load 2026-11-20 resync");
    // It moves under every read: until the next age nobody reads it again.
    kept.days[0].loaded_at = kept.days[0].checked_at = at("2026-11-22T18:00:00.000000Z");
    CHECK(said(kept, "2026-11-22T18:30:00.000000Z") == "load 2026-11-21 scheduled waits");
  }
}

TEST_CASE("what a check could not ask about is asked again with each day's hour, not before") {
  Kept kept = daily();
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:00.000000Z"),
               ended("2026-11-21", "2026-11-26T17:00:00.000000Z"),
               ended("2026-11-22", "2026-11-26T17:00:00.000000Z"),
               ended("2026-11-23", "2026-11-26T17:00:00.000000Z"),
               ended("2026-11-24", "2026-11-26T17:00:00.000000Z")};
  kept.days[0].checked_at = at("2026-11-24T18:00:00.000000Z");
  CHECK(said(kept, "2026-11-25T18:00:00.000000Z") == "");
  kept.days[0].state.flags = kCheckFailed;
  CHECK(said(kept, "2026-11-25T17:59:00.000000Z") == "");
  CHECK(said(kept, "2026-11-25T18:00:00.000000Z") == "check 2026-11-20 resync");
  kept.days[0].checked_at = at("2026-11-25T18:00:05.000000Z");
  CHECK(said(kept, "2026-11-25T18:30:00.000000Z") == "");
}

TEST_CASE("a day that was backfilled is followed up by its age, however old it is") {
  Kept kept = daily();
  kept.upkeep.follow_up = {1, 31};
  kept.first_ended = day("2026-11-20");
  kept.days = {ended("2024-02-29", "2026-11-21T17:00:00.000000Z"),
               ended("2026-11-20", "2026-11-21T17:00:00.000000Z")};
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "");
  CHECK(said(kept, "2026-11-22T18:00:00.000000Z") ==
        "check 2024-02-29 resync; check 2026-11-20 resync; load 2026-11-21 scheduled waits");
  kept.days[0].checked_at = at("2026-11-22T18:00:00.000000Z");
  CHECK(said(kept, "2026-12-21T18:00:00.000000Z").find("2024-02-29") == std::string::npos);
  CHECK(said(kept, "2026-12-22T18:00:00.000000Z").starts_with("check 2024-02-29 resync"));
}

/// Whether the catalog is asked for a day that ended then and was looked at last then.
bool is_unseen(const Kept& kept, const std::string& now, const std::string& ended,
               const std::string& checked) {
  for (const catalog::Unseen& one : unseen_days({kept}, at(now))) {
    if (one.ended.start <= at(ended) && at(ended) < one.ended.end) return at(checked) < one.before;
  }
  return false;
}

TEST_CASE("of older days those are read from the catalog that may be due by their age") {
  Kept kept = daily();
  const std::string ended = "2026-11-21T17:00:00.000000Z";
  CHECK(!is_unseen(kept, "2026-11-22T17:59:59.000000Z", ended, ended));
  CHECK(is_unseen(kept, "2026-11-22T18:00:00.000000Z", ended, ended));
  const std::string checked = "2026-11-22T18:00:05.000000Z";
  CHECK(!is_unseen(kept, "2026-11-22T18:30:00.000000Z", ended, checked));
  CHECK(is_unseen(kept, "2026-11-23T18:00:00.000000Z", ended, checked));
  const std::string last = "2026-12-05T18:00:05.000000Z";
  CHECK(!is_unseen(kept, "2026-12-20T18:00:00.000000Z", ended, last));
  kept.upkeep.follow_up = {31};
  CHECK(!is_unseen(kept, "2026-12-22T17:59:59.000000Z", ended, ended));
  CHECK(is_unseen(kept, "2026-12-22T18:00:00.000000Z", ended, ended));
}

TEST_CASE("a day of unusual volume is looked at hourly until the deadline") {
  Kept kept = daily();
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:00.000000Z")};
  kept.days[0].state.flags = kUnusualVolume;
  CHECK(said(kept, "2026-11-21T18:59:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T19:00:00.000000Z") == "check 2026-11-20 resync");
  kept.days[0].checked_at = at("2026-11-21T19:00:00.000000Z");
  CHECK(said(kept, "2026-11-21T19:30:00.000000Z") == "");
  CHECK(said(kept, "2026-11-22T02:30:00.000000Z") == "");
}

TEST_CASE("an ingestion whose warehouse failed a check rests") {
  Kept kept = daily();
  kept.rests_until = at("2026-11-21T18:30:00.000000Z");
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T18:30:00.000000Z") == "load 2026-11-20 scheduled waits");
}

TEST_CASE("a snapshot is loaded for the latest day alone and never followed up") {
  Kept kept = daily();
  kept.is_snapshot = true;
  kept.days = {ended("2026-11-17", "2026-11-18T18:00:00.000000Z")};
  CHECK(said(kept, "2026-11-21T18:00:00.000000Z") == "load 2026-11-20 scheduled waits");
}

TEST_CASE("the next times are the hour of the next days, in the project's zone") {
  const Kept kept = daily();
  const auto times = next_loads(kept.upkeep, kept.zone, at("2026-11-21T18:00:00.000000Z"), 2);
  REQUIRE(times.size() == 2);
  CHECK(to_text(times[0]) == "2026-11-22T18:00:00.000000Z");
  CHECK(to_text(times[1]) == "2026-11-23T18:00:00.000000Z");
}

TEST_CASE(
    "over years each day is loaded once and followed up at its ages, whatever the zone does") {
  for (const char* zone : {"UTC-8", "America/New_York", "Australia/Lord_Howe"}) {
    CAPTURE(zone);
    Kept kept = daily();
    kept.zone = Zone::named(zone);
    kept.first_ended = day("2023-12-30");
    kept.days = {ended("2023-12-30", "2023-12-31T23:00:00.000000Z")};
    std::map<Day, int> loads;
    std::map<Day, std::set<int>> checks;
    // Three years, a leap day among them, in steps that no hour is a multiple of.
    for (Instant now = at("2024-01-01T00:00:00.000000Z"); now < at("2027-01-01T00:00:00.000000Z");
         now += minutes(47)) {
      for (const Action& action : decide(kept, now)) {
        if (action.what == What::Load) {
          ++loads[action.day];
          kept.days.push_back(ended(action.day.text(), to_text(now)));
          continue;
        }
        for (catalog::KeptDay& known : kept.days) {
          if (known.state.day != action.day) continue;
          known.checked_at = now;
          const Day first = kept.zone.day_of(*known.first_ended_at);
          checks[action.day].insert(
              static_cast<int>((kept.zone.day_of(now).sys() - first.sys()).count()));
        }
      }
      if (kept.days.size() > kDaysBack) kept.days.erase(kept.days.begin());
    }
    const Day first = loads.begin()->first, last = loads.rbegin()->first;
    CHECK(first == day("2023-12-31"));
    CHECK(last >= day("2026-12-30"));
    CHECK(static_cast<int>(loads.size()) == DayRange{first, last}.size());
    for (const auto& [label, count] : loads) {
      if (count != 1) FAIL_CHECK(label.text() << " was loaded " << count << " times");
      if (label > day("2026-12-10")) continue;
      if (checks[label] != std::set<int>{1, 2, 3, 5, 8, 14}) FAIL_CHECK(label.text());
    }
  }
}

TEST_CASE("a clock that jumps back repeats nothing, and one that jumps ahead skips nothing") {
  Kept kept = daily();
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:10.000000Z")};
  CHECK(said(kept, "2026-11-21T16:00:00.000000Z") == "");
  CHECK(said(kept, "2026-11-24T18:00:00.000000Z") ==
        "check 2026-11-20 resync; load 2026-11-21 scheduled; load 2026-11-22 scheduled; "
        "load 2026-11-23 scheduled waits");
}

TEST_CASE("hourly: today is loaded every so many hours, and once more when it is over") {
  Kept kept = daily();
  kept.upkeep.schedule = {ScheduleMode::Hourly, 0, 18 * 60, {}, 6};
  kept.days = {ended("2026-11-20", "2026-11-21T08:00:05.000000Z")};
  CHECK(said(kept, "2026-11-21T14:00:00.000000Z") == "load 2026-11-21 scheduled waits");
  catalog::KeptDay today = ended("2026-11-21", "2026-11-21T14:00:05.000000Z");
  today.first_ended_at = {};
  today.state.flags = kProvisional;
  kept.days.push_back(today);
  CHECK(said(kept, "2026-11-21T19:59:00.000000Z") == "");
  CHECK(said(kept, "2026-11-21T20:00:00.000000Z") == "load 2026-11-21 scheduled waits");
  CHECK(said(kept, "2026-11-22T08:00:00.000000Z") ==
        "check 2026-11-20 resync; load 2026-11-21 scheduled; load 2026-11-22 scheduled waits");
  const auto next = next_loads(kept.upkeep, kept.zone, at("2026-11-21T14:00:00.000000Z"), 3);
  REQUIRE(next.size() == 3);
  CHECK(next[0] == at("2026-11-21T20:00:00.000000Z"));
  CHECK(next[2] == at("2026-11-22T08:00:00.000000Z"));
}

TEST_CASE("a preset may count its ages from the day itself") {
  Kept kept = daily();
  kept.upkeep.follow_up = {1, 2, 3};
  kept.upkeep.follow_up_rule = {5, true, {}};
  kept.days = {ended("2026-11-20", "2026-11-21T18:00:05.000000Z")};
  CHECK(said(kept, "2026-11-22T18:00:00.000000Z").starts_with("check 2026-11-20 resync"));
  kept.days[0].checked_at = at("2026-11-22T18:00:05.000000Z");
  CHECK(said(kept, "2026-11-23T18:00:00.000000Z").starts_with("check 2026-11-20 resync"));
  kept.days[0].checked_at = at("2026-11-23T18:00:05.000000Z");
  CHECK(said(kept, "2026-11-24T18:00:00.000000Z").find("2026-11-20") == std::string::npos);
}

}  // namespace millrace::schedule
