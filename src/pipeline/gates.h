#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "model/work.h"
#include "warehouse/connector.h"

/// What a day waits for before it is read: see Schedule::ready.
namespace millrace::pipeline {

/// What each gate's table looked like, by its name.
using Upstream = std::vector<std::pair<std::string, std::string>>;

/// The first gate of the day that is closed, in words; none when all are open. Notes in `saw` what
/// the tables look like now. Throws Misconfigured `no_token` for a table of which the warehouse
/// does not tell when it was written.
std::optional<std::string> why_not_ready(warehouse::Connector& connector, const DayOrder& order,
                                         const Zone& zone, Upstream& saw, std::stop_token stop);

}  // namespace millrace::pipeline
