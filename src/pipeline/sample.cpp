#include "pipeline/sample.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "pipeline/copies.h"
#include "pipeline/mapping.h"
#include "pipeline/misfits.h"
#include "pipeline/stage_day.h"

namespace millrace::pipeline {
namespace {

using engine::identifier;

std::string output_list(const Branch& branch, bool empty) {
  std::string list;
  for (const auto& [name, expression] : branch.values) {
    if (name == "_load") continue;
    list += fmt::format("{} AS {}, ", empty ? "NULL" : expression, identifier(name));
  }
  return list;
}

/// Rows as the table would hold them; bad ones beside them.
std::string marked(const MapSql& map) {
  const std::string bad = fmt::format(
      "coalesce(_reject, _exclude, _partly) AS problem, "
      "CASE WHEN coalesce(_reject, _partly) IS NOT NULL THEN {} END "
      "AS original",
      map.original);
  if (map.in_place || map.branches.size() == 1) {
    return fmt::format("SELECT {}{} FROM staged", output_list(map.branches[0], false), bad);
  }
  std::vector<std::string> selects;
  for (const Branch& branch : map.branches) {
    selects.push_back(
        fmt::format("SELECT {}CAST(NULL AS VARCHAR) AS problem, "
                    "CAST(NULL AS VARCHAR) AS original FROM staged WHERE {} AND {}",
                    output_list(branch, false), kGood, branch.present));
  }
  selects.push_back(
      fmt::format("SELECT {}{} FROM staged WHERE "
                  "coalesce(_reject, _exclude, _partly) IS NOT NULL",
                  output_list(map.branches[0], true), bad));
  return fmt::format("{}", fmt::join(selects, " UNION ALL "));
}

/// What people should know of the rows; `other_days`: said of those that are not of the day asked
/// for, which is no wonder then.
std::string note_on(engine::Database& database, const MapSql& map, const WorkOrder& work,
                    const Manifest& manifest, const std::string& other_days, std::stop_token stop) {
  if (const auto misread = misread_unit(database, map, work, manifest, stop)) {
    return fmt::format("{}. {}", misread->what(), misread->advice);
  }
  if (manifest.certificate.read > 0 && !other_days.empty()) return other_days;
  const bool is_all = manifest.certificate.read < work.rows;
  return outside_note(database, map, work, manifest, is_all ? "rows" : "the rows shown", stop);
}

/// What the mapping makes of the rows, as a table: they can be read only once.
std::string map_rows(const WorkOrder& work, Day day, const engine::Relation& rows,
                     engine::Database& database, const std::string& other_days, json::Value& answer,
                     std::stop_token stop) {
  const MapSql map = map_sql(work.definition, rows, {day, {"sample"}, {}}, work.unit_types);
  const std::string no_parts = map.has_partly ? "" : ", CAST(NULL AS VARCHAR) AS _partly";
  database.execute(
      fmt::format("CREATE OR REPLACE TEMP TABLE staged AS SELECT *{} FROM ({}\n) LIMIT {}",
                  no_parts, map.select, work.rows),
      stop);
  Manifest manifest;
  manifest.day = day;
  database.each(
      "SELECT count(*), count(*) FILTER (_exclude = 'outside_day'), "
      "count(*) FILTER (_reject = 'bad_time') FROM staged",
      [&](const engine::Row& row) {
        manifest.certificate.read = std::stoll(std::string(*row[0]));
        const std::int64_t outside = std::stoll(std::string(*row[1]));
        if (outside > 0) manifest.certificate.excluded_by_rule["outside_day"] = outside;
        manifest.certificate.rejected_by_reason["bad_time"] = std::stoll(std::string(*row[2]));
      },
      stop);
  const std::string note = note_on(database, map, work, manifest, other_days, stop);
  if (!note.empty()) answer["notes"].push_back(note);
  return marked(map);
}

json::Value sampled(const WorkOrder& work, const Query& query, Day day,
                    warehouse::Connector& connector, engine::Database& database,
                    const std::string& other_days, std::stop_token stop) {
  const engine::Relation rows = connector.sample(query, day, work.rows, database, stop);
  json::Value answer{{"columns", json::Value::array()},
                     {"rows", json::Value::array()},
                     {"notes", json::Value::array()}};
  for (const Column& column : rows.columns) answer["columns"].push_back(json::from(column));
  const bool mapped = !work.ingestion.empty();
  const std::string select =
      mapped ? map_rows(work, day, rows, database, other_days, answer, stop) : rows.sql;
  database.each_json(
      fmt::format("SELECT * FROM ({}\n) LIMIT {}", select, mapped ? 100 * work.rows : work.rows),
      [&](std::string_view row) { answer["rows"].push_back(json::parse(row, "a row")); }, stop);
  return answer;
}

}  // namespace

json::Value sample_rows(const WorkOrder& work, warehouse::Connector& connector,
                        std::stop_token stop) {
  const Day day = work.days.empty() ? Day() : work.days.front().day;
  engine::Database database =
      mapping_engine({.threads = work.threads}, {}, connector.engine_needs());
  Query query = query_of(work.definition, work.ingestion);
  const bool mapped = !work.ingestion.empty();
  const auto look = [&](const std::string& other_days) {
    try {
      return sampled(work, query, day, connector, database, other_days, stop);
    } catch (const Error& error) {
      throw read_failed(error, {});
    }
  };
  json::Value answer = look({});
  const std::string no_day = mapped ? no_day_note(connector, query, day, stop) : "";
  if (mapped && answer["rows"].empty() && query.time.kind != TimeColumn::Kind::None) {
    query.time = {};
    answer = look(fmt::format("The query has no row of {}: these are of other days", day.text()));
  }
  if (!no_day.empty()) answer["notes"].push_back(no_day);
  return answer;
}

}  // namespace millrace::pipeline
