#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "model/ingestion.h"

/// Days that nobody has loaded although their time has come, since the first of their ingestion
/// that ended. What lies before that one is nobody's.
namespace millrace::schedule {

/// What `status_of` is of a day that the catalog knows nothing of, and the scheduler would load.
inline constexpr const char* kMissing = "missing";

/// The days of `Catalog::days`, and between them those that are missing and that nobody asked for.
/// Only of an ingestion that is enabled and that a clock or a call loads.
std::vector<DayRow> days_with_missing(catalog::Catalog& catalog, const Ingestion& ingestion,
                                      std::optional<DayRange> range, Instant now);

/// Days side by side that are further back than the scheduler goes, and never ended.
struct LeftOut {
  std::string ingestion;  ///< Its handle.
  DayRange days;
  std::string text;  ///< With the command that loads them.
};
/// The newest gap of each enabled ingestion, told once: raises an alert, and clears it when nothing
/// is left out any more. Returns those that are new. Walks through all days there are.
std::vector<LeftOut> watch_left_out(catalog::Catalog& catalog, Instant now);

}  // namespace millrace::schedule
