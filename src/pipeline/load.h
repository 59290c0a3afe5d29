#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "pipeline/house.h"

namespace millrace::pipeline {

struct LoadRequest {
  Ingestion ingestion;
  std::vector<Day> days;
  std::string trigger = "manual";
  std::string run;  ///< Its id; empty: a new one.
  int jobs = 1;
  bool accept = false;     ///< Publish although it shrank, or publish what is held.
  bool automatic = false;  ///< Not asked for by a person: respects holds.
  /// Asked before a day begins: one that nobody wants any more is left out, and not told of.
  std::function<bool(Day)> is_wanted;
  std::vector<Gate> ready;  ///< Must be open before a day is read.
  /// A day without rows, or one that is not ready, is no day yet: it is left *waiting*, with
  /// Unavailable `no_data_yet`.
  bool waits_for_data = false;
};

/// What became of one day of a request.
struct DayOutcome {
  Day day;
  Attempt attempt = Attempt::None;
  bool held = false;
  std::string load;
  std::string run;          ///< That of the request, also where no load began.
  Certificate certificate;  ///< Also of a day that failed after all of it was read.
  std::map<std::string, std::int64_t> took_ms;  ///< As in Manifest.
  std::string note;
  std::optional<Error> error;
};

using OnProgress = std::function<void(const Progress&)>;
using OnDay = std::function<void(const DayOutcome&)>;

/// The journey of each day: register, read, map, stage, certify, publish, tell others. One bad day
/// does not stop the others. A load cut short leaves the previous version current. Throws
/// Misconfigured `day_not_begun` where one of the days has not.
std::vector<DayOutcome> load(House& house, const LoadRequest& request, const OnProgress& progress,
                             const OnDay& done, std::stop_token stop);

/// The whole day through the same mapping; counts per reason; nothing kept.
Manifest validate(House& house, const Ingestion& ingestion, Day day, const OnProgress& progress,
                  std::stop_token stop);

/// The days whose last attempt failed or was rejected: what `load --failed` means.
std::vector<Day> failed_days(House& house, const Ingestion& ingestion);

/// False for a day that lies in the future, in the project's zone: it cannot be loaded.
bool has_begun(House& house, Day day);
/// Throws Misconfigured `day_not_begun`.
void require_begun(House& house, Day day);

/// The latest day there can be data for: yesterday in the project's zone.
Day latest_day(House& house);

}  // namespace millrace::pipeline
