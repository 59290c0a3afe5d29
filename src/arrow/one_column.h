#pragma once

#include <string>
#include <vector>

#include "arrow/stream.h"

namespace millrace::arrow {

/// What `in_one_column` calls its only column, and the fields in it: by their places, so that any
/// names will do, also the same one twice.
inline constexpr const char* kOneColumn = "fields";
std::string field_name(std::size_t place);

/// The names of a stream's columns. Throws what the stream failed with.
std::vector<std::string> column_names(Stream& stream);

/// The same rows, all columns as fields of one: a consumer that asks a stream for some columns
/// only, or for some rows, as DuckDB's scan does without listening to the answer, can then ask for
/// nothing less than everything. One more field, of Arrow's null type, ends the record: DuckDB
/// hands no condition to a stream on a column that holds a type it cannot compare there. Buffers
/// stay where they are.
Stream in_one_column(Stream inner);

}  // namespace millrace::arrow
