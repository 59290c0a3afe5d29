#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

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

/// What a file says when it is read.
struct Totals {
  std::int64_t rows = 0;
  std::vector<std::pair<std::string, std::string>> sums;  ///< See `sums_of`.
};

/// The file of the first pass in the day's folder: kStagedFile, with `staged_parquet` for options.
struct StagedFile {
  engine::WrittenFile written;
  std::optional<Totals> totals;  ///< Where it has been read already.
};

/// The same where the first pass is done already. `staged`: none where the day has no rows.
void finish_day(engine::Database& database, const MapSql& map, const WorkOrder& work,
                const std::filesystem::path& folder, const std::optional<StagedFile>& staged,
                Manifest& manifest, std::stop_token stop);

inline constexpr const char* kStagedFile = "staged.parquet";

/// COPY options of a file that stays. `files`: so many are written at once, and share the memory.
std::string stored_parquet(std::size_t files = 1);
/// Those of staged rows, which are what stays or are read once and deleted.
std::string staged_parquet(const MapSql& map, std::size_t files = 1);

/// `read_parquet(['a', 'b'])`
std::string parquet(const std::vector<std::string>& files);

/// Of each file that has rows: how many, and the sum of each numeric column as certificates hold
/// it, columns without a value left out. By path.
std::map<std::string, Totals> totals_of(engine::Database& database,
                                        const std::vector<std::string>& files,
                                        const std::vector<std::string>& columns,
                                        std::stop_token stop);

/// The sums of all files together.
std::vector<std::pair<std::string, std::string>> sums_of(engine::Database& database,
                                                         const std::vector<std::string>& files,
                                                         const std::vector<std::string>& columns,
                                                         std::stop_token stop);

}  // namespace millrace::pipeline
