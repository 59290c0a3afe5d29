#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/database.h"
#include "pipeline/stage_day.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

inline constexpr std::string_view kRangeTooLarge = "range_too_large";
inline constexpr std::string_view kInNoOrder = "rows_in_no_order";

/// What one reading of a range may take.
struct RangeBounds {
  Budget budget;
  std::int64_t row_bytes = 0;      ///< Of a row, about; 0: unknown.
  std::int64_t bytes_max = 0;      ///< Of rows that arrive, and of what is written; 0: any.
  std::vector<std::int64_t> rows;  ///< Of each day, as they were counted.

  std::int64_t rows_total() const;
};

/// Days side by side, as one statement of a warehouse gives them.
struct RangeSource {
  warehouse::Connector& connector;
  const Query& query;
  DayRange days;
  RangeBounds bounds;
  const DayOrder& first;  ///< Under whose name progress is told.
  const Tell& tell;
};

/// What is to be written of the rows that are read: options of COPY, PARTITION_BY among them.
struct RangeCopy {
  std::string select, options;
  /// Whether the parts are days: rows should come in the order of theirs, or each day's rows end
  /// up in many small pieces.
  bool by_day = false;
};
using CopyOf = std::function<RangeCopy(const engine::Relation& rows, engine::Database& engine)>;

struct RangeFiles {
  std::vector<engine::WrittenFile> files;
  std::int64_t bytes_read = 0;  ///< That travelled; of files, which the engine reads, as written.
};

/// Reads the rows of a range, once, and writes into `folder`/rows what `copy_of` says; each row's
/// day is a column kDayNumber, which is not among the relation's columns. Throws Unavailable
/// `range_too_large` when more arrives than bounds allow, and `rows_in_no_order` as soon as parts
/// that should be written one after the other are not.
RangeFiles read_range(const RangeSource& source, const std::filesystem::path& folder,
                      const CopyOf& copy_of, std::stop_token stop);

/// Days that may have been written when so many rows of them were read in the order of their days,
/// and some of other days among them. `rows`: of each day.
std::int64_t days_in_order(std::vector<std::int64_t> rows, std::int64_t rows_read);

/// The engine's setting for a COPY that writes many files: each thread collects so many bytes of
/// rows before it hands them over. `row_bytes`: of a row, about; 0: unknown.
std::string collected_by_threads(std::int64_t row_bytes);

}  // namespace millrace::pipeline
