#pragma once

#include <functional>
#include <vector>

#include "arrow/stream.h"
#include "engine/database.h"

namespace millrace::warehouse {

/// Gives the next row's cells, valid until the following call; false after the last one. Throws.
using PullRow = std::function<bool(engine::Row&)>;

/// Rows that a server sends as text in PostgreSQL's ISO forms, as typed Arrow batches of at most
/// 4 MiB or 65,536 rows: Boolean bool, Integer int64, Double double, Date date32, Timestamp and
/// TimestampTz microseconds, Binary bytes (from hexadecimal), everything else text. Infinite times,
/// which Arrow cannot hold, become null. The stream owns `pull`.
arrow::Stream text_rows(std::vector<Column> columns, PullRow pull);

}  // namespace millrace::warehouse
