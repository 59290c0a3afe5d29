#include "warehouse/lake/connector.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "warehouse/query_text.h"

namespace millrace::warehouse::lake {
namespace {

constexpr std::int64_t kOwnMemory = 200 << 20;
/// For rows of many megabytes, which one thread reads: of the engine's generous buffers little is
/// touched.
constexpr std::int64_t kOwnMemoryAlone = 450 << 20;

bool is_no_files(const Error& error) { return error.code == "no_files"; }

std::int64_t number(const engine::Cell& cell) { return cell ? std::stoll(std::string(*cell)) : 0; }

}  // namespace

engine::Database& LakeConnector::engine() {
  if (!engine_) {
    engine::Options options = place_->engine_needs();
    options.memory_bytes = alone_ ? kOwnMemoryAlone : kOwnMemory;
    if (alone_) options.threads = 1;
    engine_ = engine::Database::open(options);
  }
  return *engine_;
}

ProbeReport LakeConnector::probed(const std::vector<Step>& steps) {
  ProbeReport report;
  report.server = server();
  for (const auto& [name, work] : steps) {
    try {
      report.steps.push_back({name, true, explained(work), ""});
    } catch (const Error& error) {
      report.steps.push_back({name, false, error.what(), error.advice});
      break;
    } catch (const std::exception& error) {
      report.steps.push_back({name, false, error.what(), ""});
      break;
    }
  }
  return report;
}

ProbeReport LakeConnector::probe(std::stop_token stop) {
  std::vector<FileState> files;
  return probed({
      {place_->first_step(),
       [&] {
         const std::string found = place_->found();
         engine();
         return found;
       }},
      {"list files",
       [&] {
         files = place_->files(engine(), place_->base() + "**", stop);
         std::erase_if(files, [](const FileState& file) { return reader_of(file.path).empty(); });
         return fmt::format("{} data file{} below {}", files.size(), files.size() == 1 ? "" : "s",
                            place_->base());
       }},
      {"read a file",
       [&] {
         if (files.empty()) return std::string("there is none yet");
         const auto columns = engine().describe(DayFolders::select({files.front()}));
         return fmt::format("{} has {} columns", files.front().path, columns.size());
       }},
  });
}

std::vector<Table> LakeConnector::browse(const std::string& pattern, std::stop_token stop) {
  return explained([&] {
    const auto files = place_->files(engine(), place_->base() + "**", stop);
    std::vector<Table> tables = tables_in(files, place_->base());
    std::erase_if(tables, [&](const Table& table) { return !matches(table.name, pattern); });
    return tables;
  });
}

std::vector<Column> LakeConnector::columns(const std::string& table, std::stop_token stop) {
  Query query;
  const bool file = !reader_of(table).empty() || table.find('*') != std::string::npos;
  (file ? query.sql : query.folder) = file ? "select * from " + engine::literal(table) : table;
  return describe(query, Day(), stop);
}

LakeText LakeConnector::source(const Query& query, DayRange range, std::stop_token stop,
                               Asked::Rows rows) {
  if (query.folder.empty()) {
    return lake_text(
        query.sql, range, query.zone, *place_,
        [&](const std::string& glob, const engine::FileRead& read, const std::string& select) {
          return place_->relation(engine(), glob, read, {query, select, range, rows}, stop);
        });
  }
  const DayFolders folders(*place_, engine(), query.folder);
  std::vector<FileState> files;
  for (const Day day : range.days()) {
    for (FileState& file : folders.files(day, stop)) files.push_back(std::move(file));
  }
  if (files.empty()) {
    throw Error(Fault::Misconfigured, "no_files",
                fmt::format("reading {}/{}: there are no files", query.folder, range.first.text()),
                "The layout is <folder>/<YYYY-MM-DD>/<files>.parquet, .csv or .json.");
  }
  return {.sql = DayFolders::select(files), .globs = {}, .select = {}};
}

Query LakeConnector::sourced(const Query& query, DayRange range, std::stop_token stop,
                             Asked::Rows rows) {
  Query copy = query;
  copy.sql = source(query, range, stop, rows).sql;
  if (days_choose_files(query)) copy.time = {};
  return copy;
}

LakeText LakeConnector::any_source(const Query& query, std::stop_token stop) {
  if (!query.folder.empty()) {
    const auto day = DayFolders(*place_, engine(), query.folder).latest(stop);
    if (day) return source(query, {*day, *day}, stop);
    throw Error(Fault::Misconfigured, "no_files",
                fmt::format("reading {}: no folder of a day in it has files", query.folder),
                "The layout is <folder>/<YYYY-MM-DD>/<files>.parquet, .csv or .json.");
  }
  Query any = query;
  any.sql = any_day(query.sql);
  return source(any, {Day(), Day()}, stop);
}

const std::vector<Column>& LakeConnector::described(const Query& query, Day day,
                                                    std::stop_token stop) {
  // Files of different days may differ: columns are asked once a day where days choose files.
  const std::string of_day = days_choose_files(query) ? day.text() : "";
  std::vector<Column>& columns = described_[of_day + '\n' + query.folder + '\n' + query.sql];
  if (!columns.empty()) return columns;
  try {
    columns = explained(
        [&] { return engine().describe(source(query, {day, day}, stop, Asked::Rows::None).sql); });
  } catch (const Error& error) {
    if (!is_no_files(error)) throw;
    columns = explained([&] { return engine().describe(any_source(query, stop).sql); });
  }
  return columns;
}

std::vector<Column> LakeConnector::describe(const Query& query, Day day, std::stop_token stop) {
  return described(query, day, stop);
}

std::vector<Column> LakeConnector::chosen(const Query& query, Day day, std::stop_token stop) {
  const std::vector<Column>& all = described(query, day, stop);
  if (query.columns.empty()) return all;
  std::vector<Column> columns;
  for (const std::string& name : query.columns) columns.push_back(column_named(all, name));
  return columns;
}

std::string LakeConnector::rows_of(const Query& query, DayRange days, std::stop_token stop,
                                   Asked::Rows rows) {
  return range_select(sourced(query, days, stop, rows), described(query, days.first, stop), days,
                      kDialect);
}

/// `rest` is the clause behind the rows of the day, `without` that behind any rows, where the day
/// has no files.
engine::Relation LakeConnector::reading(const Query& query, Day day, const std::string& rest,
                                        const std::string& without, std::stop_token stop,
                                        Asked::Rows rows) {
  return explained([&]() -> engine::Relation {
    const std::vector<Column> columns = chosen(query, day, stop);
    const std::string list = delivered_list(columns);
    const auto select = [&](const std::string& from, const std::string& clause) {
      return engine::Relation{fmt::format("select {} from (\n{}\n) as r {}", list, from, clause),
                              columns, texts_of(query.sql)};
    };
    try {
      return select(rows_of(query, {day, day}, stop, rows), rest);
    } catch (const Error& error) {
      if (!is_no_files(error)) throw;
      return select(any_source(query, stop).sql, without);
    }
  });
}

engine::Relation LakeConnector::sample(const Query& query, Day day, std::int64_t rows,
                                       engine::Database&, std::stop_token stop) {
  const std::string limit = fmt::format("limit {}", rows);
  const bool any_day = query.time.kind == TimeColumn::Kind::None;
  return reading(query, day, limit, any_day ? limit : "where false", stop,
                 any_day ? Asked::Rows::Some : Asked::Rows::All);
}

engine::Relation LakeConnector::read(const Query& query, Day day, engine::Database&, arrow::Flow&,
                                     std::stop_token stop) {
  return reading(query, day, "", "where false", stop);
}

std::optional<std::string> LakeConnector::scalar(const std::string& sql, Day day, const Zone& zone,
                                                 std::stop_token stop) {
  return explained([&] {
    Query query;
    query.sql = sql;
    query.zone = zone;
    return engine().scalar(
        fmt::format("select * from (\n{}\n) as q limit 1", source(query, {day, day}, stop).sql),
        stop);
  });
}

Fingerprint LakeConnector::fingerprint(const Query& query, Day day, bool by_column,
                                       std::stop_token stop) {
  const std::vector<Column> columns = chosen(query, day, stop);
  Fingerprint result = empty_fingerprint(columns);
  std::string sums = hash_sum(columns);
  for (const Column& column : columns) {
    if (!by_column) break;
    result.by_column.emplace_back(column.name, "0");
    sums += ", " + hash_sum({column});
  }
  try {
    with_memory([&] {
      engine().each(
          fmt::format("select count(*), {} from (\n{}\n) as r", sums,
                      rows_of(query, {day, day}, stop)),
          [&](const engine::Row& row) {
            result.rows = number(row[0]);
            result.sum = row[1].value_or("0");
            for (std::size_t i = 0; i < result.by_column.size(); ++i) {
              result.by_column[i].second = row[i + 2].value_or("0");
            }
          },
          stop);
    });
  } catch (const Error& error) {
    if (!is_no_files(error)) throw;
  }
  return result;
}

bool LakeConnector::snapshot(std::stop_token) { return false; }

std::unique_ptr<Connector> LakeConnector::twin(std::stop_token) {
  return std::make_unique<LakeConnector>(place_->copy());
}

std::vector<std::string> LakeConnector::running(const std::string&, std::stop_token) { return {}; }

void LakeConnector::cancel(const std::string&) {}

std::string LakeConnector::server() { return engine::Database::version(); }

}  // namespace millrace::warehouse::lake
