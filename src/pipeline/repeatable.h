#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "catalog/catalog.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

/// Asks a day's fingerprint again, by a second session that sees the same snapshot where there is
/// one; without one, both sessions in up to three attempts, because the day may be changing
/// meanwhile. Nothing when two answers agree; else a sentence for people that names the columns
/// which do not. `first` is the session's own answer, and afterwards its latest.
std::optional<std::string> why_not_repeatable(warehouse::Connector& connector, const Query& query,
                                              Day day, bool snapshot, Fingerprint& first,
                                              std::stop_token stop);

/// Whether a load had better ask: the query is new to the day, or was not repeatable when the day
/// was last looked at.
bool is_doubted(catalog::Catalog& catalog, const std::string& current, const std::string& revision,
                const std::optional<DayState>& state);

}  // namespace millrace::pipeline
