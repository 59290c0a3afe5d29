#pragma once

#include <string>
#include <vector>

#include "pipeline/staged_select.h"

namespace millrace::pipeline {

/// One metric value a row.
MapSql map_long_metrics(StagedSelect& rows, const std::vector<std::string>& unit_types);
/// Several metrics and units a row: one table row for each pair that is there.
MapSql map_wide_metrics(StagedSelect& rows);

}  // namespace millrace::pipeline
