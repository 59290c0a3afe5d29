#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/command.h"
#include "definition/plan.h"
#include "model/json.h"

namespace millrace::cli {

/// What became of the stale days of one ingestion.
struct RebuiltDays {
  std::string name;
  std::size_t loaded = 0, held = 0, failed = 0;
  std::size_t asked = 0;  ///< For a caller: the service loads them as a backfill.
  std::string run;        ///< Of what is asked.

  bool is_well() const { return held + failed == 0; }
  json::Value as_json() const;
  std::string text() const;
};

/// `apply --rebuild`: loads stale days of everything that the files define again, all of them or
/// ("window") the last two weeks'. For a caller, who could not wait, they are asked for.
std::vector<RebuiltDays> rebuild(Context& context, const definition::Plan& done,
                                 const std::string& which);

}  // namespace millrace::cli
