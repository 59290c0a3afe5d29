#pragma once

#include <cstdint>

#include "arrow/stream.h"

namespace millrace::arrow {

/// The same rows in batches of about `bytes` at most; a row that is longer comes alone. Batches
/// share the memory of the one that they are cut from.
Stream in_batches(Stream inner, std::int64_t bytes);

}  // namespace millrace::arrow
