#pragma once

#include <cstdint>

#include "arrow/c_abi.h"

namespace millrace::arrow {

/// Bytes that the rows of an array hold: buffers of its own slice only, so that a producer which
/// slices one large allocation is not counted twice. Nested types count their children; a type
/// whose layout is not known counts as nothing.
std::int64_t bytes_in(const ArrowSchema& schema, const ArrowArray& array);

}  // namespace millrace::arrow
