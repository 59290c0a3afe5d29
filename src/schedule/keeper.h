#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/house.h"
#include "pipeline/load.h"
#include "schedule/asked_loads.h"
#include "schedule/job.h"

namespace millrace::schedule {

/// What became of one action.
struct Done {
  std::string ingestion;  ///< Its handle.
  Action action;
  std::optional<pipeline::DayOutcome> loaded;  ///< Also of a check that found a change.
  std::optional<CheckResult> checked;
  std::optional<Error> error;  ///< The check could not be made.
};

/// Of a load that was asked for.
Done done_of(const Ingestion& ingestion, const catalog::Asked& asked,
             const pipeline::DayOutcome& outcome);

/// Ingestions whose warehouse failed a check, and which are left alone for a while. Thread-safe.
class Rests {
 public:
  void rest(const std::string& ingestion, Instant until);
  std::optional<Instant> until(const std::string& ingestion) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Instant> until_;
};

/// Keeps every enabled ingestion current: looks at the catalog, decides, does it. Between two looks
/// it remembers what it read, of days until somebody changes one of the same ingestion, and which
/// runs it named. One thread, as its house is; several keepers, also of several processes, may look
/// and work at once: a day's lease lets one of them have it.
class Keeper {
 public:
  using OnDone = std::function<void(const Done&)>;
  /// `rests` is shared by those who look and those who do.
  Keeper(pipeline::House& house, Rests& rests, OnDone done, pipeline::OnProgress progress = {});

  /// What somebody asked for, in the order in which it is done.
  std::vector<Job> asked();
  /// What the schedule says now, a job for each ingestion. First loads of one dataset that are due
  /// together are one run, and stay it until they begin.
  std::vector<Job> due();
  /// Does it. When `drain` is requested, what has begun is finished, a backfill left for the next
  /// process, and nothing else begun. Returns how many actions there were.
  int run(const Job& job, std::stop_token drain);
  /// Everything that was asked for or is due now, one job after the other.
  int run_all(std::stop_token drain);

 private:
  struct NamedRun {
    std::vector<Action> actions;
    std::string run;
  };

  void look(Instant now);
  /// What `one` has of days: as remembered in `before`, or, where that is null, as read.
  void look_at_days(Kept& one, Kept* before, Day since);
  int run_asked(std::stop_token drain);
  /// The actions whose days are as they were when this was decided: another scheduler, or a load
  /// that took long, may have changed them.
  std::vector<Action> still_due(const Job& job, const std::vector<Action>& actions);
  void load(const Ingestion& ingestion, const std::vector<Action>& actions,
            const std::string& run = {});
  void check(const Ingestion& ingestion, const std::vector<Action>& actions);
  /// An alert names the first day that could not be asked about, until all can.
  void tell_of_checks(const Ingestion& ingestion, const std::vector<CheckResult>& results);
  /// It stays until a check succeeds; people hear of one that lasts.
  void raise_not_checked(const Ingestion& ingestion, Day day, const Error& error);

  pipeline::House& house_;
  Rests& rests_;
  OnDone done_;
  pipeline::OnProgress progress_;
  AskedLoads asked_;
  std::int64_t seen_ = -1;  ///< Catalog::changes before what follows was read.
  std::map<std::string, std::int64_t> day_changes_;  ///< And Catalog::day_changes.
  Day since_;
  std::vector<catalog::Unseen> unseen_;
  std::vector<Kept> kept_;
  std::map<std::string, Ingestion> ingestions_;
  std::map<std::string, NamedRun> named_;  ///< By ingestion, at the last look.
};

}  // namespace millrace::schedule
