#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "model/work.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

using Tell = std::function<void(const Progress&)>;

/// The child's part of a day's journey: fingerprint, count, read, map, write, certify, seal. Leaves
/// in `order.staging` the data file, the quarantine file and, last, the manifest. `keep` false
/// (validate): seals nothing. However many rows are rejected, the day is sealed: whether that is
/// too many is for the parent to judge, who also decides whether a person may look at them. `tell`
/// is called from another thread too.
Manifest stage_day(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
                   bool keep, const Tell& tell, std::stop_token stop);

/// An engine for mapping, in bounded memory, that may touch the staging folder and what the
/// connector reads.
engine::Database mapping_engine(const WorkOrder& work, const std::string& staging,
                                warehouse::Connector& connector);

/// The day's change token, where the warehouse offers one.
std::optional<std::string> token_of(warehouse::Connector& connector, const Query& query, Day day,
                                    std::stop_token stop);

}  // namespace millrace::pipeline
