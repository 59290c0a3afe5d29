#include "pipeline/check_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/error.h"
#include "pipeline/repeatable.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {
namespace {

/// Days that one COUNT may answer.
constexpr int kWindow = 31;

using Orders = std::span<const DayOrder>;

bool wants_content(const Known& known) {
  return known.content_checks && known.fingerprint && !known.threshold_percent;
}

/// A day's share of what a question about several takes.
template <typename Ask>
std::int64_t share_ms(std::size_t days, const Ask& ask) {
  return took_ms(ask) / static_cast<std::int64_t>(std::max<std::size_t>(days, 1));
}

class Checks {
 public:
  Checks(const WorkOrder& work, warehouse::Connector& connector, const Tell& asks,
         const OnChecked& checked, std::stop_token stop)
      : work_(work),
        connector_(connector),
        asks_(asks),
        checked_(checked),
        stop_(stop),
        query_(query_of(work.definition, work.ingestion)) {}

  void run() {
    std::vector<DayOrder> days = work_.days;
    std::sort(days.begin(), days.end(),
              [](const DayOrder& a, const DayOrder& b) { return a.day < b.day; });
    for (Orders rest = days; !rest.empty();) {
      std::size_t length = 1;
      while (length < rest.size() && rest[length].day < rest[0].day.plus(kWindow)) ++length;
      check_window(rest.first(length));
      rest = rest.subspan(length);
    }
    // Rows of a day are bad by themselves. What is wrong with a query is wrong for all of them.
    const bool is_any_bad = std::ranges::any_of(
        failed_, [](const CheckResult& day) { return day.error->fault == Fault::BadData; });
    if (!failed_.empty() && !is_any_answered_ && !is_any_bad) throw *failed_.front().error;
    for (const CheckResult& day : failed_) checked_(day, std::nullopt);
  }

 private:
  void check_window(Orders days) {
    bool snapshot = false;
    std::map<Day, std::string> tokens;
    const std::int64_t tokens_ms = share_ms(days.size(), [&] {
      snapshot = connector_.snapshot(stop_);
      for (Token& token : connector_.tokens(query_, range_of(days), stop_)) {
        if (token.text) tokens[token.day] = *token.text;
      }
    });
    std::vector<const DayOrder*> open;
    for (const DayOrder& day : days) {
      millrace::check(day.known.has_value(), "a check knows what was loaded");
      const auto token = tokens.find(day.day);
      if (token != tokens.end() && day.known->token == token->second) {
        tell(day,
             {.day = day.day, .by = "token", .rows_then = day.known->rows, .took_ms = tokens_ms},
             tokens);
      } else {
        open.push_back(&day);
      }
    }
    std::optional<std::map<Day, std::int64_t>> counts;
    std::int64_t counts_ms = 0;
    try {
      counts_ms = share_ms(open.size(), [&] { counts = counted(open); });
    } catch (const Error& error) {
      if (!is_of_the_day(error)) throw;
      snapshot = connector_.snapshot(stop_);  // The old one may be broken.
    }
    for (const DayOrder* day : open) {
      CheckResult result{.day = day->day, .rows_then = day->known->rows};
      if (counts) result.rows_now = counts->contains(day->day) ? counts->at(day->day) : 0;
      try {
        const std::int64_t own_ms = took_ms([&] { answer(*day, snapshot, result); });
        result.took_ms = tokens_ms + counts_ms + own_ms;
      } catch (const Error& error) {
        if (!is_of_the_day(error)) throw;
        CheckResult& failed = failed_.emplace_back();
        failed.day = day->day;
        failed.rows_then = result.rows_then;
        failed.error = error;
        snapshot = connector_.snapshot(stop_);
        continue;
      }
      tell(*day, result, tokens);
    }
  }

  /// Asked again, it would fail again; and not because somebody wants it to stop.
  bool is_of_the_day(const Error& error) const {
    return !policy_of(error.fault).retry && error.fault != Fault::Cancelled &&
           !stop_.stop_requested();
  }

  static DayRange range_of(Orders days) { return {days.front().day, days.back().day}; }

  void tell(const DayOrder& day, const CheckResult& result,
            const std::map<Day, std::string>& tokens) {
    is_any_answered_ = true;
    const auto token = tokens.find(day.day);
    checked_(result, token == tokens.end() ? std::nullopt : std::optional(token->second));
  }

  /// Rows of each day. None where the only day is asked its fingerprint anyway, which counts too.
  std::optional<std::map<Day, std::int64_t>> counted(const std::vector<const DayOrder*>& days) {
    if (days.empty() || (days.size() == 1 && wants_content(*days.front()->known))) return {};
    std::map<Day, std::int64_t> rows;
    const DayRange range{days.front()->day, days.back()->day};
    std::int64_t known = 0;
    for (const DayOrder* day : days) known += day->known->rows;
    asks_({.day = range.first, .stage = "count", .rows_total = known});
    for (const DayCount& count : connector_.count(query_, range, false, stop_)) {
      rows[count.day] += count.rows;
    }
    return rows;
  }

  void answer(const DayOrder& order, bool snapshot, CheckResult& result) {
    const Known& known = *order.known;
    if (!result.rows_now && !wants_content(known)) {
      result.rows_now = 0;
      for (const DayCount& count : connector_.count(query_, {order.day, order.day}, false, stop_)) {
        *result.rows_now += count.rows;
      }
    }
    if (result.rows_now && *result.rows_now != known.rows) {
      answer_by_count(known, result);
      return;
    }
    if (!wants_content(known)) {
      result.by = "count";
      if (known.threshold_percent) {
        result.note =
            "by count alone, as its preset says: other values in as many rows do not show";
      } else {
        result.note = known.content_checks ? "no fingerprint was taken when the day was loaded"
                                           : "content checks are off: the query is not repeatable";
      }
      return;
    }
    if (is_too_dear(order.day, result)) return;
    asks_({.day = order.day, .stage = "fingerprint", .rows_total = known.rows});
    Fingerprint now = connector_.fingerprint(query_, order.day, false, stop_);
    result.rows_now = now.rows;
    if (now.rows != known.rows) {
      answer_by_count(known, result);
    } else if (!now.comparable(*known.fingerprint)) {
      result.note =
          "not comparable: the warehouse, or the columns' types, changed since the day was loaded";
    } else {
      answer_by_content(order.day, snapshot, now, *known.fingerprint, result);
    }
  }

  void answer_by_count(const Known& known, CheckResult& result) {
    result.by = "count";
    const double difference = std::abs(static_cast<double>(*result.rows_now - known.rows));
    const double allowed =
        known.threshold_percent.value_or(0) / 100 * static_cast<double>(known.rows);
    result.changed = difference > allowed;
    if (!result.changed) {
      result.note = fmt::format("known difference: {} rows more or less, {}% are not loaded again",
                                difference, *known.threshold_percent);
    }
  }

  void answer_by_content(Day day, bool snapshot, Fingerprint& now, const Fingerprint& then,
                         CheckResult& result) {
    result.by = "fingerprint";
    if (now == then) return;
    const auto why = why_not_repeatable(connector_, query_, day, snapshot, now, stop_);
    result.repeatable = !why;
    result.changed = !why;
    if (!why) return;
    result.by.clear();
    result.note = *why;
  }

  /// What a fingerprint of the day reads; none where the warehouse does not tell.
  std::optional<std::int64_t> bytes_to_read(Day day) {
    try {
      const auto estimate = connector_.estimate(query_, {day, day}, stop_);
      if (estimate && estimate->bytes > 0) return estimate->bytes;
    } catch (const Error& error) {
      // Whatever it is, the fingerprint will tell; unless it is asked only within a limit.
      if (work_.max_scan_bytes || error.fault == Fault::Cancelled) throw;
    }
    return {};
  }

  /// More than is left of `max_scan`; where the warehouse does not tell, everything may be read.
  bool is_too_dear(Day day, CheckResult& result) {
    result.bytes = bytes_to_read(day);
    if (!work_.max_scan_bytes || !result.bytes) return false;
    scanned_bytes_ += *result.bytes;
    if (scanned_bytes_ <= *work_.max_scan_bytes) return false;
    constexpr double kMegabyte = 1e6;
    result.by.clear();
    result.note = fmt::format(
        "skipped for max_scan: with this day about {:.1f} MB would be read, {:.1f} MB are allowed",
        static_cast<double>(scanned_bytes_) / kMegabyte,
        static_cast<double>(*work_.max_scan_bytes) / kMegabyte);
    scanned_bytes_ -= *result.bytes;
    return true;
  }

  const WorkOrder& work_;
  warehouse::Connector& connector_;
  const Tell& asks_;
  const OnChecked& checked_;
  std::stop_token stop_;
  const Query query_;
  std::int64_t scanned_bytes_ = 0;
  std::vector<CheckResult> failed_;
  bool is_any_answered_ = false;
};

}  // namespace

void check_days(const WorkOrder& work, warehouse::Connector& connector, const Tell& tell,
                const OnChecked& checked, std::stop_token stop) {
  Checks(work, connector, tell, checked, stop).run();
}

}  // namespace millrace::pipeline
