#pragma once

#include <string>
#include <vector>

#include "warehouse/delta/table_schema.h"
#include "warehouse/lake/place.h"

namespace millrace::warehouse::delta {

/// A condition on `file`, the JSON of a file as the protocol gives it: false only where its
/// partition or its statistics (least and greatest values, as Delta's protocol writes them) prove
/// that no row in it is of the days that are asked for. Empty where all files must be read: the
/// SQL groups or joins, selects its own rows by placeholders, or has no time.
std::string may_hold(const lake::Asked& asked, const std::vector<TableColumn>& columns);

}  // namespace millrace::warehouse::delta
