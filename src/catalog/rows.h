#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/env.h"
#include "base/process.h"
#include "model/version.h"
#include "model/work.h"

/// What the catalog answers and keeps, a struct a row.
namespace millrace::catalog {

struct LoadRow {
  std::string id, ingestion;
  Day day;
  std::string revision, run, trigger;
  Attempt attempt = Attempt::None;
  ProcessId holder;
  Instant renewed_at;  ///< The holder's last sign of life.
  Instant started_at;
  std::optional<Instant> closed_at;
  std::string error_text;
};

/// Billable rows: one entry per published load, so a reload counts again.
struct LedgerEntry {
  std::string load, ingestion;
  Dataset dataset = Dataset::Events;
  Day day;
  std::int64_t rows = 0;
  Instant at;
  std::string trigger;  ///< Of the load; empty where its row is gone with a rebuilt catalog.
};

/// So many billable rows may an ingestion add in an interval.
struct RowBudget {
  Interval published;
  std::int64_t rows_most = 0;
};

/// The change token that a later one is compared with, and when the day was last known to match it.
struct KnownToken {
  std::string text;
  Instant confirmed_at;
};

/// Something that people should know and that no load says.
struct Alert {
  std::int64_t id = 0;
  std::string ingestion;
  Day day;
  std::string what;  ///< "not_fresh"
  std::string text;  ///< A sentence.
  Instant raised_at;
  std::optional<Instant> cleared_at;
};

/// An ingestion that is paused: since when, and why.
struct Paused {
  Instant at;
  std::string why;
};

/// Who changed a definition last, and when.
struct LastChange {
  Instant at;
  std::string by;  ///< As Actor::name.
};

/// What ids are of. `file`: millrace.toml names it; else the API made it.
struct UnitType {
  std::string name, about;
  bool file = true;
};

/// A secret as it is kept: nobody reads it without the master key.
struct SealedSecret {
  std::string name;
  std::string key;  ///< Which master key.
  std::string box;  ///< Nonce and ciphertext, hex.
  Instant set_at;
};

/// A check of a day.
struct Checked {
  CheckResult result;
  Instant at;
};

/// Codes of a load whose process ended: the day is begun again at once, but not when the load
/// before it ended so, too, for then it may be the load that ends the process.
inline constexpr const char* kProcessDied = "process_died";
inline constexpr const char* kProcessDiedAgain = "process_died_again";

/// A day as the clock sees it.
struct KeptDay {
  DayState state;
  std::optional<Instant> first_ended_at;  ///< When it first was loaded, or found without data.
  std::optional<Instant> loaded_at;       ///< Of the current version.
  std::optional<Instant> checked_at;
  /// Where the source moved while the current version was read: when the first of the versions was
  /// published that all have been so.
  std::optional<Instant> moving_since;
  double lost_percent = 0;  ///< Of a held load: how many of the day's rows it lacks.
};

/// Days that first ended then and that no check looked at since `before`.
struct Unseen {
  Interval ended;
  Instant before;
  bool operator==(const Unseen& other) const {
    return ended.start == other.ended.start && ended.end == other.ended.end &&
           before == other.before;
  }
};

/// The first and the last day of an ingestion that have ended: were loaded when they were over, or
/// have no data.
struct EndedDays {
  Day first, last;
};

}  // namespace millrace::catalog
