#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "model/json.h"
#include "pipeline/load.h"

/// What became of the days of a load or a check, as people and scripts read it.
namespace millrace::cli {

json::Value outcome_json(const pipeline::DayOutcome& outcome);
/// On stderr, of a day that needs it: failed, held, or with a note; and what to do.
void tell_outcome(Terminal& terminal, const std::string& ingestion,
                  const pipeline::DayOutcome& outcome);

/// `compared`: false where `changed` says nothing.
json::Value check_json(const Terminal& terminal, const CheckResult& result);
/// Changed, answered by, rows then, rows now, note.
std::vector<std::string> check_cells(const Terminal& terminal, const CheckResult& result);

struct Totals {
  std::int64_t asked = 0;  ///< Days; those that nobody began are told apart.
  std::int64_t days = 0, empty = 0, held = 0, failed = 0, rows = 0, rejected = 0, output = 0;
  std::int64_t partly_loaded = 0;  ///< Source rows.

  void add(const pipeline::DayOutcome& outcome);
  ExitCode exit_code() const;
  /// "365 days loaded: 336,776 rows read, …; 2:05 min"
  std::string text(double seconds) const;
};

}  // namespace millrace::cli
