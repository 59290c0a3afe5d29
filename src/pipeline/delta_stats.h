#pragma once

#include <string>

#include "engine/database.h"
#include "pipeline/mapping.h"

namespace millrace::pipeline {

/// A data file's statistics as Delta writes them (JSON text): rows, nulls of every output, and the
/// lowest and highest name, time and number. Readers skip files by them, so they must never claim
/// less than is there: times are widened to whole milliseconds, long texts left out.
std::string delta_stats(const engine::WrittenFile& file, const MapSql& map);

}  // namespace millrace::pipeline
