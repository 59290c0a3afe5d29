#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "cli/terminal.h"
#include "model/work.h"

namespace millrace::cli {

/// How far a command is, from its first second on: a bar on stderr where that is a terminal, JSON
/// lines with `--json --progress`, else nothing. A thread of its own draws it, so that the clock
/// runs while a warehouse thinks.
class ProgressBar {
 public:
  /// `days_total` 0: there are no days to count, only time (and `at_part`).
  ProgressBar(Terminal& terminal, std::string title, std::int64_t days_total = 0);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void day_done();
  /// Counters of one load so far.
  void at(const Progress& progress);
  /// Asked for the part that is done, 0 to 1, at each drawing; from the drawing thread.
  void ask_part(std::function<double()> part);

 private:
  struct Seen {
    std::string day, stage;
    std::int64_t rows = 0, bytes = 0;
    std::int64_t rows_total = 0;
  };
  struct State {
    std::int64_t days_done = 0, rows = 0, bytes = 0, rows_total = 0;
    std::string day, stage;
    double seconds = 0, part = 0;
  };
  State state();
  void show(const State& state);
  std::string line(const State& now) const;
  /// What stands behind the bar.
  std::string details(const State& now, bool bytes, bool speed) const;

  Terminal& terminal_;
  const std::string title_;
  const std::int64_t days_total_;
  const std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;
  std::int64_t days_done_ = 0;
  std::map<std::string, Seen> seen_;  ///< By load.
  std::string latest_;
  std::function<double()> part_;
  std::jthread thread_;
};

}  // namespace millrace::cli
