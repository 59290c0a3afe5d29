#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "engine/database.h"
#include "model/work.h"
#include "pipeline/mapping.h"

namespace millrace::pipeline {

/// Runs the mapping into `folder`: one COPY where every row is good and becomes one table row, a
/// second pass over the staged file otherwise. Fills the manifest's files, quarantine, note and
/// what it delivers, and the certificate's counts and sums. Throws BadData `cast_failed` or
/// Misconfigured `timestamp_unit` where the mapping fits no row at all.
void write_day(engine::Database& database, const MapSql& map, const WorkOrder& work,
               const std::filesystem::path& folder, Manifest& manifest, std::stop_token stop);

}  // namespace millrace::pipeline
