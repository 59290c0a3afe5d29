#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/day.h"
#include "model/ingestion.h"
#include "model/version.h"

namespace millrace::catalog {

/// A day of an ingestion that somebody asked to load, waiting for `serve` or being done by it. At
/// most one is open for each (ingestion, day): asking again joins it. But who calls for a day of a
/// backfill gets a run of its own, and the day leaves the backfill.
struct Asked {
  std::int64_t id = 0;
  std::string run, ingestion;
  Day day;
  std::string trigger;  ///< "api" | "backfill" | "manual"
  Instant asked_at;
  std::string published;  ///< The load of this run that published the day already; else empty.
};

/// The days of one ingestion in a run that was asked for, as far as they wait.
struct AskedRun {
  std::string run, ingestion;
  std::string connection, kind;  ///< Of the ingestion; empty once it is removed.
  std::string trigger;
};

/// What became of one day of a run; times are those of its steps.
struct RunDay {
  std::string run, ingestion, trigger;
  Dataset dataset = Dataset::Events;
  Day day;
  std::string load;  ///< Empty until one began, or when none could.
  std::optional<Instant> asked_at, started_at, ended_at;
  Attempt attempt = Attempt::None;
  std::string error_code, error_text, error_advice;
  std::string error_in_full;  ///< As Error::in_full.
  std::optional<Fault> error_fault;
  std::int64_t rows = 0, rejected = 0;  ///< Of the version it published.
};

/// A moment in the life of a load, newest first where several are listed.
struct Step {
  enum class What { Asked, Started, Ended };
  What what = What::Asked;
  Instant at;
  std::string ingestion;
  Dataset dataset = Dataset::Events;
  std::string source, kind;  ///< The ingestion's name and kind; empty once it is removed.
  Day day;
  std::string trigger;
  Attempt attempt = Attempt::None;  ///< Ended only, and the four below.
  std::string error_code, error_text;
  std::string note;
  std::int64_t rows = 0;
};

/// Steps of one kind.
struct StepKind {
  Step::What what = Step::What::Asked;
  std::string trigger;              ///< Asked: by whom.
  Attempt attempt = Attempt::None;  ///< Ended: how.
  /// Ended badly: with one of these codes, or, where `others` is set, with none of them.
  std::vector<std::string> codes = {};
  bool others = false;
};

/// Which steps a question is about; empty members mean all.
struct StepFilter {
  Interval at;
  std::optional<Dataset> dataset;
  std::string ingestion;
  std::vector<StepKind> kinds = {};
  std::int64_t limit = -1, skip = 0;  ///< -1: no limit.
};

}  // namespace millrace::catalog
