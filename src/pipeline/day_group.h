#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/day_writer.h"
#include "pipeline/range_read.h"
#include "pipeline/range_split.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {

/// Days of a range that one statement maps: a staged file for each. Then every day is finished by
/// itself, by the same engine, as if it had been mapped alone.
class DayGroup {
 public:
  /// Maps them as the warehouse gives them, in a folder of this object's own. Throws what a reading
  /// throws (`read_range`), and what mapping a day throws, without saying which day it was.
  DayGroup(const WorkOrder& work, std::span<const DayOrder> days, const RangeSource& source,
           const std::filesystem::path& folder, std::stop_token stop);
  /// Maps them from where they lie, because each has too few rows to be worth a statement. `needs`
  /// are the connector's. Several groups of one split may be made at the same time.
  DayGroup(const WorkOrder& work, std::span<const DayOrder> days, engine::Options needs,
           const RangeSplit& split, const Budget& budget, std::stop_token stop);

  /// May touch the folders of these days.
  engine::Database& database() { return database_; }
  /// What was mapped, for its columns: it may be gone.
  const engine::Relation& source() const { return source_; }
  /// The staged file in the folder of that day; none where the day has no rows.
  const std::optional<StagedFile>& staged(Day day) const;
  /// See RangeFiles; 0 where they lay here.
  std::int64_t bytes_read() const { return bytes_read_; }

  /// How many of the first days of `days` are worth mapping together; `rows` are theirs.
  static std::size_t length(std::span<const DayOrder> days, std::span<const ReadBefore> rows,
                            const RangeSplit& split);

 private:
  /// The files that were written by day become those of the days.
  void take(const std::vector<engine::WrittenFile>& files, std::span<const DayOrder> days,
            const MapSql& map, std::stop_token stop);
  /// One file of several.
  StagedFile joined(const std::vector<engine::WrittenFile>& pieces, const std::string& path,
                    const MapSql& map, std::stop_token stop);

  DayRange days_;
  engine::Database database_;
  engine::Relation source_;
  std::vector<std::optional<StagedFile>> staged_;
  std::int64_t bytes_read_ = 0;
};

}  // namespace millrace::pipeline
