#include "pipeline/range_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "arrow/flow.h"
#include "base/error.h"
#include "pipeline/day_writer.h"
#include "pipeline/reporter.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;
using engine::identifier;
using engine::literal;

/// Files that are written at the same time: each takes memory, and each day's rows are looked for
/// in one of them.
constexpr int kPartsMax = 31;
/// Rows that one thread collects before it writes them to their parts.
constexpr std::int64_t kCollectedBytes = 24 << 20;
constexpr std::int64_t kCollectedRowsMin = 2'048, kCollectedRowsMax = 262'144,
                       kCollectedRowsUsual = 65'536;
constexpr const char* kPart = "_millrace_part";
/// Read once and deleted: quick to write rather than small.
constexpr const char* kRaw = "COMPRESSION lz4, ROW_GROUP_SIZE_BYTES '16MB'";

std::int64_t collected_rows(std::int64_t row_bytes) {
  if (row_bytes <= 0) return kCollectedRowsUsual;
  return std::clamp(kCollectedBytes / row_bytes, kCollectedRowsMin, kCollectedRowsMax);
}

/// Stops the reading when more has arrived than was said to.
class Meter {
 public:
  Meter(const arrow::Flow& flow, std::int64_t bytes_max, std::stop_token stop)
      : forward_(std::move(stop), [this] { source_.request_stop(); }),
        thread_([this, &flow, bytes_max](std::stop_token ended) {
          while (real_env().wait(std::chrono::milliseconds(250), ended)) {
            if (bytes_max <= 0 || flow.bytes <= bytes_max) continue;
            too_much_ = true;
            source_.request_stop();
            return;
          }
        }) {}

  std::stop_token token() const { return source_.get_token(); }
  bool too_much() const { return too_much_; }

 private:
  std::stop_source source_;
  std::atomic<bool> too_much_ = false;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread thread_;
};

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

bool RangeSplit::read(warehouse::Connector& connector, const Query& query, const Bounds& bounds,
                      const DayOrder& first, const Tell& tell, std::stop_token stop) {
  fs::create_directories(folder_);
  arrow::Flow flow;
  Meter meter(flow, bounds.bytes_max, stop);
  engine::Database database =
      mapping_engine(bounds.budget, folder_.string(), connector,
                     {fmt::format("SET partitioned_write_flush_threshold = {}",
                                  collected_rows(bounds.row_bytes))});
  try {
    const auto source = connector.read_range(query, days_, database, flow, meter.token());
    // Text that may not be UTF-8 has no place in Parquet.
    if (!source || !source->text_checked) return false;
    columns_ = source->columns;
    // Names of the query may differ in case alone, which files do not allow.
    std::string names, empty;
    const std::vector<Column> types = database.describe(source->sql);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      names += fmt::format("_c{}, ", i);
      empty += fmt::format("{}CAST(NULL AS {}) AS {}", i == 0 ? "" : ", ", types.at(i).vendor_type,
                           identifier(columns_[i].name));
    }
    nothing_ = fmt::format("SELECT {} WHERE false", empty);
    const Reporter reporter(first, bounds.rows_total, flow, database, tell);
    database.copy(fmt::format("SELECT *, {0} // {1} AS {2} FROM ({3}\n) AS source({4}{0})",
                              warehouse::kDayNumber, days_a_part_, kPart, source->sql, names),
                  folder_ / "rows", fmt::format("{}, PARTITION_BY ({})", kRaw, kPart),
                  meter.token());
    bytes_read_ = flow.bytes;
  } catch (const Error& error) {
    if (meter.too_much()) {
      throw Error(Fault::Unavailable, std::string(kRangeTooLarge),
                  fmt::format("{} days have more rows than was expected", days_.size()),
                  "Load fewer days at a time");
    }
    if (const auto failure = flow.failure()) throw source_failed(*failure);
    throw;
  }
  return true;
}

engine::Relation RangeSplit::rows(Day day) const {
  engine::Relation relation{nothing_, columns_, true, false};
  std::vector<std::string> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(part_folder(part_of(day)), missing)) {
    files.push_back(entry.path().string());
  }
  if (files.empty()) return relation;
  std::string list;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    list += fmt::format("{}_c{} AS {}", i == 0 ? "" : ", ", i, identifier(columns_[i].name));
  }
  relation.sql = fmt::format("SELECT {} FROM {} WHERE {} = {}", list, parquet(files),
                             warehouse::kDayNumber, days_.place_of(day));
  return relation;
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
