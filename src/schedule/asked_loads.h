#pragma once

#include <functional>
#include <stop_token>

#include "catalog/asked.h"
#include "pipeline/house.h"
#include "pipeline/load.h"

namespace millrace::schedule {

/// Loads the days that somebody asked for: calls before backfills, a backfill in pieces, so that a
/// call never waits for more than one. What was asked lies in the catalog: a process that dies
/// loses nothing, and the next one goes on.
class AskedLoads {
 public:
  using OnDay =
      std::function<void(const Ingestion&, const catalog::Asked&, const pipeline::DayOutcome&)>;
  AskedLoads(pipeline::House& house, OnDay done) : house_(house), done_(std::move(done)) {}

  bool any() { return !house_.catalog.asked(1).empty(); }
  /// Everything that may begin now, and what is asked meanwhile. When `drain` is requested, what
  /// has begun is finished and nothing else begun. Returns how many days there were.
  int run(std::stop_token drain);

 private:
  void load(const std::vector<catalog::Asked>& days);
  void end(const catalog::Asked& asked, const std::optional<Error>& error);

  pipeline::House& house_;
  OnDay done_;
};

}  // namespace millrace::schedule
