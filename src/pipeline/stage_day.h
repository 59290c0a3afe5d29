#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "model/work.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

inline constexpr std::string_view kNoDataYet = "no_data_yet";

using Tell = std::function<void(const Progress&)>;

/// The child's part of a day's journey: fingerprint, count, read, map, write, certify, seal. Leaves
/// in `order.staging` the data file, the quarantine file and, last, the manifest. `keep` false
/// (validate): seals nothing. However many rows are rejected, the day is sealed: whether that is
/// too many is for the parent to judge, who also decides whether a person may look at them. `tell`
/// is called from another thread too.
Manifest stage_day(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
                   bool keep, const Tell& tell, std::stop_token stop);

/// Of an engine that maps: twice this is what a load takes of the machine's memory. Loads at the
/// same time share it, down to the least with which ordinary rows are mapped.
inline constexpr std::int64_t kMemoryBytes = 300LL << 20, kMemoryBytesMin = 150LL << 20;
struct Budget {
  int threads = 0;  ///< 0: as many as cores.
  std::int64_t memory_bytes = kMemoryBytes;
  std::int64_t batch_bytes = 0;  ///< Of rows that are mapped at a time; 0: as they come.
};

/// An engine for mapping that may touch the staging folder (and spill there) and what the connector
/// reads. Without a folder it spills nowhere.
engine::Database mapping_engine(const Budget& budget, const std::string& staging,
                                warehouse::Connector& connector);

/// The day's change token, where the warehouse offers one.
std::optional<std::string> token_of(warehouse::Connector& connector, const Query& query, Day day,
                                    std::stop_token stop);

/// The day's rows, as the warehouse counts them now.
std::int64_t rows_of(warehouse::Connector& connector, const Query& query, Day day,
                     std::stop_token stop);

}  // namespace millrace::pipeline
