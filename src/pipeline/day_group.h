#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "pipeline/day_writer.h"
#include "pipeline/range_split.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {

/// Days of a range that one statement maps, because each has too few rows to be worth one: a
/// staged file for each. Then every day is finished by itself, by the same engine, as if it had
/// been mapped alone.
class DayGroup {
 public:
  /// Maps them, side by side. `needs` are the connector's. Throws what a day alone throws, without
  /// saying which day it was. Several groups of one split may be made at the same time.
  DayGroup(const WorkOrder& work, std::span<const DayOrder> days, engine::Options needs,
           const RangeSplit& split, const Budget& budget, std::stop_token stop);

  /// May touch the folders of these days.
  engine::Database& database() { return database_; }
  /// The staged file in the folder of that day; none where the day has no rows.
  const std::optional<StagedFile>& staged(Day day) const;

  /// How many of the first days of `days` are worth mapping together; `rows` are theirs.
  static std::size_t length(std::span<const DayOrder> days, std::span<const ReadBefore> rows,
                            const RangeSplit& split);

 private:
  DayRange days_;
  engine::Database database_;
  std::vector<std::optional<StagedFile>> staged_;
};

}  // namespace millrace::pipeline
