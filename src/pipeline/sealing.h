#pragma once

#include <deque>
#include <future>
#include <utility>

#include "model/work.h"
#include "pipeline/stage_range.h"

namespace millrace::pipeline {

/// Seals days beside those that follow, as sealing waits for the disk, which takes several at a
/// time for little more than one. Tells of each, in the order in which they came, from `add` and
/// `finish`. The days, and what is told, outlive it.
class Sealing {
 public:
  Sealing(const OnSealed& sealed, const OnFailed& failed) : sealed_(sealed), failed_(failed) {}

  void add(const DayOrder& day, Manifest manifest);
  /// Waits for all of them.
  void finish();

 private:
  void tell_oldest();

  const OnSealed& sealed_;
  const OnFailed& failed_;
  std::deque<std::pair<const DayOrder*, std::future<Manifest>>> under_way_;
};

}  // namespace millrace::pipeline
