#include "pipeline/mapping.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "pipeline/mapping_metrics.h"
#include "pipeline/staged_select.h"

namespace millrace::pipeline {
namespace {

using engine::identifier;

/// Outputs that are staged under their own names.
Branch as_staged(const std::vector<std::string>& outputs) {
  Branch branch;
  for (const std::string& output : outputs) branch.values.emplace_back(output, identifier(output));
  branch.present = "true";
  return branch;
}

void append(std::vector<std::string>& list, std::initializer_list<std::string> more) {
  list.insert(list.end(), more);
}

void append_units(std::vector<std::string>& list, const Named& ids) {
  for (const auto& [unit, column] : ids) list.push_back("unit_" + unit);
}

/// `value` where it is a number, else `value_text`.
void keep_value(StagedSelect& rows, const std::string& column) {
  if (column.empty()) {
    rows.keep("value", "CAST(NULL AS DOUBLE)");
    rows.keep("value_text", "CAST(NULL AS VARCHAR)");
    return;
  }
  const std::string number = rows.source.number(column);
  rows.keep("value", number);
  if (rows.source.named(column).type == ColumnType::Integer) {
    rows.keep("value_text", "CAST(NULL AS VARCHAR)");
  } else {
    rows.keep("value_text");
    rows.derive("value_text",
                fmt::format("CASE WHEN value IS NULL THEN {} END", rows.source.id(column)));
  }
}

/// The earliest of equal events stays. Ties go by the mapped row's text, so that a day read twice
/// stores the same rows.
void dedupe(StagedSelect& rows, MapSql& map) {
  const std::vector<std::string>& columns = rows.mapping.dedupe;
  if (columns.empty()) return;
  Uniqueness& unique = map.unique;
  unique.rule = Uniqueness::Rule::First;
  unique.excluded_as = "dedupe";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    unique.extra.push_back(fmt::format("_dedupe{}", i));
    rows.keep(unique.extra.back(), rows.source.id(columns[i]));
  }
  unique.key = unique.extra;
  const std::string key = fmt::format("{}", fmt::join(unique.key, ", "));
  unique.order = "ts";
  for (const std::string& output : map.outputs) {
    if (output != "ts") unique.order += fmt::format(", CAST({} AS VARCHAR)", identifier(output));
  }
  // Rows without any of the columns cannot be told to be the same event.
  unique.searches = {{key, fmt::format("coalesce({}) IS NOT NULL", key)}};
  map.in_place = false;
}

MapSql map_events(StagedSelect& rows) {
  MapSql map;
  map.in_place = true;
  map.outputs = {"event_name", "ts"};
  rows.keep_time(rows.mapping.timestamp);
  rows.keep_name("event_name", rows.mapping.event_name);
  rows.keep_units("unit_", rows.mapping.ids);
  append_units(map.outputs, rows.mapping.ids);
  keep_value(rows, rows.mapping.event_value);
  rows.keep_metadata();
  append(map.outputs, {"value", "value_text", "metadata", "_load"});
  dedupe(rows, map);
  map.sums = {"value"};
  map.name_output = "event_name";
  map.time_output = "ts";
  map.branches = {as_staged(map.outputs)};
  rows.write(map);
  return map;
}

MapSql map_exposures(StagedSelect& rows) {
  MapSql map;
  map.in_place = true;
  map.outputs = {"experiment", "group_id", "ts"};
  rows.keep_time(rows.mapping.timestamp);
  rows.keep_name("experiment", rows.mapping.experiment);
  rows.keep_name("group_id", rows.mapping.group_id);
  rows.keep_units("unit_", rows.mapping.ids);
  append_units(map.outputs, rows.mapping.ids);
  rows.keep_metadata();
  append(map.outputs, {"metadata", "_load"});
  map.name_output = "experiment";
  map.time_output = "ts";
  map.branches = {as_staged(map.outputs)};
  rows.write(map);
  return map;
}

MapSql map_properties(StagedSelect& rows) {
  const Mapping& mapping = rows.mapping;
  MapSql map;
  map.outputs = {"unit_type", "unit_id", "ts", "properties", "_load"};
  rows.keep_time(mapping.timestamp);
  const auto units = rows.keep_units("_unit_", mapping.ids);
  Named properties = mapping.properties;
  if (mapping.properties_all) {
    Definition others;
    others.mapping = mapping;
    others.mapping.properties_all = false;
    properties = rows.source.with_all_others(properties, columns_of(others));
  }
  rows.keep("properties", rows.source.json(properties));
  for (std::size_t i = 0; i < units.size(); ++i) {
    map.branches.push_back({.values = {{"unit_type", engine::literal(mapping.ids[i].first)},
                                       {"unit_id", units[i]},
                                       {"ts", "ts"},
                                       {"properties", "properties"},
                                       {"_load", "_load"}},
                            .present = units[i] + " IS NOT NULL"});
  }
  map.name_output = "unit_type";
  if (!mapping.timestamp.empty()) map.time_output = "ts";
  rows.write(map);
  return map;
}

}  // namespace

MapSql map_sql(const Definition& definition, const engine::Relation& source, const MappedDays& days,
               const std::vector<std::string>& unit_types) {
  StagedSelect rows(definition, source, days);
  switch (definition.dataset) {
    case Dataset::Events:
      return map_events(rows);
    case Dataset::Exposures:
      return map_exposures(rows);
    case Dataset::Metrics:
      return definition.mapping.metrics.empty() ? map_long_metrics(rows, unit_types)
                                                : map_wide_metrics(rows);
    case Dataset::EntityProperties:
      return map_properties(rows);
  }
  throw std::logic_error("a dataset without a mapping");
}

}  // namespace millrace::pipeline
