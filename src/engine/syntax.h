#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::engine {

/// A file or glob that a SELECT names, and where it does: bytes [at, at + size) of its text are the
/// quoted path.
struct FileRead {
  std::string path;
  std::size_t at = 0, size = 0;
  bool is_table = false;  ///< It stands where a table does, not as the argument of a function.
};

/// Every file that a SELECT reads, in the order of its text: FROM 'a.csv', read_parquet('b/*') and
/// its siblings. Throws Misconfigured `sql_error` where it does not parse, and `path_not_text`
/// where a path is computed, so that the list is complete.
std::vector<FileRead> file_reads(const std::string& select);

/// True when a condition on this column of the result may as well be put to the rows of the only
/// file or table that the SELECT reads: it passes that table's column of the same name on as it is,
/// row by row. False where that is not sure.
bool passes_rows_by(const std::string& select, const std::string& column);

}  // namespace millrace::engine
