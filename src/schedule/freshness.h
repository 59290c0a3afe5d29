#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "model/alert.h"
#include "model/ingestion.h"

/// Whether days are there by the time that somebody needs them. Knows nothing of what loads them:
/// an alert comes from absence, also when no scheduler runs, or everything is paused.
namespace millrace::schedule {

/// The newest day whose time has passed, where it has not ended; `newest_ended` is none for an
/// ingestion that never had a day, which nobody waits for yet.
std::optional<Day> missing_day(const Schedule& schedule, const Zone& zone,
                               std::optional<Day> newest_ended, Instant now);

struct Freshness {
  std::string ingestion;  ///< Its handle.
  Day day;
  bool is_late = false;  ///< Else it was late and is there now.
  std::string text;
};
/// Raises and clears alerts; returns those that are new. Alerts of any sort that nobody wants any
/// more are cleared in silence.
std::vector<Freshness> watch_freshness(catalog::Catalog& catalog, Instant now);

}  // namespace millrace::schedule
