#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace millrace {

/// Summer time as POSIX writes it, `PST8PDT,M3.2.0,M11.1.0`: two jumps, the same every year.
struct YearlyRule {
  /// The `weekday` of a month's `week` (5: the last one), `time` after its midnight.
  struct When {
    unsigned month = 0, week = 0, weekday = 0;
    std::chrono::seconds time{};
  };
  std::chrono::seconds winter{}, summer{};  ///< Offsets from UTC, east positive.
  When summer_begins, summer_ends;          ///< In the time that ends there.

  /// None for a rule without summer time, or with dates in another form than M (tzdata has none).
  static std::optional<YearlyRule> parse(std::string_view text);
  /// When summer time begins and when it ends in a year.
  std::pair<std::chrono::sys_seconds, std::chrono::sys_seconds> jumps(std::chrono::year year) const;
};

}  // namespace millrace
