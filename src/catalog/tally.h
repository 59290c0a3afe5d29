#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/ingestion.h"
#include "model/version.h"

namespace millrace::catalog {

/// How much of everything there is, at one moment; for those who watch a service.
struct Tally {
  struct Published {
    std::int64_t loads = 0, rows = 0;  ///< As billed: a reload counts again.
    Instant last_at;
  };
  std::map<std::string, std::int64_t> days;  ///< By `status_of`.
  std::map<Dataset, Published> published;
  std::int64_t open_loads = 0;
  std::int64_t asked = 0;  ///< Days that somebody asked for and that are not done.
  std::int64_t owed = 0;   ///< Intents: records and Delta commits that follow a publish.
};

}  // namespace millrace::catalog
