#include "model/day.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "base/error.h"
#include "base/nearest.h"
#include "model/zone_rules.h"

namespace millrace {
namespace {

using std::chrono::days;
using std::chrono::seconds;

ZoneRules fixed_rules(seconds offset) {
  ZoneRules rules;
  rules.add(Instant::min(), offset);
  return rules;
}

/// One entry per name in use: pointers into it stay good until the process ends.
class Registry {
 public:
  /// Null when `make` finds no rules.
  template <class Make>
  const ZoneRules* find_or_make(const std::string& name, Make make) {
    const std::lock_guard lock(mutex_);
    const auto found = rules_.find(name);
    if (found != rules_.end()) return found->second.get();
    std::optional<ZoneRules> made = make();
    if (!made) return nullptr;
    auto& entry = rules_[name];
    entry = std::make_unique<const ZoneRules>(std::move(*made));
    return entry.get();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const ZoneRules>> rules_;
};

Registry& registry() {
  static Registry known;
  return known;
}

const ZoneRules& rules_of_fixed(const std::string& name, seconds offset) {
  return *registry().find_or_make(name, [&] { return std::optional(fixed_rules(offset)); });
}

/// The digits of a number below 100; -1 when it is something else.
int small_number(std::string_view text) {
  if (text.empty() || text.size() > 2) return -1;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

/// "UTC", "UTC-8", "UTC+05:30"; at most 14 hours, as on earth.
std::optional<seconds> fixed_offset(std::string_view name) {
  if (!name.starts_with("UTC")) return {};
  name.remove_prefix(3);
  if (name.empty()) return seconds(0);
  if (name.front() != '+' && name.front() != '-') return {};
  const int sign = name.front() == '-' ? -1 : 1;
  name.remove_prefix(1);
  const std::size_t colon = name.find(':');
  const int hours = small_number(name.substr(0, colon));
  int minutes = 0;
  if (colon != std::string_view::npos) {
    const std::string_view text = name.substr(colon + 1);
    minutes = text.size() == 2 ? small_number(text) : -1;
  }
  const bool sound = hours >= 0 && minutes >= 0 && minutes < 60 && hours * 60 + minutes <= 14 * 60;
  if (!sound) return {};
  return seconds(sign * (hours * 3600 + minutes * 60));
}

std::string fixed_name(seconds offset) {
  if (offset == seconds(0)) return "UTC";
  const char sign = offset < seconds(0) ? '-' : '+';
  const auto minutes = std::abs(offset.count()) / 60;
  if (minutes % 60 == 0) return fmt::format("UTC{}{}", sign, minutes / 60);
  return fmt::format("UTC{}{:02}:{:02}", sign, minutes / 60, minutes % 60);
}

Naive midnight(Day day) { return Naive(day.sys().time_since_epoch()); }

Instant instant_in(const ZonePiece& piece, Naive naive) {
  const Instant instant(naive.time_since_epoch() - piece.offset);
  return piece.floor ? std::max(instant, *piece.floor) : instant;
}

/// The piece that was in force at an instant.
std::size_t piece_at(const ZoneRules& rules, Instant instant) {
  const auto& pieces = rules.pieces;
  const auto after =
      std::upper_bound(pieces.begin(), pieces.end(), instant,
                       [](Instant wanted, const ZonePiece& piece) { return wanted < piece.since; });
  return static_cast<std::size_t>(after - pieces.begin()) - 1;
}

/// The first naive time whose instant is not before `instant`.
Naive first_naive(const ZoneRules& rules, Instant instant) {
  const std::size_t i = piece_at(rules, instant);
  const ZonePiece& piece = rules.pieces[i];
  // All times that the gap skips are the instant of the jump.
  if (piece.floor && instant <= *piece.floor) return piece.begins;
  // Where the clocks went back, the instants of the repeated hour have no naive time of their own.
  const Naive own(instant.time_since_epoch() + piece.offset);
  const Naive first = std::max(own, piece.begins);
  return i + 1 < rules.pieces.size() ? std::min(first, rules.pieces[i + 1].begins) : first;
}

}  // namespace

std::optional<Day> Day::parse(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return {};
  const int century = small_number(text.substr(0, 2)), year = small_number(text.substr(2, 2));
  const int month = small_number(text.substr(5, 2)), day = small_number(text.substr(8, 2));
  if (century < 0 || year < 0 || month < 0 || day < 0) return {};
  const std::chrono::year_month_day date{std::chrono::year(century * 100 + year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return {};
  return Day(std::chrono::sys_days(date));
}

std::string Day::text() const {
  const std::chrono::year_month_day date(days_);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::vector<Day> DayRange::days() const {
  std::vector<Day> result;
  for (Day day = first; day <= last; day = day.plus(1)) result.push_back(day);
  return result;
}

std::vector<Day> DayRange::without(const std::vector<Day>& others) const {
  std::vector<Day> rest = days();
  std::erase_if(rest, [&](Day day) { return std::ranges::binary_search(others, day); });
  return rest;
}

Zone::Zone() : Zone("UTC", rules_of_fixed("UTC", seconds(0))) {}

Zone Zone::named(std::string_view name) {
  if (const auto offset = fixed_offset(name)) {
    const std::string canonical = fixed_name(*offset);
    return Zone(canonical, rules_of_fixed(canonical, *offset));
  }
  const std::string text(name);
  if (const ZoneRules* rules = registry().find_or_make(text, [&] { return iana_rules(text); })) {
    return Zone(text, *rules);
  }
  const std::vector<std::string> names = iana_names();
  throw Error(Fault::Misconfigured, "unknown_zone",
              fmt::format("no time zone is called \"{}\"{}", name,
                          did_you_mean(nearest(name, std::span<const std::string>(names)))),
              "Write a fixed offset such as \"UTC-8\" or an IANA name such as \"Europe/Berlin\"");
}

Interval Zone::bounds(Day day) const {
  return {instant_of(midnight(day)), instant_of(midnight(day.plus(1)))};
}

Day Zone::day_of(Instant instant) const {
  const seconds offset = rules_->pieces[piece_at(*rules_, instant)].offset;
  // Where midnight comes twice the day starts at the first one, and calendars lag behind it; even
  // by a whole day where a zone once changed sides of the date line.
  Day day(std::chrono::floor<days>(instant + offset) + days(2));
  while (instant_of(midnight(day)) > instant) day = day.plus(-1);
  return day;
}

Instant Zone::instant_of(Naive naive) const {
  const auto& pieces = rules_->pieces;
  const auto after =
      std::upper_bound(pieces.begin(), pieces.end(), naive,
                       [](Naive wanted, const ZonePiece& piece) { return wanted < piece.begins; });
  return instant_in(*std::prev(after), naive);
}

Zone::NaiveInterval Zone::naive(Interval interval) const {
  return {first_naive(*rules_, interval.start), first_naive(*rules_, interval.end)};
}

std::vector<OffsetSpan> Zone::spans(Interval interval) const {
  const auto& pieces = rules_->pieces;
  // A day more than promised, because zones that changed sides of the date line repeated one. It
  // also puts the first piece's jump before `interval`, so that earlier times stay outside.
  const std::size_t first = piece_at(*rules_, interval.start - days(3));
  const std::size_t last = piece_at(*rules_, interval.end + days(3));
  std::vector<OffsetSpan> result;
  for (std::size_t i = first; i <= last; ++i) {
    result.push_back({.until = i == last ? Naive::max() : pieces[i + 1].begins,
                      .offset = pieces[i].offset,
                      .floor = pieces[i].floor});
  }
  return result;
}

}  // namespace millrace
