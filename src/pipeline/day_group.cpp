#include "pipeline/day_group.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>

#include "pipeline/mapping.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;
using Days = std::span<const DayOrder>;

/// Files that are written at once; and where rows come in the order of their days.
constexpr std::size_t kDaysMax = 31, kFilesAtOnce = 8;
/// Days that do not share their raw files are mapped together as long as they are smaller: with
/// more, what a statement costs by itself is little.
constexpr std::int64_t kRowsOfParts = 250'000, kBytesOfParts = 32 << 20;

/// A group's own.
fs::path folder_of(Days days, const RangeSplit& split) {
  return split.folder() / ("group-" + days.front().day.text());
}

std::vector<std::string> folders_of(Days days, const fs::path& folder) {
  std::vector<std::string> folders = {folder.string()};
  for (const DayOrder& day : days) folders.push_back(day.staging);
  return folders;
}

MappedDays mapped_days(Days days) {
  MappedDays mapped{days.front().day, {}, std::string(warehouse::kDayNumber)};
  for (const DayOrder& day : days) mapped.loads.push_back(day.load);
  return mapped;
}

/// Options of a COPY to a file a day, so many of which grow at the same time.
std::string by_day(const MapSql& map, std::size_t files) {
  return fmt::format("{}, PARTITION_BY ({})", staged_parquet(map, files), warehouse::kDayNumber);
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

DayGroup::DayGroup(const WorkOrder& work, Days days, const RangeSource& source,
                   const fs::path& folder, std::stop_token stop)
    : days_(source.days),
      database_(mapping_engine(source.bounds.budget, folder / "spill",
                               source.connector.engine_needs(), {}, folders_of(days, folder))),
      staged_(days.size()) {
  MapSql map;
  const auto map_them = [&](const engine::Relation& rows, engine::Database&) {
    source_ = rows;
    map = map_sql(work.definition, rows, mapped_days(days), work.unit_types);
    return RangeCopy{map.select, by_day(map, kFilesAtOnce), true};
  };
  const RangeFiles read = read_range(source, folder, map_them, stop);
  bytes_read_ = read.bytes_read;
  take(read.files, days, map, std::move(stop));
}

DayGroup::DayGroup(const WorkOrder& work, Days days, engine::Options needs, const RangeSplit& split,
                   const Budget& budget, std::stop_token stop)
    : days_{days.front().day, days.back().day},
      database_(mapping_engine(budget, folder_of(days, split) / "spill", std::move(needs),
                               {collected_by_threads(split.row_bytes())},
                               folders_of(days, split.folder()))),
      source_(split.rows_of_days(days_)),
      staged_(days.size()) {
  const MapSql map = map_sql(work.definition, source_, mapped_days(days), work.unit_types);
  const fs::path folder = folder_of(days, split) / "mapped";
  fs::create_directories(folder);
  take(database_.copy(map.select, folder, by_day(map, days.size()), stop), days, map, stop);
}

void DayGroup::take(const std::vector<engine::WrittenFile>& files, Days days, const MapSql& map,
                    std::stop_token stop) {
  std::map<std::size_t, std::vector<engine::WrittenFile>> of_day;
  for (const engine::WrittenFile& file : files) {
    const std::string place = fs::path(file.path).parent_path().filename().string();
    of_day[std::stoul(place.substr(place.find('=') + 1))].push_back(file);
  }
  std::vector<std::string> paths;
  for (const auto& [i, pieces] : of_day) {
    const std::string path = (fs::path(days[i].staging) / kStagedFile).string();
    if (pieces.size() > 1) {
      staged_.at(i) = joined(pieces, path, map, stop);
    } else {
      staged_.at(i) = {pieces.front(), {}};
      staged_[i]->written.path = path;
      fs::rename(pieces.front().path, path);
    }
    paths.push_back(path);
  }
  if (!map.in_place || paths.empty()) return;
  auto totals = totals_of(database_, paths, map.sums, stop);
  for (auto& day : staged_) {
    if (!day) continue;
    const auto found = totals.find(day->written.path);
    if (found != totals.end()) day->totals = std::move(found->second);
  }
}

StagedFile DayGroup::joined(const std::vector<engine::WrittenFile>& pieces, const std::string& path,
                            const MapSql& map, std::stop_token stop) {
  std::vector<std::string> paths;
  for (const engine::WrittenFile& piece : pieces) paths.push_back(piece.path);
  const auto files =
      database_.copy("SELECT * FROM " + parquet(paths), path, staged_parquet(map), std::move(stop));
  for (const std::string& piece : paths) fs::remove(piece);
  return {files.at(0), {}};
}

const std::optional<StagedFile>& DayGroup::staged(Day day) const {
  return staged_.at(static_cast<std::size_t>(days_.place_of(day)));
}

}  // namespace millrace::pipeline
