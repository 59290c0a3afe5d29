#pragma once

#include <cstdint>

#include "arrow/c_abi.h"

namespace millrace::arrow {

/// How many different integers there are among some of a column's values, which lie at equal
/// distances: 0 for a column of another type. A look, not a count.
std::int64_t spread_of(const ArrowSchema& schema, const ArrowArray& column);

}  // namespace millrace::arrow
