#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Who starts the first load of a day.
enum class ScheduleMode {
  Daily,   ///< The clock.
  Hourly,  ///< The clock, and again and again while the day is not over.
  Api,     ///< A call; days that are loaded are followed up all the same.
  Manual,  ///< A person; nothing happens by itself.
};
/// "18:00"; minutes since midnight.
std::string clock_text(int minutes);
std::string_view name_of(ScheduleMode mode);  ///< "daily", "hourly", "api", "manual"

/// What must be true of a day before the clock loads it.
struct Gate {
  enum class Kind {
    Sql,     ///< The warehouse answers true.
    Table,   ///< The table was written to since the last load before the day was over.
    Object,  ///< A file, or a folder with files, is there.
    Call,    ///< Somebody said so: who calls has the day loaded at once.
  };
  Kind kind = Kind::Sql;
  std::string text;  ///< SQL, a table, a path, with the query's placeholders. Call: empty.
  bool operator==(const Gate&) const = default;
};
/// "sql", "table", "object", "call": as its TOML begins.
std::string_view name_of(Gate::Kind kind);

/// Times of day in the project's zone, on the day after the one that is loaded.
struct Schedule {
  ScheduleMode mode = ScheduleMode::Daily;
  std::optional<int> hour;         ///< 0–23, its own; none: its dataset's.
  int deadline_minutes = 18 * 60;  ///< Of the day; the first such time at or after the hour.
  std::vector<Gate> ready;         ///< A day is loaded when each is open.
  int every_hours = 1;             ///< Hourly: at 0:00 and every so many hours after it.
  /// Of the day after: who still lacks the day then is told, whoever loads it and whether or not
  /// anything runs.
  std::optional<int> fresh_by_minutes;
  bool operator==(const Schedule&) const = default;
};

/// Of datasets whose hour nobody set.
inline constexpr int kUsualHour = 10;

/// Ages, in days since a day first ended (loaded, or without data), at which it is checked again.
/// Empty: never. The default is the preset `exact`.
using FollowUp = std::vector<int>;
inline const FollowUp kExactFollowUp{1, 2, 3, 5, 8, 14};

/// How a follow-up looks.
struct FollowUpRule {
  /// Set: COUNT alone decides, and a day that differs by no more than this stays as it is, with a
  /// known difference. Not set: COUNT, and where it is equal the fingerprint.
  std::optional<double> threshold_percent;
  bool from_label = false;  ///< Ages count from the day's label, not from when it first ended.
  /// What the checks of one time may read, where the warehouse tells; the rest is skipped.
  std::optional<std::int64_t> max_scan_bytes;
  bool operator==(const FollowUpRule&) const = default;
};

/// A pair of them under a name that people write; ages of their own have none.
struct Preset {
  std::string_view name;
  FollowUp ages;
  FollowUpRule rule;
};
std::span<const Preset> presets();
/// "exact", "3d-5pct", "2w-1pct", "off", or "own". `max_scan_bytes` does not matter.
std::string_view preset_of(const FollowUp& ages, const FollowUpRule& rule);

/// How an ingestion is kept current without anybody watching. Changing it changes no day.
struct Upkeep {
  bool enabled = false;
  Schedule schedule;
  FollowUp follow_up = kExactFollowUp;
  FollowUpRule follow_up_rule;
  bool operator==(const Upkeep&) const = default;
};

}  // namespace millrace
