#include "pipeline/range_read.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "arrow/flow.h"
#include "arrow/spread.h"
#include "base/env.h"
#include "base/error.h"
#include "pipeline/reporter.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;

/// Rows that one thread collects before it writes them to their parts.
constexpr std::int64_t kCollectedBytes = 24 << 20;
constexpr std::int64_t kCollectedRowsMin = 2'048, kCollectedRowsMax = 262'144,
                       kCollectedRowsUsual = 65'536;

/// A day whose file was closed before its last row came gets another one, which costs more than to
/// keep those of a year open; as far as this process may.
rlim_t files_open() {
  constexpr rlim_t kYear = 366, kLeast = 16;
  rlimit limit{};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return known ? std::clamp(limit.rlim_cur / 2, kLeast, kYear) : kYear;
}

std::int64_t collected_rows(std::int64_t row_bytes) {
  return row_bytes <= 0
             ? kCollectedRowsUsual
             : std::clamp(kCollectedBytes / row_bytes, kCollectedRowsMin, kCollectedRowsMax);
}

std::int64_t bytes_below(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code gone;
  for (auto entry = fs::recursive_directory_iterator(folder, gone);
       !gone && entry != fs::recursive_directory_iterator(); entry.increment(gone)) {
    std::error_code no_file;
    const auto size = entry->file_size(no_file);
    if (!no_file) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

std::int64_t entries_in(const fs::path& folder) {
  std::error_code missing;
  return std::distance(fs::directory_iterator(folder, missing), {});
}

enum class Surprise { None, TooLarge, InNoOrder };

/// Stops a reading as soon as there is a surprise.
class Watch {
 public:
  Watch(std::function<Surprise()> look, std::stop_token stop)
      : forward_(std::move(stop), [this] { source_.request_stop(); }),
        thread_([this, look = std::move(look)](std::stop_token ended) {
          while (real_env().wait(std::chrono::milliseconds(100), ended)) {
            const Surprise seen = look();
            if (seen == Surprise::None) continue;
            seen_ = seen;
            source_.request_stop();
            return;
          }
        }) {}

  std::stop_token token() const { return source_.get_token(); }
  Surprise seen() const { return seen_; }

 private:
  std::stop_source source_;
  std::atomic<Surprise> seen_ = Surprise::None;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread thread_;
};

Error unexpected(Surprise seen, DayRange days) {
  if (seen == Surprise::InNoOrder) {
    return {Fault::Unavailable, std::string(kInNoOrder),
            fmt::format("rows of {} days come in no order", days.size())};
  }
  return {Fault::Unavailable, std::string(kRangeTooLarge),
          fmt::format("{} days have more rows than was expected", days.size()),
          "Load fewer days at a time"};
}

}  // namespace

std::int64_t RangeBounds::rows_total() const {
  return std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
}

std::string collected_by_threads(std::int64_t row_bytes) {
  return fmt::format("SET partitioned_write_flush_threshold = {}", collected_rows(row_bytes));
}

std::int64_t days_in_order(std::vector<std::int64_t> rows, std::int64_t rows_read) {
  // The days with fewest rows are those of which most can have come.
  std::ranges::sort(rows);
  std::int64_t whole = 0;
  for (const std::int64_t of_day : rows) {
    rows_read -= of_day;
    if (rows_read < 0) break;
    whole += of_day > 0 ? 1 : 0;
  }
  constexpr std::int64_t kOthers = 4;
  return kOthers + 2 * whole;
}

RangeFiles read_range(const RangeSource& source, const fs::path& folder, const CopyOf& copy_of,
                      std::stop_token stop) {
  const RangeBounds& bounds = source.bounds;
  const std::int64_t total = bounds.rows_total();
  const fs::path written = folder / "rows";
  fs::remove_all(folder);  // What a reading of the same days left that failed.
  fs::create_directories(folder);
  arrow::Flow flow;
  engine::Database database =
      mapping_engine(bounds.budget, folder / "spill", source.connector.engine_needs(),
                     {collected_by_threads(bounds.row_bytes),
                      fmt::format("SET partitioned_write_max_open_files = {}", files_open())},
                     {folder.string()});
  const auto arrived = [&] { return std::max(flow.bytes.load(), bytes_below(written)); };
  std::atomic<bool> by_day = false, in_no_order = false;
  flow.look = [&](const ArrowSchema& schema, const ArrowArray& batch) {
    if (!by_day || batch.length == 0) return;
    const std::int64_t last = batch.n_children - 1;
    const std::int64_t seen = arrow::spread_of(*schema.children[last], *batch.children[last]);
    if (seen <= days_in_order(bounds.rows, batch.length)) return;
    in_no_order = true;
    throw unexpected(Surprise::InNoOrder, source.days);
  };
  const std::int64_t held_back = threads_of(bounds.budget) * collected_rows(bounds.row_bytes);
  const Watch watch(
      [&] {
        if (bounds.bytes_max > 0 && arrived() > bounds.bytes_max) return Surprise::TooLarge;
        if (!by_day) return Surprise::None;
        const std::int64_t read = rows_so_far(flow, database, total);
        const std::int64_t most = days_in_order(bounds.rows, read + held_back);
        return entries_in(written) > most ? Surprise::InNoOrder : Surprise::None;
      },
      std::move(stop));
  try {
    const engine::Relation rows =
        source.connector.read_range(source.query, source.days, database, flow, watch.token());
    const RangeCopy copy = copy_of(rows, database);
    by_day = copy.by_day;
    const Reporter reporter(source.first, total, flow, database, source.tell);
    RangeFiles read;
    read.files = database.copy(copy.select, written, copy.options, watch.token());
    read.bytes_read = arrived();
    return read;
  } catch (const Error& error) {
    if (in_no_order) throw unexpected(Surprise::InNoOrder, source.days);
    if (watch.seen() != Surprise::None) throw unexpected(watch.seen(), source.days);
    throw read_failed(error, flow);
  }
}

}  // namespace millrace::pipeline
