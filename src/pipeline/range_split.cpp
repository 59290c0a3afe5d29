#include "pipeline/range_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/day_writer.h"
#include "pipeline/source_columns.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;
using engine::identifier;
using engine::literal;

/// Files that are written at the same time: each takes memory, and each day's rows are looked for
/// in one of them.
constexpr int kPartsMax = 31;
constexpr const char* kPart = "_millrace_part";
/// Read once and deleted: quick to write rather than small.
constexpr const char* kRaw =
    "COMPRESSION lz4, ROW_GROUP_SIZE_BYTES '16MB', DICTIONARY_SIZE_LIMIT 1";

}  // namespace

RangeSplit::RangeSplit(DayRange days, fs::path folder)
    : days_(days),
      days_a_part_((days.size() + kPartsMax - 1) / kPartsMax),
      folder_(std::move(folder)) {}

RangeSplit::~RangeSplit() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

int RangeSplit::part_of(Day day) const { return days_.place_of(day) / days_a_part_; }

fs::path RangeSplit::part_folder(int part) const {
  return folder_ / "rows" / fmt::format("{}={}", kPart, part);
}

std::string RangeSplit::laid_down(std::size_t i) const {
  const std::string name = fmt::format("_c{}", i);
  // Text that may not be UTF-8 has no place in Parquet; its bytes have.
  if (source_.texts == engine::Texts::Unchecked && is_text(source_.columns[i].type)) {
    return "encode(" + name + ")";
  }
  return is_huge(source_.columns[i]) ? "CAST(" + name + " AS VARCHAR)" : name;
}

std::string RangeSplit::given_back(std::size_t i) const {
  const Column& column = source_.columns[i];
  const std::string name = fmt::format("_c{}", i);
  return is_huge(column) ? fmt::format("CAST({} AS {})", name, column.vendor_type) : name;
}

void RangeSplit::read(const RangeSource& source, std::stop_token stop) {
  const auto lay_down = [&](const engine::Relation& given, engine::Database& database) {
    source_ = given;
    // Names of the query may differ in case alone, which files do not allow.
    std::string names, columns;
    for (std::size_t i = 0; i < source_.columns.size(); ++i) {
      names += fmt::format("_c{}, ", i);
      columns += fmt::format("{} AS _c{}, ", laid_down(i), i);
    }
    const std::string rows =
        fmt::format("SELECT {0}{1}, {1} // {2} AS {3} FROM ({4}\n) AS source({5}{1})", columns,
                    warehouse::kDayNumber, days_a_part_, kPart, source_.sql, names);
    types_.clear();
    for (const Column& column : database.describe(rows)) types_.push_back(column.vendor_type);
    return RangeCopy{rows, fmt::format("{}, PARTITION_BY ({})", kRaw, kPart)};
  };
  bytes_read_ = read_range(source, folder_, lay_down, std::move(stop)).bytes_read;
  row_bytes_ = bytes_read_ / std::max<std::int64_t>(source.bounds.rows_total(), 1);
}

engine::Relation RangeSplit::rows(Day day) const {
  engine::Relation rows = rows_of_days({day, day});
  rows.sql = fmt::format("SELECT * EXCLUDE ({}) FROM ({})", warehouse::kDayNumber, rows.sql);
  return rows;
}

engine::Relation RangeSplit::rows_of_days(DayRange days) const {
  std::vector<std::string> files;
  for (int part = part_of(days.first); part <= part_of(days.last); ++part) {
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(part_folder(part), missing)) {
      files.push_back(entry.path().string());
    }
  }
  std::string nulls, list;
  for (std::size_t i = 0; i < source_.columns.size(); ++i) {
    nulls += fmt::format("CAST(NULL AS {}) AS _c{}, ", types_.at(i), i);
    list += fmt::format("{} AS {}, ", given_back(i), identifier(source_.columns[i].name));
  }
  const std::string raw = files.empty()
                              ? fmt::format("(SELECT {}-1 AS {})", nulls, warehouse::kDayNumber)
                              : parquet(files);
  const bool checked = source_.texts == engine::Texts::Checked;
  return {fmt::format("SELECT {0}{1} - {3} AS {1} FROM {2} WHERE {1} BETWEEN {3} AND {4}", list,
                      warehouse::kDayNumber, raw, days_.place_of(days.first),
                      days_.place_of(days.last)),
          source_.columns, checked ? engine::Texts::Checked : engine::Texts::Bytes};
}

void RangeSplit::done(Day day) {
  std::error_code ignored;
  if (day == days_.last) {
    fs::remove_all(folder_, ignored);
  } else if (part_of(day.plus(1)) != part_of(day)) {
    fs::remove_all(part_folder(part_of(day)), ignored);
  }
}

}  // namespace millrace::pipeline
