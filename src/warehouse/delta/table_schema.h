#pragma once

#include <string>
#include <vector>

#include "model/json.h"

namespace millrace::warehouse::delta {

/// A column of a Delta table, as the engine calls its type: "DECIMAL(12,2)", "STRUCT(a BIGINT)".
struct TableColumn {
  std::string name, type;
  bool is_partition = false;  ///< Its values stand beside a file, not in it.
};

/// The columns of the table that a "metaData" line describes, by its schemaString (the schema of
/// Delta's protocol). Those of a type that is not known here are left out. Throws Misconfigured
/// `unreadable_table` where its files cannot be read as they are.
std::vector<TableColumn> table_columns(const json::Value& metadata);

}  // namespace millrace::warehouse::delta
