#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/scratch_folder.h"
#include "engine/database.h"
#include "model/work.h"
#include "pipeline/day_writer.h"
#include "pipeline/mapping.h"

/// For tests: maps the rows of a SELECT as a day, without a warehouse, and shows what is stored.
namespace millrace::pipeline::fixture {

struct Day {
  explicit Day(Dataset dataset) {
    work.definition.dataset = dataset;
    work.definition.query = "a query";
    work.definition.zone = "UTC-8";
    work.unit_types = {"userID", "stableID"};
    work.ingestion = "ing";
    manifest.load = "load";
    manifest.day = *millrace::Day::parse("2026-11-20");
    manifest.revision = "r-1";
  }

  engine::Database open() const {
    engine::Options options;
    options.threads = 1;
    options.memory_bytes = 450 << 20;
    options.spill = folder.path() / "spill";
    options.allowed = {folder.path().string()};
    return engine::Database::open(options);
  }

  /// Column types are the engine's, unless named here.
  engine::Relation relation(engine::Database& database, const std::string& select) const {
    engine::Relation source{select, database.describe(select)};
    for (Column& column : source.columns) {
      if (const auto found = types.find(column.name); found != types.end()) {
        column.type = found->second;
      }
    }
    return source;
  }

  void write(const std::string& select) {
    engine::Database database = open();
    write(database, relation(database, select));
  }

  void write(engine::Database& database, const engine::Relation& source) {
    const MapSql map =
        map_sql(work.definition, source, {manifest.day, {manifest.load}, {}}, work.unit_types);
    write_day(database, map, work, folder.path(), manifest, {});
  }

  /// Rows of the data file, values by `|`, NULL as `-`, in order.
  std::vector<std::string> rows(const std::string& columns,
                                const std::string& order = "ALL") const {
    if (manifest.files.empty()) return {};
    return texts("SELECT " + columns + " FROM '" + (folder.path() / "load-0.parquet").string() +
                 "' ORDER BY " + order);
  }
  /// Rows of the quarantine file.
  std::vector<std::string> rejects(const std::string& columns = "reason, original") const {
    if (manifest.quarantine.empty()) return {};
    return texts("SELECT " + columns + " FROM '" + (folder.path() / manifest.quarantine).string() +
                 "' ORDER BY ALL");
  }
  std::vector<std::string> texts(const std::string& select) const {
    std::vector<std::string> lines;
    open().each(select, [&](const engine::Row& row) {
      std::string line;
      for (const engine::Cell& cell : row) {
        line += (&cell == row.data() ? "" : "|") + std::string(cell.value_or("-"));
      }
      lines.push_back(line);
    });
    return lines;
  }

  Mapping& mapping() { return work.definition.mapping; }
  const Certificate& proof() const { return manifest.certificate; }

  ScratchFolder folder;
  WorkOrder work;
  Manifest manifest;
  std::map<std::string, ColumnType> types;
};

/// Events with a name, a naive UTC time and one id.
inline Day events() {
  Day day(Dataset::Events);
  day.mapping().event_name = {"kind", false};
  day.mapping().timestamp = "ts";
  day.mapping().ids = {{"userID", "user_id"}};
  return day;
}

using Lines = std::vector<std::string>;

}  // namespace millrace::pipeline::fixture
