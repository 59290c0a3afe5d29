#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "model/ingestion.h"

/// What should run now: a pure decision here, a thin loop around it in due.h.
namespace millrace::schedule {

/// One ingestion as the clock sees it.
struct Kept {
  std::string ingestion;
  Upkeep upkeep;  ///< With the hour that applies.
  Zone zone;      ///< The project's.
  double shrink_max_percent = 50;
  bool is_snapshot = false;            ///< Only its latest day can be loaded.
  std::optional<Instant> rests_until;  ///< The warehouse failed us; not before then.
  std::optional<Day> first_ended;      ///< Days before it are nobody's business.
  std::vector<Day> asked;              ///< What a call or a backfill will load, in order.
  std::vector<catalog::KeptDay> days;  ///< At least the last `kDaysBack`, in order.
};

/// Days that lie further back are not loaded by themselves: see `missing.h`.
inline constexpr int kDaysBack = 31;

/// A thing to do for one day.
struct Action {
  enum class What {
    Load,
    Check,  ///< And load where it changed, unless a person holds the day.
  };
  What what = What::Load;
  Day day;
  std::string trigger;          ///< "scheduled" or "resync": see runs in the glossary.
  bool waits_for_data = false;  ///< Load: a day without rows is looked at again, not ended.
  bool operator==(const Action&) const = default;
};

/// All that is due now, by day. Asked again without anything having been done, it says the same.
std::vector<Action> decide(const Kept& kept, Instant now);

/// Of days further back than `kDaysBack` those that are followed up, for they ended since: all that
/// may be due now, by when they ended. For Catalog::unsettled_days.
std::vector<catalog::Unseen> unseen_days(const std::vector<Kept>& all, Instant now);

/// The newest day whose time to be loaded first has come.
Day newest_due(const Schedule& schedule, const Zone& zone, Instant now);

/// When the clock next starts the first load of a day: the next `count` times after `now`. Empty
/// where the clock does not.
std::vector<Instant> next_loads(const Upkeep& upkeep, const Zone& zone, Instant now, int count);

}  // namespace millrace::schedule
