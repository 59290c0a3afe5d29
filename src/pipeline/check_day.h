#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "model/work.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

/// Is the day still what it was when it was loaded? The first answer wins: a token that is trusted
/// and equal says unchanged, a count that differs says changed; where counts are equal only the
/// fingerprint says anything. Leaves the day's token of now in `token`.
CheckResult check_day(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
                      std::optional<std::string>& token, std::stop_token stop);

}  // namespace millrace::pipeline
