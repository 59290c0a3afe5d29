#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Who starts the first load of a day.
enum class ScheduleMode {
  Daily,   ///< The clock.
  Api,     ///< A call; days that are loaded are followed up all the same.
  Manual,  ///< A person; nothing happens by itself.
};
std::string_view name_of(ScheduleMode mode);  ///< "daily", "api", "manual"

/// Times of day in the project's zone, on the day after the one that is loaded.
struct Schedule {
  ScheduleMode mode = ScheduleMode::Daily;
  int hour = 10;                   ///< 0–23.
  int deadline_minutes = 18 * 60;  ///< Of the day; the first such time at or after the hour.
  /// SQL for the warehouse, with the query's placeholders: a day is loaded when each is true.
  std::vector<std::string> ready;
  bool operator==(const Schedule&) const = default;
};

/// Ages, in days since a day first ended (loaded, or without data), at which it is checked again.
/// Empty: never. The default is the preset `exact`.
using FollowUp = std::vector<int>;
inline const FollowUp kExactFollowUp{1, 2, 3, 5, 8, 14};

/// How an ingestion is kept current without anybody watching. Changing it changes no day.
struct Upkeep {
  bool enabled = false;
  Schedule schedule;
  FollowUp follow_up = kExactFollowUp;
  bool operator==(const Upkeep&) const = default;
};

}  // namespace millrace
