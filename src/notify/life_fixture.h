#pragma once

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "notify/decide.h"

/// Ingestions and what becomes of their days, for tests of what is told.
namespace millrace::notify::fixture {

using std::chrono::hours;
using std::chrono::minutes;

inline const Instant kTen = instant_from_text("2026-11-24T10:00:00Z");
inline const Target kAna{Channel::Mail, "ana@example.com"};
inline const Target kBen{Channel::Mail, "ben@example.com"};
inline const Day kDay = *Day::parse("2026-11-23");

inline const Error kUnreachable(Fault::Unavailable, "unreachable", "connecting failed",
                                "Check host");
inline const Error kNoColumn(Fault::Misconfigured, "missing_column", "no column \"kind\"",
                             "Check it");

/// Ingestions and what becomes of their days; keeps what was decided, as the catalog does.
class Life {
 public:
  Instant now = kTen;
  World world;
  NotifySettings settings;
  std::vector<Message> told;

  void add(const std::string& id, std::set<Target> targets = {kAna}) {
    world.subjects[id] = {id, "shop", false, std::move(targets)};
  }

  catalog::Ended& ends(const std::string& id, Attempt attempt, Day day = kDay,
                       const std::string& trigger = "scheduled") {
    catalog::Ended& ended = world.ended.emplace_back();
    ended.load = "load-" + std::to_string(++loads_);
    ended.ingestion = id;
    ended.run = "run";
    ended.trigger = trigger;
    ended.day = day;
    ended.attempt = attempt;
    ended.at = now;
    DayState& state = world.states[{id, day}];
    state.attempt = attempt;
    state.flags = 0;
    state.held_load.clear();
    if (attempt == Attempt::Loaded || attempt == Attempt::Empty) state.current = ended.load;
    return ended;
  }
  void fails(const std::string& id, const Error& error, Day day = kDay,
             const std::string& trigger = "scheduled") {
    ends(id, Attempt::Failed, day, trigger).error = error;
  }
  void holds(const std::string& id) {
    catalog::Ended& ended = ends(id, Attempt::Waiting);
    ended.held = true;
    ended.note = "the day shrank from 100 to 10 rows";
    DayState& state = world.states[{id, kDay}];
    state.held_load = ended.load;
    state.flags = kHeld;
  }

  void alarms(const std::string& id, const char* what, Day day = kDay) {
    catalog::Alert& alert = world.alerts.emplace_back();
    alert.ingestion = id;
    alert.day = day;
    alert.what = what;
    alert.text = "what is the matter";
    alert.raised_at = now;
  }

  void look() {
    const Decision decision = decide(world, settings, now);
    for (const Incident& incident : decision.incidents) {
      std::erase_if(world.open, [&](const Incident& known) { return known.id == incident.id; });
      // As it would come back from the catalog.
      if (!incident.closed_at) {
        world.open.push_back(
            incident_in(incident.id, incident.cause, incident.opened_at, written(incident)));
      }
    }
    for (const Message& message : decision.messages) told.push_back(message_in(written(message)));
    world.ended.clear();
    world.backfills.clear();
  }
  void pass(std::chrono::seconds time) {
    now += time;
    look();
  }

  std::vector<Kind> kinds_for(const Target& target) const {
    std::vector<Kind> kinds;
    for (const Message& message : told) {
      if (message.target == target) kinds.push_back(message.kind);
    }
    return kinds;
  }

 private:
  int loads_ = 0;
};

using Kinds = std::vector<Kind>;

}  // namespace millrace::notify::fixture
