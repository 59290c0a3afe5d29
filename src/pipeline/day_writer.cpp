#include "pipeline/day_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "pipeline/copies.h"
#include "pipeline/delta_stats.h"
#include "pipeline/misfits.h"
#include "pipeline/quarantine.h"
#include "store/store.h"

namespace millrace::pipeline {

namespace {

namespace fs = std::filesystem;
using engine::identifier;
using engine::literal;

/// Of a row group, and of those of all files that are written at once.
constexpr std::size_t kGroupBytes = 32 << 20, kGroupBytesMin = 4 << 20, kGroupBytesOfAll = 96 << 20;

/// Of zstd. Files of events are no larger by 2 than by the usual 3 (measured: 4 % smaller to 0.4 %
/// larger), and take 5 to 29 % less CPU to write. What is staged and read once more, 1.
constexpr int kStoredLevel = 2, kStagedLevel = 1;

/// Row groups are bounded in bytes as well as in rows, so that wide and long rows fit a load's
/// memory. So are dictionaries: names and the like have few values; ids and long texts only fill
/// one in vain.
std::string parquet_options(int level, std::size_t files) {
  return fmt::format(
      "COMPRESSION zstd, COMPRESSION_LEVEL {}, ROW_GROUP_SIZE 122880, ROW_GROUP_SIZE_BYTES {}, "
      "DICTIONARY_SIZE_LIMIT 8192, STRING_DICTIONARY_PAGE_SIZE_LIMIT 1000000",
      level, std::clamp(kGroupBytesOfAll / files, kGroupBytesMin, kGroupBytes));
}

std::int64_t number(const engine::Cell& cell) { return cell ? std::stoll(std::string(*cell)) : 0; }

/// 'a', 'b'
std::string literals(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + literal(text);
  return list;
}

std::string sums(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) list += fmt::format(", sum({})", identifier(column));
  return list;
}

/// The row's cells from `first` on, where there is a sum.
std::vector<std::pair<std::string, std::string>> named_sums(const std::vector<std::string>& columns,
                                                            const engine::Row& row,
                                                            std::size_t first) {
  std::vector<std::pair<std::string, std::string>> named;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (row[first + i]) named.emplace_back(columns[i], *row[first + i]);
  }
  return named;
}

class DayWriter {
 public:
  DayWriter(engine::Database& database, const MapSql& map, const WorkOrder& work,
            const fs::path& folder, Manifest& manifest, std::stop_token stop)
      : database_(database),
        map_(map),
        work_(work),
        manifest_(manifest),
        proof_(manifest.certificate),
        stop_(stop),
        staged_(folder / kStagedFile),
        data_(folder / (manifest.load + "-0.parquet")),
        rejects_(folder / "quarantine.parquet") {}

  std::optional<StagedFile> stage() {
    auto written = only(database_.copy(map_.select, staged_, staged_parquet(map_), stop_));
    if (!written) return {};
    return StagedFile{std::move(*written), {}};
  }

  void finish(const std::optional<StagedFile>& staged) {
    if (!staged) {
      fs::remove(staged_);
    } else if (map_.in_place && all_good(staged->written)) {
      fs::rename(staged_, data_);
      proof_.read = proof_.loaded = staged->written.rows;
      take(staged->written);
      sum_up(staged->totals);
    } else {
      second_pass();
      sum_up({});
    }
  }

 private:
  /// None where it has no rows.
  static std::optional<engine::WrittenFile> only(std::vector<engine::WrittenFile> files) {
    if (files.empty() || files[0].rows == 0) return {};
    return std::move(files[0]);
  }

  static bool all_good(const engine::WrittenFile& file) {
    return std::all_of(file.columns.begin(), file.columns.end(), [&](const auto& column) {
      const bool verdict = column.column == "_reject" || column.column == "_exclude";
      return !verdict || column.nulls == file.rows;
    });
  }

  /// The data file becomes part of the manifest; one without rows is nobody's.
  void take(const std::optional<engine::WrittenFile>& written) {
    if (!written) {
      fs::remove(data_);
      return;
    }
    FileEntry file;
    file.path = store::Layout{}.data_file(work_.ingestion, manifest_.day, manifest_.load, 0);
    file.bytes = static_cast<std::int64_t>(fs::file_size(data_));
    file.rows = written->rows;
    file.revision = manifest_.revision;
    file.stats = delta_stats(*written, map_);
    manifest_.files = {std::move(file)};
    proof_.output_rows = written->rows;
  }

  /// Rules that need all rows of the day; then good rows here, bad ones there.
  void second_pass() {
    // Rows get a number, so that a rule can name one of several equal ones.
    database_.execute(
        fmt::format("CREATE OR REPLACE TEMP VIEW staged AS SELECT *{}, file_row_number AS _row "
                    "FROM read_parquet({}, file_row_number = true)",
                    map_.has_partly
                        ? ""
                        : ", CAST(NULL AS VARCHAR) AS _partly, CAST(NULL AS VARCHAR) AS _detail",
                    literal(staged_.string())),
        stop_);
    Copies copies(database_, map_, stop_);
    copies.find();
    database_.execute("CREATE OR REPLACE TEMP VIEW ruled AS " + copies.ruled(), stop_);
    count();
    if (proof_.loaded < proof_.read) {
      if (work_.verb != Verb::Replay) refuse_misfits(database_, map_, work_, manifest_, stop_);
      manifest_.note = outside_note(database_, map_, work_, manifest_, "rows", stop_);
    }
    take(only(database_.copy(copies.outputs(), data_, stored_parquet(), stop_)));
    quarantine();
    fs::remove(staged_);
  }

  void count() {
    database_.each(
        "SELECT _exclude, _reject, _partly, count(*) FROM ruled GROUP BY ALL",
        [&](const engine::Row& row) {
          const std::int64_t rows = number(row[3]);
          proof_.read += rows;
          if (row[0]) {
            proof_.excluded += rows;
            proof_.excluded_by_rule[std::string(*row[0])] += rows;
          } else if (row[1]) {
            proof_.rejected += rows;
            proof_.rejected_by_reason[std::string(*row[1])] += rows;
          } else if (row[2]) {
            proof_.partly_loaded += rows;
            proof_.partly_by_reason[std::string(*row[2])] += rows;
          } else {
            proof_.loaded += rows;
          }
        },
        stop_);
  }

  void quarantine() {
    if (proof_.rejected + proof_.partly_loaded == 0) return;
    database_.copy(fmt::format("SELECT coalesce(_reject, _partly) AS reason, _detail AS detail, "
                               "_reject IS NULL AS partly_loaded, {} AS original FROM ruled "
                               "WHERE _exclude IS NULL AND coalesce(_reject, _partly) IS NOT NULL",
                               map_.original),
                   rejects_, quarantine_format(map_.source), stop_);
    manifest_.quarantine = rejects_.filename().string();
  }

  /// What anyone can recompute, taken from the file itself.
  void sum_up(std::optional<Totals> totals) {
    if (manifest_.files.empty()) return;
    if (!totals) totals = totals_of(database_, {data_.string()}, map_.sums, stop_)[data_.string()];
    millrace::check(totals->rows == proof_.output_rows, "the file holds what was written");
    proof_.sums = std::move(totals->sums);
    if (work_.definition.dataset != Dataset::Metrics) return;
    database_.each(
        fmt::format("SELECT DISTINCT metric_name, unit_type FROM {} ORDER BY ALL",
                    parquet({data_.string()})),
        [&](const engine::Row& row) {
          manifest_.delivers.emplace_back(row[0].value(), row[1].value());
        },
        stop_);
  }

  engine::Database& database_;
  const MapSql& map_;
  const WorkOrder& work_;
  Manifest& manifest_;
  Certificate& proof_;
  std::stop_token stop_;
  fs::path staged_, data_, rejects_;
};

}  // namespace

std::string parquet(const std::vector<std::string>& files) {
  return fmt::format("read_parquet([{}], union_by_name = true, hive_partitioning = false)",
                     literals(files));
}

std::map<std::string, Totals> totals_of(engine::Database& database,
                                        const std::vector<std::string>& files,
                                        const std::vector<std::string>& columns,
                                        std::stop_token stop) {
  std::map<std::string, Totals> totals;
  database.each(
      fmt::format(
          "SELECT filename, count(*){} FROM read_parquet([{}], filename = true) GROUP BY ALL",
          sums(columns), literals(files)),
      [&](const engine::Row& row) {
        Totals& of_file = totals[std::string(row[0].value())];
        of_file.rows = number(row[1]);
        of_file.sums = named_sums(columns, row, 2);
      },
      stop);
  return totals;
}

std::vector<std::pair<std::string, std::string>> sums_of(engine::Database& database,
                                                         const std::vector<std::string>& files,
                                                         const std::vector<std::string>& columns,
                                                         std::stop_token stop) {
  std::vector<std::pair<std::string, std::string>> all;
  if (files.empty() || columns.empty()) return all;
  database.each(
      fmt::format("SELECT count(*){} FROM {}", sums(columns), parquet(files)),
      [&](const engine::Row& row) { all = named_sums(columns, row, 1); }, stop);
  return all;
}

void write_day(engine::Database& database, const MapSql& map, const WorkOrder& work,
               const fs::path& folder, Manifest& manifest, std::stop_token stop) {
  DayWriter day(database, map, work, folder, manifest, stop);
  day.finish(day.stage());
}

void finish_day(engine::Database& database, const MapSql& map, const WorkOrder& work,
                const fs::path& folder, const std::optional<StagedFile>& staged, Manifest& manifest,
                std::stop_token stop) {
  DayWriter(database, map, work, folder, manifest, stop).finish(staged);
}

std::string stored_parquet(std::size_t files) { return parquet_options(kStoredLevel, files); }

std::string staged_parquet(const MapSql& map, std::size_t files) {
  return parquet_options(map.in_place ? kStoredLevel : kStagedLevel, files);
}

}  // namespace millrace::pipeline
