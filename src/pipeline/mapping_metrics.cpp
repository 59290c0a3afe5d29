#include "pipeline/mapping_metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"

namespace millrace::pipeline {
namespace {

using engine::identifier;
using engine::literal;

const std::string kNoNumber = "CAST(NULL AS DOUBLE)";

MapSql metrics_table() {
  MapSql map;
  map.outputs = {"metric_name", "unit_type",   "unit_id", "value",
                 "numerator",   "denominator", "_load"};
  map.sums = {"value", "numerator", "denominator"};
  map.name_output = "metric_name";
  return map;
}

/// (unit type, unit, metric) is unique within the day.
void require_unique(StagedSelect& rows, MapSql& map) {
  Uniqueness& unique = map.unique;
  unique.key = {"metric_name", "unit_type", "unit_id"};
  switch (rows.mapping.on_duplicate) {
    case OnDuplicate::Reject:
      unique.rule = Uniqueness::Rule::Reject;
      return;
    case OnDuplicate::Sum:
      unique.rule = Uniqueness::Rule::Sum;
      return;
    case OnDuplicate::Last:
      break;
  }
  unique.rule = Uniqueness::Rule::First;
  unique.excluded_as = "on_duplicate";
  unique.extra = {"_order"};
  rows.keep("_order", rows.source.value(rows.mapping.order_by));
  unique.order =
      "_order DESC NULLS LAST, CAST(value AS VARCHAR), CAST(numerator AS VARCHAR), "
      "CAST(denominator AS VARCHAR)";
}

void keep_number(StagedSelect& rows, const std::string& name, const std::string& column) {
  rows.keep(name, column.empty() ? kNoNumber : rows.source.number(column));
}

/// True where a column holds something that is no finite number, given the number made of it.
std::string bad_number(const StagedSelect& rows, const std::string& column,
                       const std::string& number) {
  if (column.empty()) return "false";
  return fmt::format("({} AND {} IS NULL)", rows.source.has_value(column), number);
}

std::string present(const StagedSelect& rows, const std::string& column) {
  return column.empty() ? "false"
                        : fmt::format("coalesce({}, false)", rows.source.has_value(column));
}

/// What a load looks at to find a column that was mapped by mistake.
void add_casts(const StagedSelect& rows, MapSql& map, const Named& column_and_number) {
  for (const auto& [column, number] : column_and_number) {
    if (column.empty()) continue;
    map.casts.push_back({column, rows.source.kept_name(column), number});
  }
}

/// The unit type, one for all rows or one a row, and its rule.
void keep_unit_type(StagedSelect& rows, const std::vector<std::string>& unit_types) {
  const Field& field = rows.mapping.id_type;
  if (field.literal) {
    if (std::find(unit_types.begin(), unit_types.end(), field.text) == unit_types.end()) {
      throw Error(Fault::Misconfigured, "unknown_unit",
                  fmt::format("the mapping's id_type \"{}\" is no unit type of the project{}",
                              field.text, did_you_mean(nearest(field.text, unit_types))),
                  fmt::format("The unit types are {}", fmt::join(unit_types, ", ")));
    }
    rows.keep("unit_type", literal(field.text));
    return;
  }
  std::vector<std::string> known;
  for (const std::string& unit : unit_types) known.push_back(literal(unit));
  if (known.empty()) known.emplace_back("''");
  const std::string is_known = fmt::format("unit_type IN ({})", fmt::join(known, ", "));
  rows.keep("unit_type", rows.source.text(field.text));
  rows.reject("unknown_unit", fmt::format("unit_type IS NULL OR NOT {}", is_known), is_known);
}

void keep_unit_id(StagedSelect& rows) {
  const Field& field = rows.mapping.unit_id;
  rows.keep("unit_id", field.literal ? literal(field.text) : rows.source.id(field.text));
  rows.reject("no_id", "unit_id IS NULL", "unit_id IS NOT NULL");
}

}  // namespace

MapSql map_long_metrics(StagedSelect& rows, const std::vector<std::string>& unit_types) {
  const Mapping& mapping = rows.mapping;
  MapSql map = metrics_table();
  rows.keeps_source = true;
  rows.add_label(mapping.date);
  rows.keep_name("metric_name", mapping.metric_name);
  keep_unit_type(rows, unit_types);
  keep_unit_id(rows);

  rows.add("_value",
           mapping.metric_value.empty() ? kNoNumber : rows.source.number(mapping.metric_value));
  keep_number(rows, "numerator", mapping.numerator);
  keep_number(rows, "denominator", mapping.denominator);
  // A row with both halves is a ratio, whatever else it holds.
  rows.keep("value");
  rows.derive("value", "CASE WHEN numerator IS NULL OR denominator IS NULL THEN _value END");
  const std::string has_top = present(rows, mapping.numerator);
  const std::string has_bottom = present(rows, mapping.denominator);
  const std::string ratio = "(numerator IS NOT NULL AND denominator IS NOT NULL)";
  const std::string plain =
      fmt::format("(_value IS NOT NULL AND NOT {} AND NOT {})", has_top, has_bottom);
  const std::string good = fmt::format("({} OR {})", ratio, plain);
  rows.reject(
      "bad_value",
      fmt::format("{} OR {} OR (NOT {} AND {})", bad_number(rows, mapping.numerator, "numerator"),
                  bad_number(rows, mapping.denominator, "denominator"), ratio,
                  bad_number(rows, mapping.metric_value, "_value")),
      good);
  rows.reject("half_ratio", fmt::format("{} <> {}", has_top, has_bottom), "true");
  rows.reject("bad_value", "NOT " + good, "true");
  add_casts(rows, map,
            {{mapping.metric_value, "_value"},
             {mapping.numerator, "numerator"},
             {mapping.denominator, "denominator"}});

  map.branches.push_back({.values = {}, .present = "true"});
  for (const std::string& output : map.outputs) {
    map.branches[0].values.emplace_back(output, identifier(output));
  }
  require_unique(rows, map);
  map.unique.searches = {{"metric_name, unit_type, unit_id", "true"}};
  rows.keep("_value");
  rows.write(map);
  return map;
}

namespace {

/// One metric of a wide row, staged as columns: `_value<m>`, or `_top<m>` and `_bottom<m>`, NULL
/// where they are no finite numbers.
struct WideColumns {
  std::string good;  ///< Condition: the row has the metric.
  std::string bad;   ///< Its reason, or NULL.
  Computed values;
};

WideColumns keep_value(StagedSelect& rows, const WideMetric& metric, std::size_t m, MapSql& map) {
  const std::string name = fmt::format("_value{}", m);
  keep_number(rows, name, metric.value);
  add_casts(rows, map, {{metric.value, name}});
  return {name + " IS NOT NULL",
          fmt::format("CASE WHEN {} THEN 'bad_value' END", bad_number(rows, metric.value, name)),
          {{"value", name}, {"numerator", kNoNumber}, {"denominator", kNoNumber}}};
}

WideColumns keep_ratio(StagedSelect& rows, const WideMetric& metric, std::size_t m, MapSql& map) {
  const std::string top = fmt::format("_top{}", m), bottom = fmt::format("_bottom{}", m);
  keep_number(rows, top, metric.numerator);
  keep_number(rows, bottom, metric.denominator);
  add_casts(rows, map, {{metric.numerator, top}, {metric.denominator, bottom}});
  return {fmt::format("({} IS NOT NULL AND {} IS NOT NULL)", top, bottom),
          fmt::format("CASE WHEN {} OR {} THEN 'bad_value' WHEN {} <> {} THEN 'half_ratio' END",
                      bad_number(rows, metric.numerator, top),
                      bad_number(rows, metric.denominator, bottom), present(rows, metric.numerator),
                      present(rows, metric.denominator)),
          {{"value", kNoNumber}, {"numerator", top}, {"denominator", bottom}}};
}

/// A table row for each unit that has this metric.
void add_branches(const StagedSelect& rows, const std::string& metric, const WideColumns& columns,
                  const std::vector<std::string>& units, MapSql& map) {
  for (std::size_t u = 0; u < units.size(); ++u) {
    Branch branch{.values = {{"metric_name", literal(metric)},
                             {"unit_type", literal(rows.mapping.units[u].first)},
                             {"unit_id", units[u]}},
                  .present = fmt::format("{} IS NOT NULL AND {}", units[u], columns.good),
                  .key = u};
    branch.values.insert(branch.values.end(), columns.values.begin(), columns.values.end());
    branch.values.emplace_back("_load", "_load");
    map.branches.push_back(std::move(branch));
  }
}

}  // namespace

MapSql map_wide_metrics(StagedSelect& rows) {
  const Mapping& mapping = rows.mapping;
  MapSql map = metrics_table();
  rows.keeps_source = true;
  rows.add_label(mapping.date);
  const auto units = rows.keep_units("_unit_", mapping.units);
  require_unique(rows, map);
  for (const std::string& unit : units)
    map.unique.searches.push_back({unit, unit + " IS NOT NULL"});

  std::vector<std::string> good, bad, named;
  for (std::size_t m = 0; m < mapping.metrics.size(); ++m) {
    const WideMetric& metric = mapping.metrics[m];
    check_name("metric name", metric.name);
    const WideColumns columns =
        metric.value.empty() ? keep_ratio(rows, metric, m, map) : keep_value(rows, metric, m, map);
    good.push_back(columns.good);
    bad.push_back(columns.bad);
    named.push_back(
        fmt::format("CASE WHEN {} IS NOT NULL THEN {} END", columns.bad, literal(metric.name)));
    add_branches(rows, metric.name, columns, units, map);
  }
  // The first thing that is wrong with any metric; a row that has them all needs no closer look.
  rows.derive("_bad", fmt::format("CASE WHEN {} THEN NULL ELSE coalesce(NULL, {}) END",
                                  fmt::join(good, " AND "), fmt::join(bad, ", ")));
  const std::string none_good = fmt::format("NOT ({})", fmt::join(good, " OR "));
  rows.reject("bad_value", fmt::format("_bad = 'bad_value' AND {}", none_good), "_bad IS NULL");
  rows.reject("half_ratio", fmt::format("_bad = 'half_ratio' AND {}", none_good), "true");
  rows.partly = "_bad";
  rows.detail = fmt::format("concat_ws(', ', {})", fmt::join(named, ", "));
  rows.write(map);
  return map;
}

}  // namespace millrace::pipeline
