#include "pipeline/reporter.h"

#include <chrono>

#include "base/env.h"

namespace millrace::pipeline {

std::int64_t rows_so_far(const arrow::Flow& flow, const engine::Database& database,
                         std::int64_t total) {
  const std::int64_t rows = flow.rows;
  if (rows > 0 || total == 0) return rows;
  return static_cast<std::int64_t>(database.progress() * static_cast<double>(total));
}

Reporter::Reporter(const DayOrder& order, std::optional<std::int64_t> total,
                   const arrow::Flow& flow, const engine::Database& database, const Tell& tell)
    : thread_([&, total](std::stop_token ended) {
        while (real_env().wait(std::chrono::milliseconds(250), ended)) {
          Progress progress{.load = order.load,
                            .day = order.day,
                            .stage = "read",
                            .rows = rows_so_far(flow, database, total.value_or(0)),
                            .bytes = flow.bytes,
                            .rows_total = total};
          tell(progress);
        }
      }) {}

}  // namespace millrace::pipeline
