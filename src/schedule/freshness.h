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

/// The days whose time has passed and that have not ended, in order: the newest, and all since
/// `first_ended`, as far back as days are loaded by themselves. `ended` is in order.
std::vector<Day> late_days(const Schedule& schedule, const Zone& zone,
                           std::optional<Day> first_ended, const std::vector<Day>& ended,
                           Instant now);

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
