#include "store/delta.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "store/delta_checkpoint.h"
#include "store/delta_table.h"

namespace millrace::store {
namespace {

/// Replaying more commits than this is slower than reading a checkpoint.
constexpr std::int64_t kCheckpointEvery = 100;
/// Each lost race means that another writer got through; so many in a row mean something is broken.
constexpr int kRacesMax = 100;

constexpr const char* kStartOver =
    "Move the table's _delta_log folder away; the next load writes a new one from the catalog";

/// A log as it stands: the table, and what strangers did to it since our last commit.
struct Log {
  delta::Table table;
  std::int64_t checkpoint = -1;
  std::vector<std::string> foreign;
};

/// Reads the log of one table, in the folder `path`.
class Reader {
 public:
  Reader(Objects& objects, std::string path, const std::string& app_id)
      : objects_(objects), path_(std::move(path)), app_id_(app_id) {}

  Log read() {
    // Other writers may remove old commits and checkpoints between our listing and our reading.
    for (int attempt = 0; attempt < 3; ++attempt) {
      if (auto log = try_read()) {
        require_known_protocol(log->table);
        return *std::move(log);
      }
    }
    throw Error(Fault::Conflict, "delta_log_gap",
                fmt::format("reading the Delta log {} failed: commits are missing that no "
                            "checkpoint covers",
                            objects_.address(path_)),
                kStartOver);
  }

 private:
  std::optional<Log> try_read() {
    const delta::LogFiles files = delta::log_files(objects_.names(path_));
    Log log;
    log.checkpoint = files.checkpoint;
    if (files.checkpoint >= 0) {
      auto table = delta::read_checkpoint(objects_, path_, files);
      if (!table) return {};
      log.table = *std::move(table);
    }
    bool found_ours = false;
    for (std::int64_t version = files.checkpoint + 1; version <= files.last; ++version) {
      const auto commit = read_commit(version);
      if (!commit) return {};
      for (const std::string& action : commit->actions) log.table.apply(action);
      log.table.version = version;
      if (commit->is_ours) {
        found_ours = true;
        log.foreign.clear();
      } else {
        log.foreign.push_back(commit->description);
      }
    }
    if (!found_ours) look_back(files.checkpoint, log.foreign);
    return log;
  }

  /// Foreign commits that a checkpoint already covers, as far as the log still has them.
  void look_back(std::int64_t version, std::vector<std::string>& foreign) {
    for (; version >= 0; --version) {
      const auto commit = read_commit(version);
      if (!commit || commit->is_ours) return;
      foreign.insert(foreign.begin(), commit->description);
    }
  }

  std::optional<delta::Commit> read_commit(std::int64_t version) {
    const auto text = objects_.get(path_ + "/" + delta::commit_name(version));
    if (!text) return {};
    return delta::parse_commit(version, *text, app_id_);
  }

  void require_known_protocol(const delta::Table& table) {
    if (table.version < 0) return;
    const delta::Protocol known;
    const delta::Protocol found = table.protocol.value_or(delta::Protocol{});
    if (found.reader <= known.reader && found.writer <= known.writer) return;
    throw Error(Fault::Conflict, "delta_protocol",
                fmt::format("another writer upgraded the Delta table {} to reader version {} and "
                            "writer version {}; Millrace writes {} and {}",
                            objects_.address(path_), found.reader, found.writer, known.reader,
                            known.writer),
                kStartOver);
  }

  Objects& objects_;
  const std::string path_;
  const std::string& app_id_;
};

std::int64_t sequence_of(const delta::Table& table, const std::string& app_id) {
  const auto found = table.transactions.find(app_id);
  return found == table.transactions.end() ? 0 : found->second;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// A checkpoint only saves readers time: without it the commit is as good, and the next one tries
/// again.
void try_checkpoint(Objects& objects, const std::string& path, const delta::Table& table,
                    Instant now) {
  const auto oldest = (now - kForeignVacuumSpares).time_since_epoch();
  try {
    delta::write_checkpoint(objects, path, table,
                            std::chrono::duration_cast<std::chrono::milliseconds>(oldest).count());
  } catch (const Error& error) {
    log::warning("could not write a Delta checkpoint",
                 {{"log", objects.address(path)}, {"error", error.what()}});
  }
}

}  // namespace

DeltaLog::DeltaLog(Objects& objects, std::string table, std::string app_id, Env& env)
    : objects_(objects), table_(std::move(table)), app_id_(std::move(app_id)), env_(env) {}

DeltaLog::Snapshot DeltaLog::read() {
  const Log log = Reader(objects_, table_ + "/_delta_log", app_id_).read();
  Snapshot snapshot;
  snapshot.version = log.table.version;
  for (const auto& [path, added] : log.table.added) {
    snapshot.files.emplace(path, delta::file_of(path, added));
  }
  if (log.table.metadata) snapshot.columns = delta::column_names(*log.table.metadata);
  snapshot.sequence = sequence_of(log.table, app_id_);
  snapshot.foreign = log.foreign;
  return snapshot;
}

std::optional<bool> DeltaLog::newest_is_ours() {
  const std::string path = table_ + "/_delta_log";
  const std::int64_t last = delta::log_files(objects_.names(path)).last;
  if (last < 0) return {};
  const auto text = objects_.get(path + "/" + delta::commit_name(last));
  return text && delta::parse_commit(last, *text, app_id_).is_ours;
}

DeltaLog::Outcome DeltaLog::reconcile(const std::vector<FileEntry>& wanted,
                                      const std::vector<TableColumn>& columns,
                                      std::int64_t sequence) {
  const std::string path = table_ + "/_delta_log";
  for (int race = 0; race < kRacesMax; ++race) {
    Log log = Reader(objects_, path, app_id_).read();
    Outcome outcome{.version = log.table.version, .added = 0, .removed = 0, .foreign = {}};
    if (sequence_of(log.table, app_id_) > sequence) return outcome;

    const Instant now = env_.now();
    const delta::Change change =
        delta::difference(log.table, {.files = wanted,
                                      .columns = columns,
                                      .sequence = sequence,
                                      .app_id = app_id_,
                                      .now = now,
                                      .new_table_id = new_id(env_),
                                      .confirm_foreign = !log.foreign.empty()});
    if (change.actions.empty()) return outcome;
    const std::int64_t version = log.table.version + 1;
    if (!objects_.put_if_absent(path + "/" + delta::commit_name(version), joined(change.actions))) {
      continue;
    }
    for (const std::string& action : change.actions) log.table.apply(action);
    log.table.version = version;
    if (version - log.checkpoint >= kCheckpointEvery)
      try_checkpoint(objects_, path, log.table, now);
    outcome = {.version = version,
               .added = change.added,
               .removed = change.removed,
               .foreign = std::move(log.foreign)};
    return outcome;
  }
  throw Error(Fault::Conflict, "delta_contended",
              fmt::format("committing to the Delta table {} failed: other writers were faster {} "
                          "times in a row",
                          objects_.address(path), kRacesMax),
              "Look at who else writes to the table");
}

}  // namespace millrace::store
