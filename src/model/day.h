#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"

namespace millrace {

/// A label such as 2026-11-20, not a pair of instants: only a `Zone` knows when it starts.
class Day {
 public:
  constexpr Day() = default;
  explicit constexpr Day(std::chrono::sys_days days) : days_(days) {}
  /// ISO `YYYY-MM-DD` only; nothing else, and no such day as 2026-02-30.
  static std::optional<Day> parse(std::string_view text);

  std::string text() const;
  Day plus(int days) const { return Day(days_ + std::chrono::days(days)); }
  std::chrono::sys_days sys() const { return days_; }
  auto operator<=>(const Day&) const = default;

 private:
  std::chrono::sys_days days_{};
};

/// First and last day, both included; never empty.
struct DayRange {
  Day first, last;
  /// 0 for the first day; of a day outside: negative, or at least `size()`.
  int place_of(Day day) const { return static_cast<int>((day.sys() - first.sys()).count()); }
  int size() const { return place_of(last) + 1; }
  std::vector<Day> days() const;
  /// Those that are not among others, which are in order.
  std::vector<Day> without(const std::vector<Day>& others) const;
};

/// Half-open [start, end).
struct Interval {
  Instant start, end;
};

/// A wall-clock time without a zone, microseconds.
using Naive = std::chrono::local_time<std::chrono::microseconds>;

/// For naive times before `until` (and not before the previous span's), instant = naive - offset,
/// but never before `floor`, the jump of a gap.
struct OffsetSpan {
  Naive until;
  std::chrono::seconds offset;
  std::optional<Instant> floor;
};

/// The offsets of one zone over time; made once per name and kept until the process ends.
struct ZoneRules;

/// A fixed offset ("UTC-8", "UTC+05:30", "UTC") or an IANA zone. Value type; immutable; cheap to
/// copy; may be used by several threads. IANA rules are the system's, continued to the year 2200.
///
/// Naive times become instants by one monotone rule, here and nowhere else, so that the days of a
/// column without a zone partition its rows: an ambiguous time is its first occurrence, a time that
/// a gap skips is the instant of the jump.
class Zone {
 public:
  /// UTC.
  Zone();
  /// Throws Misconfigured `unknown_zone`, naming the nearest spelling. `name()` is then the
  /// canonical one: "UTC-08:00" is "UTC-8".
  static Zone named(std::string_view name);

  const std::string& name() const { return name_; }
  bool operator==(const Zone& other) const { return name_ == other.name_; }

  /// The two instants of a day: `instant_of` its two midnights. A day that starts inside a gap
  /// starts at the jump; one that the zone skipped whole is empty.
  Interval bounds(Day day) const;
  /// The one day whose bounds hold the instant.
  Day day_of(Instant instant) const;
  Instant instant_of(Naive naive) const;
  /// The naive interval whose times, by `instant_of`, are exactly those inside `interval`.
  struct NaiveInterval {
    Naive start, end;
  };
  NaiveInterval naive(Interval interval) const;
  /// `instant_of` in pieces, in order, never empty: exact for every naive time inside
  /// `naive(interval)` and two days around it. The first piece also serves all earlier times and
  /// the last one (its `until` is Naive::max()) all later ones; these stay outside `interval`.
  std::vector<OffsetSpan> spans(Interval interval) const;

 private:
  Zone(std::string name, const ZoneRules& rules) : name_(std::move(name)), rules_(&rules) {}

  std::string name_;
  const ZoneRules* rules_;
};

}  // namespace millrace
