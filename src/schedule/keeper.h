#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/house.h"
#include "pipeline/load.h"
#include "schedule/asked_loads.h"
#include "schedule/decide.h"

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

/// Keeps every enabled ingestion current: looks at the catalog, decides, does it. Between two looks
/// it remembers which warehouses failed a check, and leaves those alone for a while; and what it
/// read, until somebody changes the catalog. May run in several processes at once: a day's lease
/// lets one of them have it.
class Keeper {
 public:
  using OnDone = std::function<void(const Done&)>;
  /// Beside what is due it loads what was asked for, of this sort.
  Keeper(pipeline::House& house, catalog::WhichAsked which, OnDone done,
         pipeline::OnProgress progress = {});

  /// Does somebody wait for a day? Cheap enough to ask several times a second.
  bool is_asked() { return asked_.any(); }

  /// Everything that was asked for or is due now, one ingestion after the other. When `drain` is
  /// requested, what has begun is finished and nothing else begun. Returns how many actions there
  /// were.
  int tick(std::stop_token drain);

 private:
  void look(Instant now);
  /// The actions whose days are as they were when this was decided: another scheduler, or a load
  /// that took long, may have changed them.
  std::vector<Action> still_due(const Kept& kept, const std::vector<Action>& actions);
  void load(const Ingestion& ingestion, const std::vector<Action>& actions);
  void check(const Ingestion& ingestion, const std::vector<Action>& actions);
  /// An alert names the first day that could not be asked about, until all can.
  void tell_of_checks(const Ingestion& ingestion, const std::vector<CheckResult>& results);
  /// It stays until a check succeeds; people hear of one that lasts.
  void raise_not_checked(const Ingestion& ingestion, Day day, const Error& error);

  pipeline::House& house_;
  OnDone done_;
  pipeline::OnProgress progress_;
  AskedLoads asked_;
  std::int64_t seen_ = -1;  ///< Catalog::changes before what follows was read.
  Day since_;
  std::vector<catalog::Unseen> unseen_;
  std::vector<Kept> kept_;
  std::map<std::string, Ingestion> ingestions_;
  std::map<std::string, Instant> rests_until_;
};

}  // namespace millrace::schedule
