#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/range_read.h"
#include "warehouse/connector.h"

namespace millrace::pipeline {

/// The rows of many days, read by one statement of the warehouse and laid down by day in a folder,
/// as they came. Each day is then mapped from there just as if it had been read alone.
class RangeSplit {
 public:
  /// `folder` is this object's own, and goes with it.
  RangeSplit(DayRange days, std::filesystem::path folder);
  ~RangeSplit();
  RangeSplit(const RangeSplit&) = delete;
  RangeSplit& operator=(const RangeSplit&) = delete;

  /// Reads them all, once: those of these days. See `read_range`.
  void read(const RangeSource& source, std::stop_token stop);

  /// The rows of one day, for an engine that may read `folder`.
  engine::Relation rows(Day day) const;
  /// Of days side by side; each row's place among them is a last column kDayNumber, which is not
  /// among the relation's columns.
  engine::Relation rows_of_days(DayRange days) const;
  /// The rows of days of one part lie in the same files.
  int part_of(Day day) const;
  /// Whether they were read.
  bool has_rows() const { return !source_.columns.empty(); }
  /// No day up to this one is asked for again: what only they needed is deleted, and with the last
  /// day the folder.
  void done(Day day);

  const std::filesystem::path& folder() const { return folder_; }
  /// What travelled; of files, which the engine reads itself, what was laid down.
  std::int64_t bytes_read() const { return bytes_read_; }
  /// Of a row that was read, on average.
  std::int64_t row_bytes() const { return row_bytes_; }

 private:
  /// Column `i` as it is laid down, and as it is given back.
  std::string laid_down(std::size_t i) const;
  std::string given_back(std::size_t i) const;
  std::filesystem::path part_folder(int part) const;

  DayRange days_;
  int days_a_part_;
  std::filesystem::path folder_;
  engine::Relation source_;
  std::vector<std::string> types_;  ///< The engine's, of its columns as they are laid down.
  std::int64_t bytes_read_ = 0, row_bytes_ = 0;
};

}  // namespace millrace::pipeline
