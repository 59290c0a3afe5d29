#pragma once

#include <functional>
#include <stop_token>

#include "catalog/asked.h"
#include "pipeline/house.h"
#include "pipeline/load.h"

namespace millrace::schedule {

/// Loads the days that somebody asked for: calls before backfills, a backfill in pieces. What was
/// asked lies in the catalog: a process that dies loses nothing, and the next one goes on.
class AskedLoads {
 public:
  using OnDay =
      std::function<void(const Ingestion&, const catalog::Asked&, const pipeline::DayOutcome&)>;
  AskedLoads(pipeline::House& house, catalog::WhichAsked which, OnDay done,
             pipeline::OnProgress progress = {})
      : house_(house), which_(which), done_(std::move(done)), progress_(std::move(progress)) {}

  bool any() { return !house_.catalog.asked(1, which_).empty(); }
  /// Everything that may begin now, and what is asked meanwhile. When `drain` is requested, a call
  /// that has begun is finished, a backfill left for the next process, and nothing else begun.
  /// Returns how many days there were.
  int run(std::stop_token drain);

 private:
  void load(const std::vector<catalog::Asked>& days, std::stop_token drain);
  void end(const catalog::Asked& asked, const std::optional<Error>& error);

  pipeline::House& house_;
  catalog::WhichAsked which_;
  OnDay done_;
  pipeline::OnProgress progress_;
};

}  // namespace millrace::schedule
