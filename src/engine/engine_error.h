#pragma once

#include <duckdb.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace millrace::engine {

/// The engine's error as one of ours: who must act is what differs, and what he can do is said. Of
/// a CSV file it names file and line; the line itself, and the engine's tips, by some of which rows
/// are dropped silently, are left out. What may be the value of a row stands in its `in_full`
/// alone; `sql` is the statement, whose own line may be quoted, by its number from where
/// kOurComment ends. Private to this folder.
Error engine_error(const std::string& words, duckdb_error_type type, const std::string& sql);

/// The type that a text names first, for errors that arrive without one.
duckdb_error_type type_of(std::string_view text);

}  // namespace millrace::engine
