#pragma once

#include <stop_token>

#include "pipeline/load.h"

namespace millrace::pipeline {

/// Maps the rejected rows of the day's current version again, by the ingestion's definition of
/// today, without asking the warehouse. What fits is added in a new version of kind replay, which
/// keeps its parent's revision and fingerprint: the day stays as stale as it was. Partly loaded
/// rows and texts that were not valid UTF-8 stay in quarantine. Where nothing fits, nothing is
/// published: the outcome has no load, and the certificate that a version would have had. Throws
/// Misconfigured `nothing_to_replay`, `day_held`, `replay_needs_load` (a rule over the whole day),
/// BadData `not_replayable`, Conflict `replay_collides`; then the current version stays.
DayOutcome replay(House& house, const Ingestion& ingestion, Day day, const OnProgress& progress,
                  std::stop_token stop);

}  // namespace millrace::pipeline
