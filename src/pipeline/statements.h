#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/house.h"

namespace millrace::pipeline {

/// What a warehouse still ran for loads that are over.
struct EndedStatements {
  std::int64_t ended = 0;
  std::vector<std::string> still;  ///< Its ids of those that would not end.
};

/// Asks the warehouse for statements that carry the tag of one of these loads, ends them, and looks
/// again until none is there.
EndedStatements end_statements(House& house, const Ingestion& ingestion,
                               const std::vector<std::string>& loads, std::stop_token stop);

/// Closes loads whose process is gone: what they staged is discarded, and what they left running at
/// the warehouse is ended; a warehouse that cannot be asked is only told in the log. Returns how
/// many there were.
std::size_t close_dead_loads(House& house, std::stop_token stop);

}  // namespace millrace::pipeline
