#include "definition/entries.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "definition/files.h"
#include "definition/toml_text.h"
#include "warehouse/connector.h"

namespace millrace::definition {
namespace {

/// Collects lines of one table, leaving out what says nothing.
class Lines {
 public:
  Lines(std::vector<Entry>& entries, std::string table)
      : entries_(entries), table_(std::move(table)) {}

  void raw(std::string_view key, std::string value) {
    entries_.push_back({table_, std::string(key), std::move(value)});
  }
  void text(std::string_view key, const std::string& text) {
    if (!text.empty()) raw(key, text_value(text));
  }
  void field(std::string_view key, const Field& field) {
    if (field.literal) {
      raw(key, fmt::format("{{ literal = {} }}", text_value(field.text)));
    } else {
      text(key, field.text);
    }
  }
  void columns(std::string_view key, const Named& named, bool all = false) {
    if (all) raw(key, "\"*\"");
    if (named.empty()) return;
    std::string inner;
    for (const auto& [name, column] : named) {
      inner +=
          fmt::format("{}{} = {}", inner.empty() ? "" : ", ", key_text(name), text_value(column));
    }
    raw(key, fmt::format("{{ {} }}", inner));
  }

 private:
  std::vector<Entry>& entries_;
  std::string table_;
};

std::string metrics_value(const std::vector<WideMetric>& metrics) {
  std::string inner;
  for (const WideMetric& metric : metrics) {
    inner += fmt::format("{}{} = ", inner.empty() ? "" : ", ", key_text(metric.name));
    inner += metric.numerator.empty()
                 ? text_value(metric.value)
                 : fmt::format("{{ numerator = {}, denominator = {} }}",
                               text_value(metric.numerator), text_value(metric.denominator));
  }
  return fmt::format("{{ {} }}", inner);
}

void add_mapping(const Mapping& mapping, std::vector<Entry>& entries) {
  Lines lines(entries, "mapping");
  lines.field("event_name", mapping.event_name);
  lines.field("experiment", mapping.experiment);
  lines.field("group_id", mapping.group_id);
  lines.text("timestamp", mapping.timestamp);
  lines.text("timestamp_zone", mapping.timestamp_zone);
  if (mapping.timestamp_unit) {
    lines.text("timestamp_unit", std::string(name_of(*mapping.timestamp_unit)));
  }
  lines.text("date", mapping.date);
  lines.columns("ids", mapping.ids);
  lines.text("event_value", mapping.event_value);
  lines.columns("metadata", mapping.metadata, mapping.metadata_all);
  lines.text("metadata_object", mapping.metadata_object);
  if (!mapping.dedupe.empty()) lines.raw("dedupe", list_value(mapping.dedupe));
  lines.columns("units", mapping.units);
  if (!mapping.metrics.empty()) lines.raw("metrics", metrics_value(mapping.metrics));
  lines.field("unit_id", mapping.unit_id);
  lines.field("id_type", mapping.id_type);
  lines.field("metric_name", mapping.metric_name);
  lines.text("metric_value", mapping.metric_value);
  lines.text("numerator", mapping.numerator);
  lines.text("denominator", mapping.denominator);
  if (mapping.on_duplicate != OnDuplicate::Reject) {
    lines.text("on_duplicate", std::string(name_of(mapping.on_duplicate)));
  }
  lines.text("order_by", mapping.order_by);
  lines.columns("properties", mapping.properties, mapping.properties_all);
}

void add_limits(const Limits& limits, std::vector<Entry>& entries) {
  const Limits usual;
  Lines lines(entries, "limits");
  if (limits.max_rejected.rows) {
    lines.raw("max_rejected", fmt::format("{}", *limits.max_rejected.rows));
  } else if (limits.max_rejected != usual.max_rejected) {
    lines.text("max_rejected", fmt::format("{}%", limits.max_rejected.percent));
  }
  if (limits.shrink_max_percent != usual.shrink_max_percent) {
    lines.text("shrink_max", fmt::format("{}%", limits.shrink_max_percent));
  }
  if (limits.allow_empty) lines.raw("allow_empty", "true");
  if (limits.rows_per_month) {
    lines.raw("rows_per_month", fmt::format("{}", *limits.rows_per_month));
  }
}

void add_follow_up(const Upkeep& upkeep, std::vector<Entry>& entries) {
  Lines lines(entries, "follow_up");
  const FollowUpRule& rule = upkeep.follow_up_rule;
  const std::string preset(preset_of(upkeep.follow_up, rule));
  if (preset == "own") {
    lines.raw("ages", fmt::format("[{}]", fmt::join(upkeep.follow_up, ", ")));
    if (rule.threshold_percent) {
      lines.text("threshold", fmt::format("{}%", *rule.threshold_percent));
    }
  } else if (preset != "exact") {
    lines.text("preset", preset);
  }
  constexpr std::int64_t kMegabyte = 1'000'000, kGigabyte = 1'000'000'000;
  if (const auto bytes = rule.max_scan_bytes) {
    lines.text("max_scan", *bytes % kGigabyte == 0
                               ? fmt::format("{}GB", *bytes / kGigabyte)
                               : fmt::format("{}MB", static_cast<double>(*bytes) / kMegabyte));
  }
}

void add_upkeep(const Upkeep& upkeep, std::vector<Entry>& entries) {
  const Schedule usual;
  Lines schedule(entries, "schedule");
  if (upkeep.schedule.mode != usual.mode) {
    schedule.text("mode", std::string(name_of(upkeep.schedule.mode)));
  }
  const bool is_hourly = upkeep.schedule.mode == ScheduleMode::Hourly;
  if (is_hourly && upkeep.schedule.every_hours != usual.every_hours) {
    schedule.raw("every_hours", fmt::format("{}", upkeep.schedule.every_hours));
  }
  if (!is_hourly && upkeep.schedule.hour) {
    schedule.raw("hour", fmt::format("{}", *upkeep.schedule.hour));
  }
  if (const int minutes = upkeep.schedule.deadline_minutes; minutes != usual.deadline_minutes) {
    schedule.text("deadline", clock_text(minutes));
  }
  if (const auto minutes = upkeep.schedule.fresh_by_minutes) {
    schedule.text("fresh_by", clock_text(*minutes));
  }
  if (!upkeep.schedule.ready.empty()) {
    std::string gates;
    for (const Gate& gate : upkeep.schedule.ready) {
      const bool is_call = gate.kind == Gate::Kind::Call;
      gates += fmt::format("{}{{ {} = {} }}", gates.empty() ? "" : ", ", name_of(gate.kind),
                           is_call ? "true" : text_value(gate.text));
    }
    schedule.raw("ready", fmt::format("[{}]", gates));
  }
  add_follow_up(upkeep, entries);
}

void add_audience(const Audience& audience, std::vector<Entry>& entries) {
  Lines lines(entries, "notify");
  if (!audience.subscribers.empty()) {
    lines.raw("subscribers", list_value(audience.subscribers));
  }
  if (!audience.slack.empty()) lines.raw("slack", list_value(audience.slack));
  if (audience.include_rows) lines.raw("include_rows", "true");
}

std::string partition_value(const Partition& partition) {
  return fmt::format("{{ column = {}, type = {}, lag_days = {} }}", text_value(partition.column),
                     text_value(partition.type), partition.lag_days);
}

const Entry* find(const std::vector<Entry>& entries, const Entry& like) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.table == like.table && entry.key == like.key;
  });
  return found == entries.end() ? nullptr : &*found;
}

std::string name_of(const Entry& entry) {
  return entry.table.empty() ? entry.key : fmt::format("{}.{}", entry.table, entry.key);
}

/// The lines of a value; of a text of several lines, without the quotes around it.
std::vector<std::string> lines_of(const std::string& value) {
  std::vector<std::string> lines;
  std::istringstream in(value);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (lines.size() > 1) {
    lines.erase(lines.begin());
    lines.back().erase(lines.back().size() - 3);
  }
  return lines;
}

/// The first characters of a long line; never half a character.
std::string clipped(const std::string& line) {
  constexpr std::size_t kWidth = 72;
  if (line.size() <= kWidth) return line;
  std::size_t end = kWidth;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "…";
}

std::string shown(const Entry& entry) {
  const std::size_t lines = lines_of(entry.value).size();
  return lines > 1 ? fmt::format("{} lines", lines) : clipped(entry.value);
}

/// "before -> after"; of a text of many lines, the first that differs.
std::string difference(const Entry& before, const Entry& after) {
  const auto old_lines = lines_of(before.value), new_lines = lines_of(after.value);
  if (old_lines.size() == 1 && new_lines.size() == 1) {
    return fmt::format("{}: {} -> {}", name_of(after), clipped(before.value), clipped(after.value));
  }
  const auto [old_line, new_line] =
      std::mismatch(old_lines.begin(), old_lines.end(), new_lines.begin(), new_lines.end());
  const auto line_or_end = [](auto line, const std::vector<std::string>& lines) {
    return line == lines.end() ? std::string("(end)") : clipped(*line);
  };
  return fmt::format("{}: {} lines -> {} lines; the first difference: {} -> {}", name_of(after),
                     old_lines.size(), new_lines.size(), line_or_end(old_line, old_lines),
                     line_or_end(new_line, new_lines));
}

/// As a person would write it: port = 5432. Only what reads back as the same text goes unquoted.
std::string setting_value(const std::string& value) {
  std::int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, number);
  const bool is_number =
      read.ec == std::errc() && read.ptr == end && fmt::format("{}", number) == value;
  return is_number || value == "true" || value == "false" ? value : text_value(value);
}

std::string as_toml(const std::string& heading, const std::vector<Entry>& entries) {
  std::string text = fmt::format("[{}]\n", heading);
  std::string table;
  for (const Entry& entry : entries) {
    if (entry.table != table) {
      table = entry.table;
      text += fmt::format("\n[{}.{}]\n", heading, table);
    }
    text += fmt::format("{} = {}\n", key_text(entry.key), entry.value);
  }
  return text;
}

}  // namespace

std::vector<Entry> entries_of(const Connection& connection) {
  std::vector<Entry> entries;
  Lines lines(entries, "");
  lines.text("kind", connection.kind);
  std::map<std::string, std::string> rest = connection.settings;
  for (const warehouse::Kind* kind : warehouse::kinds()) {
    if (kind->name != connection.kind) continue;
    for (const warehouse::Setting& setting : kind->settings) {
      const auto given = rest.extract(std::string(setting.name));
      if (!given.empty()) lines.raw(given.key(), setting_value(given.mapped()));
    }
  }
  for (const auto& [name, value] : rest) lines.raw(name, setting_value(value));
  return entries;
}

std::vector<Entry> entries_of(const Ingestion& ingestion) {
  std::vector<Entry> entries;
  Lines lines(entries, "");
  const Definition& definition = ingestion.definition;
  if (ingestion.name != ingestion.handle) lines.text("name", ingestion.name);
  lines.text("connection", ingestion.connection);
  lines.text("dataset", std::string(millrace::name_of(definition.dataset)));
  lines.text("query", definition.query);
  lines.text("folder", definition.folder);
  if (definition.partition) lines.raw("partition", partition_value(*definition.partition));
  if (ingestion.upkeep.enabled) lines.raw("enabled", "true");
  lines.text("owner", ingestion.audience.owner);
  add_mapping(definition.mapping, entries);
  add_limits(ingestion.limits, entries);
  add_upkeep(ingestion.upkeep, entries);
  add_audience(ingestion.audience, entries);
  return entries;
}

std::vector<std::string> differences(const std::vector<Entry>& before,
                                     const std::vector<Entry>& after) {
  std::vector<std::string> lines;
  for (const Entry& entry : after) {
    const Entry* old = find(before, entry);
    if (!old) {
      lines.push_back(fmt::format("{}: now {}", name_of(entry), shown(entry)));
    } else if (*old != entry) {
      lines.push_back(difference(*old, entry));
    }
  }
  for (const Entry& entry : before) {
    if (!find(after, entry)) {
      lines.push_back(fmt::format("{}: no longer {}", name_of(entry), shown(entry)));
    }
  }
  return lines;
}

std::string to_toml(const Connection& connection) {
  return as_toml("connection." + key_text(connection.name), entries_of(connection));
}

std::string to_toml(const Ingestion& ingestion) {
  return as_toml("ingestion." + key_text(ingestion.handle), entries_of(ingestion));
}

}  // namespace millrace::definition
