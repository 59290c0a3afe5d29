#include "pipeline/delta_stats.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/day.h"
#include "model/json.h"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kTextBytesMax = 64;

using ColumnStats = engine::WrittenFile::ColumnStats;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<double> number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || !std::isfinite(value)) return {};
  return value;
}

/// "2026-11-20 08:00:00.123456+00" as "2026-11-20T08:00:00.123Z", rounded down or up.
std::optional<std::string> milliseconds(const std::string& text, bool up) {
  if (text.size() < 19 || !text.ends_with("+00") || !Day::parse(text.substr(0, 10))) return {};
  std::string fraction = text.substr(19, text.size() - 22);
  if (!fraction.empty()) fraction.erase(0, 1);
  fraction.resize(6, '0');
  const auto field = [&](std::size_t at) { return std::atoi(text.substr(at, 2).c_str()); };
  const Instant instant = Day::parse(text.substr(0, 10))->sys() + std::chrono::hours(field(11)) +
                          std::chrono::minutes(field(14)) + std::chrono::seconds(field(17)) +
                          std::chrono::microseconds(std::atoi(fraction.c_str()));
  using std::chrono::milliseconds;
  const auto whole =
      up ? std::chrono::ceil<milliseconds>(instant) : std::chrono::floor<milliseconds>(instant);
  std::string iso = to_text(Instant(whole));
  iso.erase(iso.size() - 4, 3);
  return iso;
}

void add_bounds(const ColumnStats& column, const MapSql& map, json::Value& low, json::Value& high) {
  if (!column.min || !column.max) return;
  if (contains(map.sums, column.column)) {
    const auto from = number(*column.min), to = number(*column.max);
    if (!from || !to) return;
    low[column.column] = *from;
    high[column.column] = *to;
  } else if (column.column == map.time_output) {
    const auto from = milliseconds(*column.min, false), to = milliseconds(*column.max, true);
    if (!from || !to) return;
    low[column.column] = *from;
    high[column.column] = *to;
  } else if (column.column == map.name_output || column.column == "unit_type") {
    if (column.min->size() > kTextBytesMax || column.max->size() > kTextBytesMax) return;
    low[column.column] = *column.min;
    high[column.column] = *column.max;
  }
}

}  // namespace

std::string delta_stats(const engine::WrittenFile& file, const MapSql& map) {
  json::Value low = json::Value::object(), high = low, nulls = low;
  for (const ColumnStats& column : file.columns) {
    if (!contains(map.outputs, column.column)) continue;
    nulls[column.column] = column.nulls;
    add_bounds(column, map, low, high);
  }
  const json::Value stats{
      {"numRecords", file.rows}, {"minValues", low}, {"maxValues", high}, {"nullCount", nulls}};
  return stats.dump();
}

}  // namespace millrace::pipeline
