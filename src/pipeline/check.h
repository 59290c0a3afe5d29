#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "pipeline/house.h"
#include "pipeline/load.h"

namespace millrace::pipeline {

/// `Exact` looks as closely as it can; `AsFollowedUp` as the ingestion's follow-up says, which may
/// stop at COUNT and spare the warehouse.
enum class CheckDepth { Exact, AsFollowedUp };

/// Asks the warehouse what changed since each day was loaded; the first answer wins: token, count,
/// fingerprint. Records every answer, and tells it; `progress` hears which question is asked. Days
/// that were never loaded say so.
std::vector<CheckResult> check(House& house, const Ingestion& ingestion,
                               const std::vector<Day>& days, CheckDepth depth, std::stop_token stop,
                               const std::function<void(const CheckResult&)>& told = {},
                               const OnProgress& progress = {});

}  // namespace millrace::pipeline
