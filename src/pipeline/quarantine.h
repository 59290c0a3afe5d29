#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "engine/database.h"
#include "model/source.h"

/// Files of rejected rows: reason, detail, partly_loaded, original (the source row as JSON).
namespace millrace::pipeline {

/// COPY options of such a file. It says which columns its original rows have, so that they can be
/// mapped again without the warehouse.
std::string quarantine_format(const std::vector<Column>& source);

/// What the file says of that. Throws BadData `not_replayable` where it says nothing.
std::vector<Column> quarantined_columns(engine::Database& database, const std::string& file,
                                        std::stop_token stop);

/// Condition: the whole source row was rejected, and is here as it came. Texts that were not valid
/// UTF-8 are not; of a partly loaded row the good part is in the table already.
inline constexpr const char* kReplayable = "NOT partly_loaded AND reason <> 'bad_text'";

/// Those source rows, as they came.
engine::Relation quarantined_rows(const std::string& file, std::vector<Column> columns);

}  // namespace millrace::pipeline
