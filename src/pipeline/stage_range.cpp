#include "pipeline/stage_range.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <utility>

#include "base/env.h"
#include "pipeline/day_group.h"
#include "pipeline/range_split.h"
#include "pipeline/repeatable.h"
#include "pipeline/sealing.h"

namespace millrace::pipeline {
namespace {

namespace fs = std::filesystem;
using Days = std::span<const DayOrder>;

/// Of the room on the disk, the part that rows on their way may take.
constexpr int kShareOfDisk = 4;
/// What is said of rows that did not fit a load's memory: few of them are collected at a time.
constexpr std::int64_t kLongRow = 1 << 20;
/// Rows of a group of days that may be mapped while others are: more need a load's whole memory.
constexpr std::int64_t kGroupBytesAhead = 64 << 20;
/// How often a load begins again because somebody wants the table for himself, and after how long.
constexpr int kGiveWay = 5;
constexpr std::chrono::seconds kTurn(1);

class RangeStaging {
 public:
  RangeStaging(const WorkOrder& work, warehouse::Connector& connector, const Tell& tell,
               const OnSealed& sealed, const OnFailed& failed, std::stop_token stop)
      : work_(work),
        connector_(connector),
        tell_(tell),
        failed_(failed),
        sealing_(sealed, failed),
        stop_(stop) {}

  void run() {
    for (Days rest = work_.days; !rest.empty();) {
      const Days side_by_side = rest.first(run_length(rest));
      rest = rest.subspan(side_by_side.size());
      in_chunks(side_by_side);
    }
  }

 private:
  /// A day that waits for something is looked at alone.
  static bool stands_alone(const DayOrder& day) { return day.waits_for_data || !day.ready.empty(); }

  static std::size_t run_length(Days days) {
    std::size_t length = 1;
    while (length < days.size() && !stands_alone(days[0]) && !stands_alone(days[length]) &&
           days[length].day == days[length - 1].day.plus(1)) {
      ++length;
    }
    return length;
  }

  static DayRange range_of(Days days) { return {days.front().day, days.back().day}; }

  std::int64_t memory_bytes() const {
    return work_.memory_bytes > 0 ? work_.memory_bytes : kMemoryBytes;
  }

  Query query_of_chunk(Days days) const { return query_of(work_.definition, days.front().load); }

  std::int64_t bytes_max(Days days) const {
    std::error_code unknown;
    const auto room = fs::space(days.front().staging, unknown);
    if (unknown) return kRangeBytes;
    return std::min(kRangeBytes, static_cast<std::int64_t>(room.available) / kShareOfDisk);
  }

  /// How many of these days one statement reads.
  std::size_t chunk_of(Days days) {
    const std::size_t usual = std::min<std::size_t>(days.size(), kRangeDays);
    estimate_ = {};
    if (days.size() == 1) return 1;
    try {
      const auto estimate = connector_.estimate(query_of_chunk(days), range_of(days), stop_);
      if (!estimate) return 1;
      estimate_ = *estimate;
    } catch (const Error&) {
      // Whatever it is, reading the days will tell.
      return usual;
    }
    if (estimate_.bytes == 0 || !plans_are_true_ || days.size() <= usual) return usual;
    // What has been seen is worth more than what is planned.
    const std::int64_t bytes =
        std::max(estimate_.bytes, bytes_a_day_ * static_cast<std::int64_t>(days.size()));
    const double part = static_cast<double>(bytes_max(days)) / static_cast<double>(bytes);
    return std::clamp(static_cast<std::size_t>(part * static_cast<double>(days.size())), usual,
                      days.size());
  }

  void in_chunks(Days days) {
    while (!days.empty()) {
      const Days chunk = days.first(chunk_of(days));
      days = days.subspan(chunk.size());
      if (chunk.size() == 1 || !together(chunk)) one_by_one(chunk);
    }
  }

  void one_by_one(Days days) {
    for (const DayOrder& day : days) {
      stage(day, nullptr);
      sealing_.finish();
    }
  }

  void stage(const DayOrder& day, const ReadBefore* read) {
    try {
      sealing_.add(day, stage_day(work_, day, connector_, true, tell_, stop_, read));
    } catch (const Error& error) {
      if (gives_way(error)) return stage(day, read);
      sealing_.finish();
      failed_(day, error);
      if (stop_.stop_requested()) throw;
    }
  }

  /// Whether to begin again, once whoever wants to truncate or rewrite the table had his turn.
  bool gives_way(const Error& error) {
    if (error.code != warehouse::kTableWanted || gave_way_ == kGiveWay) return false;
    ++gave_way_;
    connector_.snapshot(stop_);  // A new one: the old one's locks are gone.
    return real_env().wait(kTurn, stop_);
  }

  /// Whether to begin again, because something is not as was thought.
  bool thinks_again(const Error& error) {
    if (error.code == "out_of_memory") return std::exchange(rows_are_short_, false);
    return error.code == kRangeTooLarge && std::exchange(plans_are_true_, false);
  }

  /// Failures of many days together that a day alone may not have.
  static bool may_do_alone(const Error& error) {
    return error.code == "out_of_memory" || error.code == "disk_full" ||
           error.fault == Fault::BadData;
  }

  /// False where the days must be read one by one after all.
  bool together(Days days) {
    std::vector<ReadBefore> read(days.size());
    // In the folder of the day that is sealed last.
    const fs::path folder = fs::path(days.back().staging) / "range";
    RangeSplit split(range_of(days), folder);
    std::unique_ptr<DayGroup> whole;
    try {
      look(days, read);
      whole = read_mapped(days, folder, read);
      if (!whole) read_rows(days, split, read);
      share(read, "look", took_ms([&] { look_after(days, read); }));
    } catch (const Error& error) {
      if (gives_way(error)) {
        in_chunks(days);
        return true;
      }
      if (!stop_.stop_requested() && thinks_again(error)) {
        in_chunks(days);
        return true;
      }
      if (!stop_.stop_requested() && may_do_alone(error)) return false;
      for (const DayOrder& day : days) failed_(day, error);
      if (stop_.stop_requested()) throw;
      return true;
    }
    for (ReadBefore& day : read) day.split = &split;
    if (whole) {
      finish(days, whole.get(), read);
    } else {
      stage_groups(days, split, read);
    }
    sealing_.finish();
    return true;
  }

  /// `group` has mapped these days; null: none has.
  void finish(Days days, DayGroup* group, std::span<ReadBefore> read) {
    for (std::size_t i = 0; i < days.size(); ++i) {
      read[i].group = group;
      stage(days[i], &read[i]);
    }
  }

  /// Groups are mapped ahead, each by a thread of its own, while the days of the one before are
  /// finished here.
  void stage_groups(Days days, RangeSplit& split, std::vector<ReadBefore>& read) {
    std::vector<Days> groups;
    bool are_small = true;
    for (std::size_t i = 0; i < days.size(); i += groups.back().size()) {
      const std::span<const ReadBefore> rest = std::span(read).subspan(i);
      groups.push_back(days.subspan(i, DayGroup::length(days.subspan(i), rest, split)));
      std::int64_t rows = 0;
      for (const ReadBefore& day : rest.first(groups.back().size())) rows += day.rows;
      are_small = are_small && rows * split.row_bytes() <= kGroupBytesAhead;
    }
    const Budget whole{.threads = work_.threads, .memory_bytes = memory_bytes()};
    const auto fit = static_cast<int>(whole.memory_bytes / kMemoryBytesMin);
    const int at_once = are_small ? std::clamp(fit, 1, threads_of(whole)) : 1;
    const Budget budget = at_once > 1 ? part_among(at_once, whole) : whole;
    std::deque<std::future<std::unique_ptr<DayGroup>>> ahead;
    auto next = groups.begin();
    std::span<ReadBefore> rest = read;
    for (const Days group_days : groups) {
      for (; next != groups.end() && std::ssize(ahead) < at_once; ++next) {
        ahead.push_back(std::async(std::launch::async, [this, of = *next, &split, budget,
                                                        needs = connector_.engine_needs()] {
          return mapped(of, needs, split, budget);
        }));
      }
      const std::unique_ptr<DayGroup> group = ahead.front().get();
      ahead.pop_front();
      finish(group_days, group.get(), rest);
      rest = rest.subspan(group_days.size());
    }
  }

  /// Null where the days must be mapped one by one after all: then only those fail that must.
  std::unique_ptr<DayGroup> mapped(Days days, const engine::Options& needs, const RangeSplit& split,
                                   const Budget& budget) const {
    if (days.size() == 1 || !rows_are_short_) return nullptr;
    try {
      return std::make_unique<DayGroup>(work_, days, needs, split, budget, stop_);
    } catch (const Error& error) {
      if (error.fault == Fault::Cancelled) throw;
      return nullptr;
    }
  }

  static void share(std::vector<ReadBefore>& read, const char* stage, std::int64_t took_ms) {
    for (ReadBefore& day : read) {
      day.took_ms[stage] += took_ms / static_cast<std::int64_t>(read.size());
    }
  }

  /// Before the read: a change that lands while we read must show at the next check.
  void look(Days days, std::vector<ReadBefore>& read) {
    const Query query = query_of_chunk(days);
    const DayRange range = range_of(days);
    tell_({.load = days.front().load, .day = days.front().day, .stage = "fingerprint"});
    const auto took = took_ms([&] {
      const bool snapshot = connector_.snapshot(stop_);
      const std::string server = connector_.server();
      for (ReadBefore& day : read) {
        day.snapshot = snapshot;
        day.counted_by = server;
      }
      for (Token& token : connector_.tokens(query, range, stop_)) {
        read.at(static_cast<std::size_t>(range.place_of(token.day))).token = std::move(token.text);
      }
      if (work_.fingerprint) {
        const auto prints = connector_.fingerprints(query, range, stop_);
        for (std::size_t i = 0; i < days.size(); ++i) {
          read[i].before = prints.at(i);
          read[i].rows = prints[i].rows;
        }
      } else {
        for (const DayCount& count : connector_.count(query, range, false, stop_)) {
          read.at(static_cast<std::size_t>(range.place_of(count.day))).rows += count.rows;
        }
      }
    });
    share(read, "look", took);
    const bool any_doubted =
        std::any_of(days.begin(), days.end(), [](const DayOrder& day) { return day.is_doubted; });
    if (work_.fingerprint && any_doubted) {
      share(read, "repeat", took_ms([&] { ask_again(days, query, read); }));
    }
  }

  /// Is the query repeatable at all?
  void ask_again(Days days, const Query& query, std::vector<ReadBefore>& read) {
    std::vector<Fingerprint> again;
    {
      const std::unique_ptr<warehouse::Connector> twin = connector_.twin(stop_);
      again = twin->fingerprints(query, range_of(days), stop_);
    }
    for (std::size_t i = 0; i < days.size(); ++i) {
      if (!days[i].is_doubted || again.at(i) == *read[i].before) continue;
      const auto why = why_not_repeatable(connector_, query, days[i].day, read[i].snapshot,
                                          *read[i].before, stop_);
      read[i].rows = read[i].before->rows;
      read[i].not_repeatable = why.value_or("");
    }
  }

  RangeBounds bounds_of(Days days, const std::vector<ReadBefore>& read) const {
    RangeBounds bounds;
    bounds.budget = {.threads = work_.threads, .memory_bytes = memory_bytes()};
    bounds.row_bytes = estimate_.row_bytes;
    if (!rows_are_short_) {
      bounds.budget.threads = 1;
      bounds.budget.memory_bytes = std::max(bounds.budget.memory_bytes, kMemoryBytes);
      bounds.row_bytes = kLongRow;
    }
    // What may be read at once without knowing its size may also be larger than was thought.
    if (days.size() > static_cast<std::size_t>(kRangeDays)) bounds.bytes_max = bytes_max(days);
    for (const ReadBefore& day : read) bounds.rows.push_back(day.rows);
    return bounds;
  }

  /// Gives what it read to `take`, and notes what it cost.
  template <typename Take>
  void read_by(Days days, std::vector<ReadBefore>& read, const Take& take) {
    const Query query = query_of_chunk(days);
    const RangeSource source{connector_,   query, range_of(days), bounds_of(days, read),
                             days.front(), tell_};
    const std::int64_t all = source.bounds.rows_total();
    for (ReadBefore& day : read) day.rows_of_all = all;
    share(read, "read", took_ms([&] { bytes_a_day_ = take(source); }));
    bytes_a_day_ /= static_cast<std::int64_t>(days.size());
  }

  void read_rows(Days days, RangeSplit& split, std::vector<ReadBefore>& read) {
    read_by(days, read, [&](const RangeSource& source) {
      split.read(source, stop_);
      return split.bytes_read();
    });
  }

  /// Null where the rows must be laid down first, because they come in no order or some value
  /// cannot be mapped with the others.
  std::unique_ptr<DayGroup> read_mapped(Days days, const fs::path& folder,
                                        std::vector<ReadBefore>& read) {
    std::unique_ptr<DayGroup> group;
    if (!maps_at_once_ || !rows_are_short_) return group;
    try {
      read_by(days, read, [&](const RangeSource& source) {
        group = std::make_unique<DayGroup>(work_, days, source, folder, stop_);
        return group->bytes_read();
      });
    } catch (const Error& error) {
      if (error.code != kInNoOrder && error.fault != Fault::BadData) throw;
      maps_at_once_ = false;
    }
    return group;
  }

  void look_after(Days days, std::vector<ReadBefore>& read) {
    if (!work_.fingerprint || read.front().snapshot) return;
    const Query query = query_of_chunk(days);
    const DayRange range = range_of(days);
    // Files whose token did not move hold what they held.
    const auto tokens = connector_.tokens(query, range, stop_);
    const bool untouched = std::all_of(tokens.begin(), tokens.end(), [&](const Token& token) {
      return token.text &&
             token.text == read.at(static_cast<std::size_t>(range.place_of(token.day))).token;
    });
    if (untouched) {
      for (ReadBefore& day : read) day.after = day.before;
      return;
    }
    const auto after = connector_.fingerprints(query, range, stop_);
    for (std::size_t i = 0; i < days.size(); ++i) read[i].after = after.at(i);
  }

  const WorkOrder& work_;
  warehouse::Connector& connector_;
  const Tell& tell_;
  const OnFailed& failed_;
  Sealing sealing_;
  std::stop_token stop_;
  warehouse::Estimate estimate_;
  std::int64_t bytes_a_day_ = 0;
  bool plans_are_true_ = true, rows_are_short_ = true, maps_at_once_ = true;
  int gave_way_ = 0;
};

}  // namespace

void stage_days(const WorkOrder& work, warehouse::Connector& connector, const Tell& tell,
                const OnSealed& sealed, const OnFailed& failed, std::stop_token stop) {
  RangeStaging(work, connector, tell, sealed, failed, stop).run();
}

}  // namespace millrace::pipeline
