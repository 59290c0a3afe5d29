#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arrow/stream.h"

namespace millrace::arrow {

/// A column as the consumer sees it: its name, and its type as the C data interface writes it.
struct IpcColumn {
  std::string name, format;
};

/// One whole Arrow IPC stream, and how many rows whoever sent it says that it holds.
struct IpcChunk {
  std::string bytes;
  std::int64_t rows = 0;
};
/// The next chunk; none after the last one. Throws.
using NextIpcChunk = std::function<std::optional<IpcChunk>()>;

/// The rows of all chunks as one stream of these columns, in this order. Nothing is converted: a
/// column must arrive in the memory layout of its format (64-bit integers for "tsu:UTC", bytes for
/// text), or as Arrow's null type, which holds nothing but nulls. Anything else, other numbers of
/// columns or rows, and bytes that are no Arrow stream are Unavailable `bad_answer`. One chunk is
/// in memory at a time. The stream owns `next`.
Stream ipc_rows(std::vector<IpcColumn> columns, NextIpcChunk next);

}  // namespace millrace::arrow
