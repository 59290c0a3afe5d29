#include "pipeline/check_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/error.h"
#include "pipeline/repeatable.h"
#include "pipeline/stage_day.h"
#include "warehouse/connector.h"

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
  /// A day that no answer was found for yet.
  struct Open {
    const DayOrder* order;
    CheckResult result;
    std::optional<warehouse::Estimate> estimate;  ///< Of its fingerprint, once it was asked for.
    std::optional<Fingerprint> now;               ///< Where it was asked together with others.
  };

  void check_window(Orders days) {
    tokens_.clear();
    const std::int64_t tokens_ms = share_ms(days.size(), [&] {
      snapshot_ = connector_.snapshot(stop_);
      for (Token& token : connector_.tokens(query_, {days.front().day, days.back().day}, stop_)) {
        if (token.text) tokens_[token.day] = *token.text;
      }
    });
    std::vector<Open> open, by_content;
    for (const DayOrder& day : days) {
      millrace::check(day.known.has_value(), "a check knows what was loaded");
      Open each{.order = &day,
                .result = {.day = day.day, .rows_then = day.known->rows, .took_ms = tokens_ms}};
      const auto token = tokens_.find(day.day);
      if (token != tokens_.end() && day.known->token == token->second) {
        each.result.by = "token";
        tell(each.result);
      } else {
        open.push_back(std::move(each));
      }
    }
    if (is_one_scan(open)) {
      by_content = std::move(open);
    } else {
      count_rows(open);
      for (Open& day : open) {
        if (!settled(day, [&] { return is_answered_by_count(day); })) {
          by_content.push_back(std::move(day));
        }
      }
      take_fingerprints(by_content);
    }
    for (Open& day : by_content) {
      settled(day, [&] {
        answer_by_content(day);
        return true;
      });
    }
  }

  /// True where `answer` found one, which is told, or the day failed.
  template <typename Answer>
  bool settled(Open& day, const Answer& answer) {
    bool is_answered = false;
    const auto error =
        own_error([&] { *day.result.took_ms += took_ms([&] { is_answered = answer(); }); });
    if (error) {
      failed_.push_back({.day = day.result.day, .rows_then = day.result.rows_then, .error = error});
    } else if (is_answered) {
      tell(day.result);
    }
    return error || is_answered;
  }

  /// What the days that were asked about are at fault for, which spares the others.
  template <typename Ask>
  std::optional<Error> own_error(const Ask& ask) {
    try {
      ask();
      return {};
    } catch (const Error& error) {
      // Asked again, it would fail again; and not because somebody wants it to stop.
      const bool is_own = !policy_of(error.fault).retry && error.fault != Fault::Cancelled;
      if (!is_own || stop_.stop_requested()) throw;
      snapshot_ = connector_.snapshot(stop_);  // The old one may be broken.
      return error;
    }
  }

  void tell(const CheckResult& result) {
    is_any_answered_ = true;
    const auto token = tokens_.find(result.day);
    checked_(result, token == tokens_.end() ? std::nullopt : std::optional(token->second));
  }

  static DayRange range_of(const std::vector<Open>& days) {
    return {days.front().order->day, days.back().order->day};
  }

  /// Tells that a question about these days is asked.
  void asks(std::string_view stage, std::span<const Open> days) {
    std::int64_t known = 0;
    for (const Open& day : days) known += day.order->known->rows;
    asks_({.day = days.front().order->day, .stage = std::string(stage), .rows_total = known});
  }

  /// True where all are asked their fingerprints at once, and first. Those count too: where rows
  /// are stored whole, a COUNT reads what they read, and could spare them only if every day
  /// differs.
  bool is_one_scan(std::vector<Open>& days) {
    return warehouse::kind_named(work_.kind).capabilities.count_reads_rows &&
           !work_.max_scan_bytes &&
           std::ranges::all_of(days,
                               [](const Open& day) { return wants_content(*day.order->known); }) &&
           take_fingerprints(days);
  }

  /// Not where the only day is asked its fingerprint anyway, which counts too.
  void count_rows(std::vector<Open>& days) {
    if (days.empty() || (days.size() == 1 && wants_content(*days.front().order->known))) return;
    std::map<Day, std::int64_t> rows;
    std::int64_t each_ms = 0;
    const auto error = own_error([&] {
      asks("count", days);
      each_ms = share_ms(days.size(), [&] {
        for (const DayCount& count : connector_.count(query_, range_of(days), false, stop_)) {
          rows[count.day] += count.rows;
        }
      });
    });
    if (error) return;
    for (Open& day : days) {
      day.result.rows_now = rows[day.result.day];
      *day.result.took_ms += each_ms;
    }
  }

  bool is_answered_by_count(Open& day) {
    const Known& known = *day.order->known;
    CheckResult& result = day.result;
    const bool is_last_question = !wants_content(known);
    if (!result.rows_now && is_last_question) {
      result.rows_now = 0;
      const DayRange range{result.day, result.day};
      for (const DayCount& count : connector_.count(query_, range, false, stop_)) {
        *result.rows_now += count.rows;
      }
    }
    if (result.rows_now && *result.rows_now != known.rows) {
      answer_by_count(known, result);
      return true;
    }
    if (!is_last_question) return is_too_dear(day);
    result.by = "count";
    if (known.threshold_percent) {
      result.note = "by count alone, as its preset says: other values in as many rows do not show";
    } else {
      result.note = known.content_checks ? "no fingerprint was taken when the day was loaded"
                                         : "content checks are off: the query is not repeatable";
    }
    return true;
  }

  /// All of them by one statement, where reading their whole range costs no more than reading
  /// each: without an index, each would read the table. False where they were not asked.
  bool take_fingerprints(std::vector<Open>& days) {
    if (days.size() < 2) return false;
    const DayRange range = range_of(days);
    bool is_asked = false;
    own_error([&] {
      double each_cost = 0;
      for (Open& day : days) each_cost += estimate(day).cost;
      const auto whole = connector_.estimate(query_, range, stop_);
      if (!whole || whole->cost <= 0 || whole->cost > each_cost) return;
      asks("fingerprint", days);
      std::vector<Fingerprint> prints;
      const std::int64_t each_ms =
          share_ms(days.size(), [&] { prints = connector_.fingerprints(query_, range, stop_); });
      for (Open& day : days) {
        day.now = prints.at(static_cast<std::size_t>(range.place_of(day.result.day)));
        *day.result.took_ms += each_ms;
      }
      is_asked = true;
    });
    return is_asked;
  }

  void answer_by_content(Open& day) {
    const Known& known = *day.order->known;
    CheckResult& result = day.result;
    if (!day.now) {
      asks("fingerprint", {&day, 1});
      day.now = connector_.fingerprint(query_, result.day, false, stop_);
    }
    result.rows_now = day.now->rows;
    if (const std::int64_t bytes = estimate(day).bytes; bytes > 0) result.bytes = bytes;
    if (day.now->rows != known.rows) {
      answer_by_count(known, result);
    } else if (!day.now->comparable(*known.fingerprint)) {
      result.note =
          "not comparable: the warehouse, or the columns' types, changed since the day was loaded";
    } else {
      compare(*day.now, *known.fingerprint, result);
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

  void compare(Fingerprint& now, const Fingerprint& then, CheckResult& result) {
    result.by = "fingerprint";
    if (now == then) return;
    const auto why = why_not_repeatable(connector_, query_, result.day, snapshot_, now, stop_);
    result.repeatable = !why;
    result.changed = !why;
    if (!why) return;
    result.by.clear();
    result.note = *why;
  }

  /// What a fingerprint of the day reads, as far as the warehouse tells.
  const warehouse::Estimate& estimate(Open& day) {
    if (day.estimate) return *day.estimate;
    warehouse::Estimate found;
    try {
      const DayRange range{day.result.day, day.result.day};
      found = connector_.estimate(query_, range, stop_).value_or(found);
    } catch (const Error& error) {
      // Whatever it is, the fingerprint will tell; unless it is asked only within a limit.
      if (work_.max_scan_bytes || error.fault == Fault::Cancelled) throw;
    }
    return day.estimate.emplace(found);
  }

  /// More than is left of `max_scan`; where the warehouse does not tell, everything may be read.
  bool is_too_dear(Open& day) {
    const std::int64_t bytes = estimate(day).bytes;
    if (bytes <= 0) return false;
    day.result.bytes = bytes;
    if (!work_.max_scan_bytes) return false;
    scanned_bytes_ += bytes;
    if (scanned_bytes_ <= *work_.max_scan_bytes) return false;
    constexpr double kMegabyte = 1e6;
    day.result.by.clear();
    day.result.note = fmt::format(
        "skipped for max_scan: with this day about {:.1f} MB would be read, {:.1f} MB are allowed",
        static_cast<double>(scanned_bytes_) / kMegabyte,
        static_cast<double>(*work_.max_scan_bytes) / kMegabyte);
    scanned_bytes_ -= bytes;
    return true;
  }

  const WorkOrder& work_;
  warehouse::Connector& connector_;
  const Tell& asks_;
  const OnChecked& checked_;
  std::stop_token stop_;
  const Query query_;
  bool snapshot_ = false;
  std::map<Day, std::string> tokens_;
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
