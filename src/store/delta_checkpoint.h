#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/delta_table.h"

/// The files of a `_delta_log` folder: which there are, and checkpoints as Parquet.
namespace millrace::store::delta {

/// "00000000000000000007.json"
std::string commit_name(std::int64_t version);

struct LogFiles {
  std::int64_t last = -1;          ///< Highest commit or checkpoint; -1: no log.
  std::int64_t checkpoint = -1;    ///< Newest complete one; -1: none.
  std::vector<std::string> parts;  ///< File names of that checkpoint.
};
/// What the names directly in the folder say.
LogFiles log_files(const std::vector<std::string>& names);

/// The table as a checkpoint says it, of this or any other writer of classic checkpoints. Returns
/// nothing when a part has vanished meanwhile: list again.
std::optional<Table> read_checkpoint(Objects& objects, const std::string& log,
                                     const LogFiles& files);

/// Writes the checkpoint of `table` and then `_last_checkpoint`. Readers never see half of it.
void write_checkpoint(Objects& objects, const std::string& log, const Table& table,
                      std::int64_t oldest_tombstone_ms);

}  // namespace millrace::store::delta
