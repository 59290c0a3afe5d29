#include "model/upkeep.h"

#include <fmt/format.h>

#include <stdexcept>

namespace millrace {

std::string_view name_of(ScheduleMode mode) {
  switch (mode) {
    case ScheduleMode::Daily:
      return "daily";
    case ScheduleMode::Hourly:
      return "hourly";
    case ScheduleMode::Api:
      return "api";
    case ScheduleMode::Manual:
      return "manual";
  }
  throw std::logic_error("a mode of a schedule without a name");
}

std::string_view name_of(Gate::Kind kind) {
  switch (kind) {
    case Gate::Kind::Sql:
      return "sql";
    case Gate::Kind::Table:
      return "table";
    case Gate::Kind::Object:
      return "object";
    case Gate::Kind::Call:
      return "call";
  }
  throw std::logic_error("a gate without a name");
}

std::string clock_text(int minutes) {
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

std::span<const Preset> presets() {
  static const std::vector<Preset> all = {
      {"exact", kExactFollowUp, {}},
      {"3d-5pct", {1, 2, 3}, {.threshold_percent = 5, .from_label = true, .max_scan_bytes = {}}},
      {"2w-1pct",
       {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
       {.threshold_percent = 1, .from_label = false, .max_scan_bytes = {}}},
      {"off", {}, {}},
  };
  return all;
}

std::string_view preset_of(const FollowUp& ages, const FollowUpRule& rule) {
  for (const Preset& preset : presets()) {
    if (preset.ages == ages &&
        (ages.empty() || (preset.rule.threshold_percent == rule.threshold_percent &&
                          preset.rule.from_label == rule.from_label))) {
      return preset.name;
    }
  }
  return "own";
}

}  // namespace millrace
