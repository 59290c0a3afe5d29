#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "model/work.h"
#include "pipeline/reporter.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

inline constexpr std::string_view kNoDataYet = "no_data_yet";

class DayGroup;
class RangeSplit;

/// What is known of a day that was looked at and read together with others.
struct ReadBefore {
  RangeSplit* split = nullptr;  ///< Has its rows, unless they were mapped as they came.
  DayGroup* group = nullptr;    ///< Has mapped it; may be missing.
  bool snapshot = false;
  std::string counted_by;
  std::optional<std::string> token;
  std::int64_t rows = 0, rows_of_all = 0;       ///< Of this day, and of those read with it.
  std::optional<Fingerprint> before, after;     ///< None where fingerprints are off; `after`, too,
                                                ///< where one snapshot saw it all.
  std::string not_repeatable;                   ///< Why; empty where it is, or was not asked.
  std::map<std::string, std::int64_t> took_ms;  ///< This day's share of it.
};

/// The child's part of a day's journey: fingerprint, count, read, map, write, certify. Leaves in
/// `order.staging` the data file and the quarantine file, to be sealed; `keep` false (validate):
/// they are not. However many rows are rejected: whether that is too many is for the parent to
/// judge, who also decides whether a person may look at them. `tell` is called from another thread
/// too.
Manifest stage_day(const WorkOrder& work, const DayOrder& order, warehouse::Connector& connector,
                   bool keep, const Tell& tell, std::stop_token stop,
                   const ReadBefore* read = nullptr);
/// The last part: makes what stage_day left durable, then puts the manifest beside it.
Manifest seal_day(const DayOrder& order, Manifest manifest);

/// Of an engine that maps: twice this is what a load takes of the machine's memory. Loads at the
/// same time share it, down to the least with which ordinary rows are mapped.
inline constexpr std::int64_t kMemoryBytes = 300LL << 20, kMemoryBytesMin = 150LL << 20;
struct Budget {
  int threads = 0;  ///< 0: as many as cores.
  std::int64_t memory_bytes = kMemoryBytes;
  std::int64_t batch_bytes = 0;  ///< Of rows that are mapped at a time; 0: as they come.
};

/// As many as cores where it does not say.
int threads_of(const Budget& budget);
/// Those who work at the same time take together what one takes alone, as far as rows allow: the
/// part of one among so many.
Budget part_among(int many, const Budget& whole = {});

/// An engine for mapping that may touch `folders` and what a connector says it needs, and spills
/// into `spill`; nowhere where that is empty. `setup` runs before the engine is locked.
engine::Database mapping_engine(const Budget& budget, const std::filesystem::path& spill,
                                engine::Options needs, const std::vector<std::string>& setup = {},
                                const std::vector<std::string>& folders = {});

/// Does the work; returns how long it took.
template <typename Work>
std::int64_t took_ms(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  const auto took = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
}

/// A failure of the engine while it read the source: what the source's stream said of it says more.
Error read_failed(const Error& error, const arrow::Flow& flow);

/// The day's change token, where the warehouse offers one.
std::optional<std::string> token_of(warehouse::Connector& connector, const Query& query, Day day,
                                    std::stop_token stop);

/// The day's rows, as the warehouse counts them now.
std::int64_t rows_of(warehouse::Connector& connector, const Query& query, Day day,
                     std::stop_token stop);

}  // namespace millrace::pipeline
