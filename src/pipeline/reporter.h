#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "arrow/flow.h"
#include "engine/database.h"
#include "model/work.h"

namespace millrace::pipeline {

using Tell = std::function<void(const Progress&)>;

/// Of `total` rows, so many were read. Files are read by the engine itself, past the flow's
/// counters.
std::int64_t rows_so_far(const arrow::Flow& flow, const engine::Database& database,
                         std::int64_t total);

/// Tells what has travelled, four times a second, while the engine pulls. All that it is given must
/// outlive it; `tell` is called from its thread.
class Reporter {
 public:
  Reporter(const DayOrder& order, std::optional<std::int64_t> total, const arrow::Flow& flow,
           const engine::Database& database, const Tell& tell);

 private:
  std::jthread thread_;
};

}  // namespace millrace::pipeline
