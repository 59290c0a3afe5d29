#pragma once

#include <functional>
#include <stop_token>

#include "catalog/asked.h"
#include "pipeline/house.h"
#include "pipeline/load.h"
#include "schedule/job.h"

namespace millrace::schedule {

/// Loads the days that somebody asked for, a backfill in pieces. What was asked lies in the
/// catalog: a process that dies loses nothing, and the next one goes on.
class AskedLoads {
 public:
  using OnDay =
      std::function<void(const Ingestion&, const catalog::Asked&, const pipeline::DayOutcome&)>;
  AskedLoads(pipeline::House& house, OnDay done, pipeline::OnProgress progress = {})
      : house_(house), done_(std::move(done)), progress_(std::move(progress)) {}

  /// The days of an ingestion in one run, as many as one piece has. When `drain` is requested, a
  /// call that has begun is finished, a backfill left for the next process. Returns how many days
  /// there were.
  int run(const Job& job, std::stop_token drain);

 private:
  void load(const Ingestion& ingestion, int reads, const std::vector<catalog::Asked>& days,
            std::stop_token drain);
  void end(const catalog::Asked& asked, const std::optional<Error>& error);

  pipeline::House& house_;
  OnDay done_;
  pipeline::OnProgress progress_;
};

}  // namespace millrace::schedule
