#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/delta.h"

/// The Delta protocol's actions as values: what a log says, action by action, and its text form.
/// https://github.com/delta-io/delta/blob/master/PROTOCOL.md, reader 1 and writer 2. No I/O.
namespace millrace::store::delta {

using Partitions = std::map<std::string, std::optional<std::string>>;

struct Protocol {
  int reader = 1, writer = 2;
};

struct Metadata {
  std::string id;
  std::int64_t created_ms = 0;
  std::string schema;  ///< Delta's schemaString.
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> configuration;
};

struct Added {
  std::string log_path;  ///< As the log spells it: URL-encoded, relative to the table.
  Partitions partitions;
  std::int64_t bytes = 0, modified_ms = 0;
  std::string stats;  ///< JSON text; may be empty.
};

/// A tombstone: keeps a superseded file alive under other writers' VACUUM.
struct Removed {
  std::string log_path;
  Partitions partitions;
  std::int64_t bytes = 0, deleted_ms = 0;
};

/// What a log says at a version. Files are keyed by their decoded path.
struct Table {
  std::int64_t version = -1;
  std::optional<Protocol> protocol;
  std::optional<Metadata> metadata;
  std::map<std::string, Added> added;
  std::map<std::string, Removed> removed;
  std::map<std::string, std::int64_t> transactions;  ///< appId -> version

  /// Applies one action; `commitInfo` and what this protocol does not know change nothing.
  void apply(std::string_view action_json);
};

/// One commit file: who made it, and its actions line by line.
struct Commit {
  std::int64_t version = 0;
  std::vector<std::string> actions;
  bool is_ours = false;     ///< Carries a txn of our app id.
  std::string description;  ///< "version 7: VACUUM START by delta-rs:py-1.6.6"
};
Commit parse_commit(std::int64_t version, const std::string& text, const std::string& app_id);

/// What turns `table` into what is wanted; empty actions when it says so already.
struct Change {
  std::vector<std::string> actions;
  int added = 0, removed = 0;
};
struct Wanted {
  const std::vector<FileEntry>& files;
  const std::vector<TableColumn>& columns;
  std::int64_t sequence = 0;
  std::string app_id;
  Instant now;
  std::string new_table_id;      ///< Used when there is no table yet.
  bool confirm_foreign = false;  ///< Commit even without a difference: foreign commits were seen.
};
Change difference(const Table& table, const Wanted& wanted);

/// All actions that a checkpoint of `table` holds, tombstones younger than `oldest_ms` included.
std::vector<std::string> checkpoint_actions(const Table& table, std::int64_t oldest_ms);

FileEntry file_of(const std::string& path, const Added& added);
std::vector<std::string> column_names(const Metadata& metadata);

/// RFC 3986 percent coding of a path; '/' and '=' stay as they are.
std::string encode_path(std::string_view path);
std::string decode_path(std::string_view text);

}  // namespace millrace::store::delta
