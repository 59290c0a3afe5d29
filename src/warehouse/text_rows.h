#pragma once

#include <functional>
#include <vector>

#include "arrow/stream.h"
#include "engine/database.h"

namespace millrace::warehouse {

/// Gives the next row's cells, valid until the following call; false after the last one. Throws.
using PullRow = std::function<bool(engine::Row&)>;

/// What Arrow calls a column that a stream of rows brings: Boolean "b", Integer "l", Double "g",
/// Date "tdD", times in microseconds, Binary "z", everything else text.
const char* arrow_format(ColumnType type);

/// Rows that a server sends as text in PostgreSQL's ISO forms, as Arrow batches of at most 4 MiB or
/// 65,536 rows, of the types that `arrow_format` says; bytes come in hexadecimal. Infinite times,
/// which Arrow cannot hold, become null. The stream owns `pull`.
arrow::Stream text_rows(std::vector<Column> columns, PullRow pull);

}  // namespace millrace::warehouse
