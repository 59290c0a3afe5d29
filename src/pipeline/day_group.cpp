#include "pipeline/day_group.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "pipeline/mapping.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;
using Days = std::span<const DayOrder>;

/// Files that are written at once.
constexpr std::size_t kDaysMax = 31;
/// Days that do not share their raw files are mapped together as long as they are smaller: with
/// more, what a statement costs by itself is little.
constexpr std::int64_t kRowsOfParts = 250'000, kBytesOfParts = 32 << 20;

/// A group's own.
fs::path folder_of(Days days, const RangeSplit& split) {
  return split.folder() / ("group-" + days.front().day.text());
}

std::vector<std::string> folders_of(Days days, const RangeSplit& split) {
  std::vector<std::string> folders = {split.folder().string()};
  for (const DayOrder& day : days) folders.push_back(day.staging);
  return folders;
}

}  // namespace

std::size_t DayGroup::length(Days days, std::span<const ReadBefore> read, const RangeSplit& split) {
  std::int64_t rows = read.front().rows;
  std::size_t length = 1;
  while (length < days.size() && length < kDaysMax) {
    rows += read[length].rows;
    const bool same_part = split.part_of(days[length].day) == split.part_of(days.front().day);
    const bool small = rows <= kRowsOfParts && rows * split.row_bytes() <= kBytesOfParts;
    if (!same_part && !small) break;
    ++length;
  }
  return length;
}

DayGroup::DayGroup(const WorkOrder& work, Days days, engine::Options needs, const RangeSplit& split,
                   const Budget& budget, std::stop_token stop)
    : days_{days.front().day, days.back().day},
      database_(mapping_engine(budget, folder_of(days, split) / "spill", std::move(needs),
                               {collected_by_threads(split.row_bytes())}, folders_of(days, split))),
      staged_(days.size()) {
  MappedDays mapped{days_.first, {}, std::string(warehouse::kDayNumber)};
  for (const DayOrder& day : days) mapped.loads.push_back(day.load);
  const MapSql map = map_sql(work.definition, split.rows_of_days(days_), mapped, work.unit_types);
  const fs::path folder = folder_of(days, split) / "mapped";
  fs::create_directories(folder);
  const auto files = database_.copy(
      map.select, folder,
      fmt::format("{}, PARTITION_BY ({})", staged_parquet(map, days.size()), mapped.number), stop);
  std::vector<std::string> paths;
  for (const engine::WrittenFile& file : files) {
    const std::string place = fs::path(file.path).parent_path().filename().string();
    const std::size_t i = std::stoul(place.substr(place.find('=') + 1));
    check(!staged_.at(i), "a day of a group has one file");
    staged_[i] = {file, {}};
    staged_[i]->written.path = (fs::path(days[i].staging) / kStagedFile).string();
    fs::rename(file.path, staged_[i]->written.path);
    paths.push_back(staged_[i]->written.path);
  }
  if (!map.in_place || paths.empty()) return;
  auto totals = totals_of(database_, paths, map.sums, stop);
  for (auto& day : staged_) {
    if (!day) continue;
    const auto found = totals.find(day->written.path);
    if (found != totals.end()) day->totals = std::move(found->second);
  }
}

const std::optional<StagedFile>& DayGroup::staged(Day day) const {
  return staged_.at(static_cast<std::size_t>(days_.place_of(day)));
}

}  // namespace millrace::pipeline
