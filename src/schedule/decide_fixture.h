#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schedule/decide.h"

/// For tests: an ingestion that is loaded daily, its days, and what is decided, in words.
namespace millrace::schedule {

inline Day day(std::string_view text) { return *Day::parse(text); }
inline Instant at(const std::string& text) { return instant_from_text(text); }

/// 2026-11-20 is loaded first at 10:00 of the 21st in UTC-8, that is 18:00 UTC.
inline Kept daily() {
  Kept kept;
  kept.ingestion = "i";
  kept.upkeep.enabled = true;
  kept.zone = Zone::named("UTC-8");
  return kept;
}

inline catalog::KeptDay ended(std::string_view label, const std::string& when) {
  catalog::KeptDay known;
  known.state.day = day(label);
  known.state.attempt = Attempt::Loaded;
  known.state.current = "v";
  known.state.changed_at = at(when);
  known.first_ended_at = known.loaded_at = at(when);
  return known;
}

inline catalog::KeptDay tried(std::string_view label, Attempt attempt, const std::string& when,
                              std::optional<Fault> fault = {}) {
  catalog::KeptDay known;
  known.state.day = day(label);
  known.state.attempt = attempt;
  known.state.changed_at = at(when);
  known.state.error_fault = fault;
  return known;
}

/// "load 2026-11-20 scheduled waits; check 2026-11-19 resync"
inline std::string said(Kept kept, const std::string& now) {
  std::string text;
  for (const catalog::KeptDay& known : kept.days) {
    if (known.first_ended_at && !kept.first_ended) kept.first_ended = known.state.day;
  }
  for (const Action& action : decide(kept, at(now))) {
    text += (text.empty() ? "" : "; ") +
            std::string(action.what == Action::What::Load ? "load " : "check ") +
            action.day.text() + " " + action.trigger + (action.waits_for_data ? " waits" : "");
  }
  return text;
}

}  // namespace millrace::schedule
