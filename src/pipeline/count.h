#pragma once

#include <stop_token>
#include <vector>

#include "pipeline/house.h"

namespace millrace::pipeline {

/// How many rows the warehouse has now: a day each, or a day and name (of event, metric or
/// experiment) each. Days without rows are absent. Nothing is recorded.
std::vector<DayCount> count(House& house, const Ingestion& ingestion, DayRange days, bool by_name,
                            std::stop_token stop);

}  // namespace millrace::pipeline
