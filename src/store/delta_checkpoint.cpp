#include "store/delta_checkpoint.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/scratch_folder.h"
#include "engine/database.h"

namespace millrace::store::delta {
namespace {

constexpr std::size_t kVersionDigits = 20;
constexpr std::size_t kPartDigits = 10;
constexpr const char* kLastCheckpoint = "_last_checkpoint";

/// The columns of a checkpoint, as the protocol's schema says; in the engine's words.
constexpr const char* kColumns = R"({
  protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)',
  metaData: 'STRUCT(id VARCHAR, name VARCHAR, description VARCHAR,
                    format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)),
                    schemaString VARCHAR, partitionColumns VARCHAR[],
                    configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)',
  txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
  add: 'STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT,
               modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR)',
  remove: 'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN,
                  extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT)'
})";

std::optional<std::int64_t> digits(std::string_view text, std::size_t count) {
  if (text.size() != count || text.find_first_not_of("0123456789") != text.npos) return {};
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<std::string_view> split(std::string_view name) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('.', start), name.size());
    parts.push_back(name.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

engine::Database open_engine(const std::string& folder) {
  engine::Options options;
  options.threads = 1;
  options.allowed = {folder};
  return engine::Database::open(options);
}

}  // namespace

std::string commit_name(std::int64_t version) { return fmt::format("{:020}.json", version); }

LogFiles log_files(const std::vector<std::string>& names) {
  LogFiles files;
  // version -> (parts expected, names found); a checkpoint of several parts may be incomplete.
  std::map<std::int64_t, std::map<std::int64_t, std::vector<std::string>>> checkpoints;
  for (const std::string& name : names) {
    const auto words = split(name);
    const auto version = digits(words[0], kVersionDigits);
    if (!version) continue;
    if (words.size() == 2 && words[1] == "json") {
      files.last = std::max(files.last, *version);
    } else if (words.size() == 3 && words[1] == "checkpoint" && words[2] == "parquet") {
      checkpoints[*version][1].push_back(name);
    } else if (words.size() == 5 && words[1] == "checkpoint" && words[4] == "parquet") {
      const auto count = digits(words[3], kPartDigits);
      if (digits(words[2], kPartDigits) && count) checkpoints[*version][*count].push_back(name);
    }
  }
  for (const auto& [version, by_count] : checkpoints) {
    for (const auto& [count, found] : by_count) {
      if (static_cast<std::int64_t>(found.size()) != count) continue;
      files.checkpoint = version;
      files.parts = found;
    }
  }
  files.last = std::max(files.last, files.checkpoint);
  return files;
}

std::optional<Table> read_checkpoint(Objects& objects, const std::string& log,
                                     const LogFiles& files) {
  std::string list;
  for (const std::string& part : files.parts) {
    if (!objects.exists(log + "/" + part)) return {};
    list += (list.empty() ? "" : ", ") + engine::literal(objects.address(log + "/" + part));
  }
  Table table;
  engine::Database database = open_engine(objects.address(log));
  // Whole rows as JSON: whichever columns the writer left out are simply absent.
  database.each(fmt::format("SELECT to_json(actions) FROM read_parquet([{}]) AS actions", list),
                [&](const engine::Row& row) {
                  if (row[0]) table.apply(*row[0]);
                });
  table.version = files.checkpoint;
  return table;
}

void write_checkpoint(Objects& objects, const std::string& log, const Table& table,
                      std::int64_t oldest_tombstone_ms) {
  const ScratchFolder scratch;
  const auto lines = scratch.path() / "actions.json";
  const auto parquet = scratch.path() / "checkpoint.parquet";
  const std::vector<std::string> actions = checkpoint_actions(table, oldest_tombstone_ms);
  std::string text;
  for (const std::string& action : actions) text += action + "\n";
  file::write(lines, text);
  open_engine(scratch.path())
      .execute(fmt::format(
          "COPY (FROM read_json({}, format = 'newline_delimited', maximum_object_size = 67108864, "
          "columns = {})) TO {} (FORMAT parquet)",
          engine::literal(lines.string()), kColumns, engine::literal(parquet.string())));

  const std::string bytes = file::read(parquet);
  objects.put(fmt::format("{}/{:020}.checkpoint.parquet", log, table.version), bytes);
  const nlohmann::ordered_json last{{"version", table.version},
                                    {"size", actions.size()},
                                    {"sizeInBytes", bytes.size()},
                                    {"numOfAddFiles", table.added.size()}};
  objects.put(log + "/" + kLastCheckpoint, last.dump());
}

}  // namespace millrace::store::delta
