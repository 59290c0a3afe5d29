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
  Upkeep upkeep;
  Zone zone;  ///< The project's.
  double shrink_max_percent = 50;
  bool is_snapshot = false;            ///< Only its latest day can be loaded.
  std::optional<Instant> rests_until;  ///< The warehouse failed us; not before then.
  std::vector<catalog::KeptDay> days;  ///< At least the last `kDaysBack`, in order.
};

/// Days that lie further back are nobody's business but a person's.
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

/// When the clock next starts the first load of a day: the next `count` times after `now`. Empty
/// where the clock does not.
std::vector<Instant> next_loads(const Upkeep& upkeep, const Zone& zone, Instant now, int count);

}  // namespace millrace::schedule
