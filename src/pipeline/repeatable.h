#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "warehouse/connector.h"

namespace millrace::pipeline {

/// Asks a day's fingerprint again, by a second session that sees the same snapshot where there is
/// one; without one, both sessions in up to three attempts, because the day may be changing
/// meanwhile. Nothing when two answers agree; else a sentence for people that names the columns
/// which do not. `first` is the session's own answer, and afterwards its latest.
std::optional<std::string> why_not_repeatable(warehouse::Connector& connector, const Query& query,
                                              Day day, bool snapshot, Fingerprint& first,
                                              std::stop_token stop);

}  // namespace millrace::pipeline
