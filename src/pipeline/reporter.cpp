#include "pipeline/reporter.h"

#include <chrono>

#include "base/env.h"

namespace millrace::pipeline {

Reporter::Reporter(const DayOrder& order, std::optional<std::int64_t> total,
                   const arrow::Flow& flow, const engine::Database& database, const Tell& tell)
    : thread_([&, total](std::stop_token ended) {
        while (real_env().wait(std::chrono::milliseconds(250), ended)) {
          Progress progress{.load = order.load,
                            .day = order.day,
                            .stage = "read",
                            .rows = flow.rows,
                            .bytes = flow.bytes,
                            .rows_total = total};
          // Files are read by the engine itself, past the flow's counters.
          if (progress.rows == 0 && total) {
            progress.rows =
                static_cast<std::int64_t>(database.progress() * static_cast<double>(*total));
          }
          tell(progress);
        }
      }) {}

}  // namespace millrace::pipeline
