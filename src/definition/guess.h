#pragma once

#include <string>
#include <vector>

#include "model/ingestion.h"
#include "model/source.h"

namespace millrace::definition {

/// A mapping guessed from columns and a few rows (as text cells), by names and types; ready TOML
/// with a comment at each guess, and what it could not guess as a comment that says what to write.
std::string guess_mapping(const std::string& connection, const std::string& query, Dataset dataset,
                          const std::vector<Column>& columns,
                          const std::vector<std::vector<std::string>>& rows,
                          const Project& project);

}  // namespace millrace::definition
