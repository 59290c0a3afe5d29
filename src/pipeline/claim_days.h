#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "catalog/catalog.h"
#include "model/work.h"
#include "pipeline/budget.h"
#include "pipeline/house.h"
#include "pipeline/load.h"

namespace millrace::pipeline {

/// A day that this process may load, and what a child is told of it; its staging folder is still to
/// be made.
struct ClaimedDay {
  catalog::Lease lease;
  DayOrder order;
  bool is_provisional = false;  ///< It is not over.
};

struct Claims {
  std::vector<ClaimedDay> taken;
  std::vector<std::pair<Day, Error>> refused;
};

/// Begins a load of each of these days in one transaction. Refused are days that somebody else
/// loads, that a person took back, or that exceed the budget; all of them where the catalog fails.
Claims claim_days(House& house, const LoadRequest& request, const std::string& run,
                  MonthBudget& budget, std::span<const Day> days);

}  // namespace millrace::pipeline
