#pragma once

#include "model/ingestion.h"
#include "model/json.h"

namespace millrace::api {

/// Reads the contract's `column_mapping` over a mapping: what it does not name stays. Absent, null,
/// "null" and "" all mean "not mapped"; an unknown member is a 400.
void read_column_mapping(const json::Value& value, Dataset dataset, Mapping& mapping);

/// The same mapping in the contract's words; what they cannot say is left out.
json::Value column_mapping(const Mapping& mapping, Dataset dataset);

}  // namespace millrace::api
