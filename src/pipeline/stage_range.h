#pragma once

#include <functional>
#include <stop_token>

#include "base/error.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {

/// As much of a range as one statement reads where the warehouse does not tell how large it is; and
/// where it does.
inline constexpr int kRangeDays = 31;
inline constexpr std::int64_t kRangeBytes = 50LL << 30;

using OnSealed = std::function<void(const Manifest&)>;
using OnFailed = std::function<void(const DayOrder&, const Error&)>;

/// Stages the days of an order in their turn. Days that lie side by side are looked at by one
/// question and read by one statement where the warehouse can, and split here; each is sealed on
/// its own, as exactly as if it had been read alone. One bad day does not stop the others; throws
/// only when stopped.
void stage_days(const WorkOrder& work, warehouse::Connector& connector, const Tell& tell,
                const OnSealed& sealed, const OnFailed& failed, std::stop_token stop);

}  // namespace millrace::pipeline
