#pragma once

#include <stop_token>

#include "model/json.h"
#include "model/work.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

/// A few rows of an order's query as {"columns": [Column], "rows": [object], "notes": [text]}: as
/// they come, or, of an ingestion, mapped, with `problem` and the `original` row where one is not
/// loaded as mapped. Rules that need all rows of a day (duplicates) are left to `validate`.
json::Value sample_rows(const WorkOrder& work, warehouse::Connector& connector,
                        std::stop_token stop);

}  // namespace millrace::pipeline
