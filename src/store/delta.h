#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/version.h"
#include "store/objects.h"

namespace millrace::store {

/// A column of a table as every reader sees it. All are nullable.
struct TableColumn {
  std::string name;
  std::string type;  ///< Delta's word: string | double | timestamp | date
  bool operator==(const TableColumn&) const = default;
};
/// The columns of a dataset's table, the partitions `ingestion` and `day` first; unit types add
/// `unit_<type>` columns to events and exposures. Data files hold all but the partitions.
std::vector<TableColumn> table_columns(Dataset dataset, const std::vector<std::string>& unit_types);

/// For how long other writers' VACUUM leaves superseded files alone. No retention of ours may be
/// longer, or `undo` loses its files to them.
inline constexpr std::chrono::days kForeignVacuumSpares{90};

/// The Delta log of one table folder (protocol reader 1, writer 2). It lags the catalog and never
/// leads it: `reconcile` makes the log say what is wanted at a sequence number, whatever it said
/// before. Holds nothing between calls; any number of processes may reconcile one table.
class DeltaLog {
 public:
  /// `table`: the folder, relative to the root. `app_id`: whose transactions are ours.
  DeltaLog(Objects& objects, std::string table, std::string app_id, Env& env);

  struct Snapshot {
    std::int64_t version = -1;  ///< -1: no log yet.
    std::map<std::string, FileEntry> files;
    std::vector<std::string> columns;
    std::int64_t sequence = 0;  ///< txn of our app id.
    /// Commits that are not ours since our last one: "version 7: VACUUM START by delta-rs".
    std::vector<std::string> foreign;
  };
  /// From the newest checkpoint on, ours or another writer's. Throws Conflict `delta_log_gap` where
  /// commits are missing, `delta_protocol` where another writer upgraded the table.
  Snapshot read();

  /// Whether the newest commit is ours: then the log says what it was last told, and nobody else
  /// has written since. None where there is no log. Reads names and one file.
  std::optional<bool> newest_is_ours();

  struct Outcome {
    std::int64_t version = -1;
    int added = 0, removed = 0;
    std::vector<std::string> foreign;  ///< What was noticed and reconciled; told once.
  };
  /// Commits the difference between `wanted` and the log as one version, with txn{app id, sequence}
  /// and the schema's new columns (a column never leaves the schema again). Put-if-absent; on a
  /// lost race the difference is computed again. A log already past `sequence` is left alone (a
  /// stalled committer must not bring an old version back), and so is one that says all of it.
  /// Writes a checkpoint every 100 versions.
  Outcome reconcile(const std::vector<FileEntry>& wanted, const std::vector<TableColumn>& columns,
                    std::int64_t sequence);

 private:
  Objects& objects_;
  std::string table_, app_id_;
  Env& env_;
};

}  // namespace millrace::store
