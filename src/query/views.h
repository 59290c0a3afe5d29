#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/version.h"
#include "store/delta.h"

namespace millrace::query {

/// What one view shows: a dataset's table as it stands now.
struct Table {
  Dataset dataset = Dataset::Events;
  std::vector<store::TableColumn> columns;
  std::vector<FileEntry> files;
  std::map<std::string, std::string> ingestions;                ///< id -> what people call it
  std::function<std::string(const std::string& path)> address;  ///< Of a file's path.
};

/// CREATE VIEW <dataset> with `day` and `ingestion` (its handle) first, then the table's columns,
/// then `_load` and `_ingestion` (its id). Columns that a file lacks are NULL; a table without
/// files has all its columns. Opens one file per set of columns, whatever their number: which
/// columns a file has is told by its statistics.
std::string view_sql(const Table& table);

/// True when the SQL may name the dataset's view. Never false for one that does.
bool mentions(const std::string& sql, Dataset dataset);

}  // namespace millrace::query
