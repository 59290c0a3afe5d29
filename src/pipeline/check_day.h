#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "model/work.h"
#include "pipeline/reporter.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

using OnChecked = std::function<void(const CheckResult&, const std::optional<std::string>& token)>;

/// Did the warehouse change since these days were loaded? Of each day the first answer wins: an
/// equal token says no; another COUNT, which one question answers for all of them, says yes; then
/// the fingerprint decides, where it is wanted. Tells which question is asked, and of how many
/// rows. A day whose rows cannot be asked about says so and spares the others; the error is thrown
/// where it may pass by itself, or where the query is at fault and no day could be asked.
void check_days(const WorkOrder& work, warehouse::Connector& connector, const Tell& tell,
                const OnChecked& checked, std::stop_token stop);

}  // namespace millrace::pipeline
