#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "warehouse/connector.h"

namespace millrace::pipeline {

/// Asks a day's fingerprint twice, by two sessions that see the same snapshot where there is one;
/// without one, in up to three attempts, because the day may be changing meanwhile. Nothing when
/// two answers agree; else a sentence for people that names the columns which do not.
std::optional<std::string> why_not_repeatable(warehouse::Connector& connector, const Query& query,
                                              Day day, std::stop_token stop);

}  // namespace millrace::pipeline
