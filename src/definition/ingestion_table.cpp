#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "definition/keys.h"
#include "definition/tables.h"
#include "definition/toml_text.h"
#include "warehouse/query_text.h"

namespace millrace::definition {
namespace {

namespace fs = std::filesystem;

const Node::Member& needed(const Node::Member& table, std::string_view key,
                           const std::string& heading) {
  if (const Node::Member* member = table.value.find(key)) return *member;
  const TableRule& rule = table_rule("ingestion.NAME");
  const auto known = std::find_if(rule.keys.begin(), rule.keys.end(),
                                  [&](const KeyRule& candidate) { return candidate.name == key; });
  refuse(table.value.place, fmt::format("[{}] lacks \"{}\"", heading, key),
         fmt::format("For example: {} = {}", key, known->example));
}

std::string query_from(const Node::Member& member, const Source& source) {
  const fs::path path = fs::path(source.file.name).parent_path() / member.value.text;
  const auto found = source.file.queries.find(member.value.text);
  if (found == source.file.queries.end()) {
    refuse(member.value.place, fmt::format("there is no file {}", path.string()),
           "`query_file` is relative to the file that names it");
  }
  std::string query = found->second;
  if (query.starts_with("\xEF\xBB\xBF")) query.erase(0, 3);
  while (!query.empty() && std::isspace(static_cast<unsigned char>(query.back()))) query.pop_back();
  if (query.empty()) {
    refuse(member.value.place, fmt::format("{} is empty", path.string()),
           "Write one SELECT into it");
  }
  return query;
}

/// A mistyped placeholder is found now rather than by the first load. Whatever else is wrong with
/// the SQL is for the warehouse to say, in its own dialect.
void check_placeholders(const Node::Member& member, const std::string& query) {
  const warehouse::Dialect any{.name = "any",
                               .identifier = warehouse::quoted_identifier,
                               .literal = warehouse::quoted_literal,
                               .date_literal = warehouse::iso_date_literal,
                               .instant_literal = warehouse::iso_instant_literal,
                               .naive_literal = warehouse::iso_naive_literal};
  const Day day = *Day::parse("2026-01-01");
  try {
    warehouse::render(query, {day, day}, Zone(), any);
  } catch (const Error& error) {
    if (error.code == "unknown_placeholder") refuse(member.value.place, error.what(), error.advice);
  }
}

void check_folder(const Node::Member& member) {
  const fs::path folder = member.value.text;
  const bool climbs =
      std::any_of(folder.begin(), folder.end(), [](const fs::path& part) { return part == ".."; });
  if (climbs) {
    refuse(member.value.place, "\"folder\" must not contain \"..\"",
           "Name a folder below the connection's root");
  }
}

/// Exactly one of query, query_file and folder.
void read_origin(const Node::Member& table, const Source& source, const std::string& heading,
                 Definition& definition) {
  const Node::Member* only = nullptr;
  for (const std::string_view key : {"query", "query_file", "folder"}) {
    const Node::Member* member = table.value.find(key);
    if (!member) continue;
    if (only) {
      refuse(member->place,
             fmt::format("[{}] has both \"{}\" and \"{}\"", heading, only->key, member->key),
             "Keep one of the two");
    }
    only = member;
  }
  if (!only) {
    refuse(table.value.place,
           fmt::format("[{}] lacks \"query\", \"query_file\" or \"folder\"", heading),
           "Write the SQL as query = '''…''', name its file, or the folder of a layout");
  }
  if (only->key == "folder") {
    check_folder(*only);
    definition.folder = only->value.text;
    return;
  }
  definition.query = only->key == "query" ? only->value.text : query_from(*only, source);
  check_placeholders(*only, definition.query);
}

Partition read_partition(const Node::Member& table, const std::string& heading) {
  check_keys(table.value, table_rule("ingestion.NAME.partition"), heading);
  Partition partition{.column = text_in(table.value, "column")};
  if (partition.column.empty()) {
    refuse(table.value.place, fmt::format("[{}] lacks \"column\"", heading),
           "For example: partition = { column = \"ds\", type = \"date\" }");
  }
  if (const std::string type = text_in(table.value, "type"); !type.empty()) partition.type = type;
  if (const Node::Member* lag = table.value.find("lag_days")) {
    constexpr std::int64_t kYear = 366;
    if (lag->value.integer < 0 || lag->value.integer > kYear) {
      refuse(lag->value.place,
             fmt::format("\"lag_days\" must be from 0 to {}, not {}", kYear, lag->value.integer),
             "Write by how many days a row's partition may be later than its time");
    }
    partition.lag_days = static_cast<int>(lag->value.integer);
  }
  return partition;
}

double percent_of(const std::string& text) {
  double percent = 0;
  std::from_chars(text.data(), text.data() + text.size(), percent);
  return percent;
}

Limits read_limits(const Node& table, const std::string& heading) {
  check_keys(table, table_rule("ingestion.NAME.limits"), heading);
  Limits limits;
  if (const Node::Member* rejected = table.find("max_rejected")) {
    if (rejected->value.is(Node::Type::Integer)) {
      limits.max_rejected.rows = rejected->value.integer;
    } else {
      limits.max_rejected.percent = percent_of(rejected->value.text);
    }
  }
  if (const Node::Member* shrink = table.find("shrink_max")) {
    limits.shrink_max_percent = percent_of(shrink->value.text);
  }
  if (const Node::Member* empty = table.find("allow_empty")) {
    limits.allow_empty = empty->value.boolean;
  }
  if (const Node::Member* budget = table.find("rows_per_month")) {
    if (budget->value.integer < 1) {
      refuse(budget->value.place,
             fmt::format("\"rows_per_month\" must be at least 1, not {}", budget->value.integer),
             "Write how many rows a month may load, or leave it out");
    }
    limits.rows_per_month = budget->value.integer;
  }
  return limits;
}

Gate read_gate(const Node::Member& member) {
  Gate gate{.kind = Gate::Kind::Call, .text = member.value.text};
  for (const Gate::Kind kind : {Gate::Kind::Sql, Gate::Kind::Table, Gate::Kind::Object}) {
    if (member.key == name_of(kind)) gate.kind = kind;
  }
  check_placeholders(
      member, gate.kind == Gate::Kind::Sql ? gate.text : warehouse::quoted_literal(gate.text));
  return gate;
}

Schedule read_schedule(const Node& table, const std::string& heading) {
  check_keys(table, table_rule("ingestion.NAME.schedule"), heading);
  Schedule schedule;
  const std::string mode = text_in(table, "mode");
  for (const ScheduleMode known :
       {ScheduleMode::Daily, ScheduleMode::Hourly, ScheduleMode::Api, ScheduleMode::Manual}) {
    if (mode == name_of(known)) schedule.mode = known;
  }
  if (const Node::Member* hour = table.find("hour")) {
    if (schedule.mode == ScheduleMode::Hourly) {
      refuse(hour->place, "\"hour\" does not go with mode \"hourly\"",
             "Write `every_hours`; a day is due when it is over");
    }
    if (hour->value.integer < 0 || hour->value.integer > 23) {
      refuse(hour->value.place,
             fmt::format("\"hour\" must be from 0 to 23, not {}", hour->value.integer),
             "Write an hour of the project's zone, such as 6");
    }
    schedule.hour = static_cast<int>(hour->value.integer);
  }
  if (const Node::Member* hours = table.find("every_hours")) {
    if (schedule.mode != ScheduleMode::Hourly) {
      refuse(hours->place, "\"every_hours\" goes with mode \"hourly\"",
             "Write mode = \"hourly\", or leave every_hours out");
    }
    if (hours->value.integer < 1 || hours->value.integer > 23) {
      refuse(hours->value.place,
             fmt::format("\"every_hours\" must be from 1 to 23, not {}", hours->value.integer),
             "Write how many hours lie between two loads, such as 6");
    }
    schedule.every_hours = static_cast<int>(hours->value.integer);
  }
  if (const Node::Member* deadline = table.find("deadline")) {
    schedule.deadline_minutes = time_of_day(*deadline);
  }
  if (const Node::Member* fresh = table.find("fresh_by")) {
    schedule.fresh_by_minutes = time_of_day(*fresh);
  }
  if (const Node::Member* ready = table.find("ready")) {
    for (const Node& gate : ready->value.items) {
      schedule.ready.push_back(read_gate(gate.members.front()));
    }
  }
  return schedule;
}

/// "50GB" as bytes.
std::int64_t bytes_of(const Node::Member& member) {
  const std::string& text = member.value.text;
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"TB", 1'000'000'000'000}};
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = std::string_view(text).substr(static_cast<std::size_t>(read.ptr - text.data()));
  for (const auto& [name, bytes] : kUnits) {
    if (read.ec == std::errc() && number > 0 && number < 1e6 && unit == name) {
      return static_cast<std::int64_t>(number * static_cast<double>(bytes));
    }
  }
  refuse(member.value.place, fmt::format("\"{}\" is no size", text),
         "Write a number of MB, GB or TB, such as \"50GB\"");
}

FollowUp read_ages(const Node::Member& member) {
  constexpr std::int64_t kMost = 31;
  FollowUp ages;
  for (const Node& age : member.value.items) {
    if (age.integer < 1 || age.integer > kMost) {
      refuse(age.place, fmt::format("an age must be from 1 to {} days, not {}", kMost, age.integer),
             "Write the ages at which a day is looked at again, such as [1, 3, 7]");
    }
    ages.push_back(static_cast<int>(age.integer));
  }
  std::sort(ages.begin(), ages.end());
  ages.erase(std::unique(ages.begin(), ages.end()), ages.end());
  return ages;
}

void read_follow_up(const Node& table, Upkeep& upkeep) {
  const std::string preset = text_in(table, "preset");
  for (const Preset& known : presets()) {
    if (known.name != preset) continue;
    upkeep.follow_up = known.ages;
    upkeep.follow_up_rule = known.rule;
  }
  const Node::Member* ages = table.find("ages");
  const Node::Member* threshold = table.find("threshold");
  if ((ages || threshold) && !preset.empty()) {
    const Node::Member& own = ages ? *ages : *threshold;
    refuse(own.place, fmt::format("\"preset\" and \"{}\" exclude each other", own.key),
           "Write `ages`, and `threshold` if the count alone shall decide, or a preset");
  }
  if (threshold && !ages) {
    refuse(threshold->place, "\"threshold\" goes with \"ages\"", "For example: ages = [1, 3, 7]");
  }
  if (ages) upkeep.follow_up = read_ages(*ages);
  if (threshold) upkeep.follow_up_rule.threshold_percent = percent_of(threshold->value.text);
  if (const Node::Member* most = table.find("max_scan")) {
    upkeep.follow_up_rule.max_scan_bytes = bytes_of(*most);
  }
}

Upkeep read_upkeep(const Node& table, const std::string& heading) {
  Upkeep upkeep;
  if (const Node::Member* enabled = table.find("enabled")) upkeep.enabled = enabled->value.boolean;
  if (const Node::Member* schedule = table.find("schedule")) {
    upkeep.schedule = read_schedule(schedule->value, heading + ".schedule");
  }
  if (const Node::Member* follow_up = table.find("follow_up")) {
    check_keys(follow_up->value, table_rule("ingestion.NAME.follow_up"), heading + ".follow_up");
    read_follow_up(follow_up->value, upkeep);
  }
  return upkeep;
}

}  // namespace

int time_of_day(const Node::Member& member) {
  const std::string& text = member.value.text;
  int hour = -1, minute = -1;
  const char* end = text.data() + text.size();
  const auto at_hour = std::from_chars(text.data(), end, hour);
  if (at_hour.ec == std::errc() && at_hour.ptr != end && *at_hour.ptr == ':') {
    const auto at_minute = std::from_chars(at_hour.ptr + 1, end, minute);
    if (at_minute.ec != std::errc() || at_minute.ptr != end) minute = -1;
  }
  if (text.size() != 5 || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
    refuse(member.value.place, fmt::format("\"{}\" is no time of day", text),
           "Write hours and minutes, such as \"18:00\"");
  }
  return 60 * hour + minute;
}

Ingestion read_ingestion(const Node::Member& table, const Source& source) {
  check_name(table, "ingestion");
  const std::string heading = "ingestion." + table.key;
  check_keys(table.value, table_rule("ingestion.NAME"), heading);
  Ingestion ingestion{.handle = table.key, .name = table.key};
  ingestion.managed_by = "file:" + source.file.name;
  if (const std::string name = text_in(table.value, "name"); !name.empty()) ingestion.name = name;
  ingestion.connection = needed(table, "connection", heading).value.text;
  Definition& definition = ingestion.definition;
  definition.dataset = *dataset_named(needed(table, "dataset", heading).value.text);
  definition.zone = source.configuration.project.zone.name();
  read_origin(table, source, heading, definition);
  if (const Node::Member* partition = table.value.find("partition")) {
    if (!definition.folder.empty()) {
      refuse(partition->place, "\"partition\" does not apply to \"folder\": the folder is the day",
             "Leave partition out");
    }
    definition.partition = read_partition(*partition, heading + ".partition");
  }
  definition.mapping = read_mapping(needed(table, "mapping", heading), heading + ".mapping",
                                    definition, source.configuration.project);
  if (const Node::Member* limits = table.value.find("limits")) {
    ingestion.limits = read_limits(limits->value, heading + ".limits");
  }
  ingestion.upkeep = read_upkeep(table.value, heading);
  ingestion.audience = read_audience(table.value, heading);
  return ingestion;
}

}  // namespace millrace::definition
