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
