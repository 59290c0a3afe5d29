#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "store/delta_table.h"

namespace millrace::store::delta {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr const char* kVacuumKey = "delta.deletedFileRetentionDuration";
constexpr const char* kAppendOnlyKey = "delta.appendOnly";
const std::vector<std::string> kPartitionColumns{"ingestion", "day"};

std::int64_t milliseconds(Instant instant) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(instant.time_since_epoch()).count();
}

Ordered json_of(const Partitions& partitions) {
  Ordered values = Ordered::object();
  for (const auto& [name, value] : partitions)
    values[name] = value ? Ordered(*value) : Ordered(nullptr);
  return values;
}

std::string action(const char* name, Ordered members) {
  return Ordered{{name, std::move(members)}}.dump();
}

std::string protocol_action() {
  return action("protocol",
                {{"minReaderVersion", Protocol{}.reader}, {"minWriterVersion", Protocol{}.writer}});
}

std::string metadata_action(const Metadata& metadata) {
  return action("metaData", {{"id", metadata.id},
                             {"format", {{"provider", "parquet"}, {"options", Ordered::object()}}},
                             {"schemaString", metadata.schema},
                             {"partitionColumns", metadata.partition_columns},
                             {"configuration", metadata.configuration},
                             {"createdTime", metadata.created_ms}});
}

std::string transaction_action(const std::string& app_id, std::int64_t version, Instant now) {
  return action("txn",
                {{"appId", app_id}, {"version", version}, {"lastUpdated", milliseconds(now)}});
}

std::string add_action(const Added& added, bool data_change) {
  Ordered members{{"path", added.log_path},
                  {"partitionValues", json_of(added.partitions)},
                  {"size", added.bytes},
                  {"modificationTime", added.modified_ms},
                  {"dataChange", data_change}};
  if (!added.stats.empty()) members["stats"] = added.stats;
  return action("add", std::move(members));
}

std::string remove_action(const Removed& removed, bool data_change) {
  return action("remove", {{"path", removed.log_path},
                           {"deletionTimestamp", removed.deleted_ms},
                           {"dataChange", data_change},
                           {"extendedFileMetadata", true},
                           {"partitionValues", json_of(removed.partitions)},
                           {"size", removed.bytes}});
}

/// "ingestion=a/day=2026-11-20/x.parquet" -> {ingestion: a, day: 2026-11-20}
Partitions partitions_in(const std::string& path) {
  Partitions partitions;
  for (const std::string& column : kPartitionColumns) {
    const std::string key = column + "=";
    const std::size_t at = path.starts_with(key) ? 0 : path.find("/" + key) + 1;
    const std::size_t start = at + key.size();
    partitions[column] = path.substr(start, path.find('/', start) - start);
  }
  return partitions;
}

Added added_from(const FileEntry& file, Instant now) {
  return {.log_path = encode_path(file.path),
          .partitions = partitions_in(file.path),
          .bytes = file.bytes,
          .modified_ms = milliseconds(now),
          .stats = file.stats.empty() ? Ordered{{"numRecords", file.rows}}.dump() : file.stats};
}

Ordered field(const TableColumn& column) {
  return {{"name", column.name},
          {"type", column.type},
          {"nullable", true},
          {"metadata", Ordered::object()}};
}

/// The log's columns in their order, then ours that are new: a committer that does not know a unit
/// type yet must not take its column away. Columns that another writer added go.
std::string merged_schema(const std::string& known, const std::vector<TableColumn>& columns) {
  Ordered fields = Ordered::array();
  std::set<std::string> have;
  const Ordered schema = Ordered::parse(known, nullptr, false);
  if (schema.is_object() && schema.contains("fields")) {
    for (const Ordered& old : schema["fields"]) {
      const std::string name = old.value("name", "");
      const auto ours = std::ranges::find(columns, name, &TableColumn::name);
      if (ours == columns.end() && !name.starts_with("unit_")) continue;
      fields.push_back(field(ours != columns.end() ? *ours : TableColumn{name, "string"}));
      have.insert(name);
    }
  }
  for (const TableColumn& column : columns) {
    if (!have.contains(column.name)) fields.push_back(field(column));
  }
  return Ordered{{"type", "struct"}, {"fields", std::move(fields)}}.dump();
}

bool same_json(const std::string& left, const std::string& right) {
  return nlohmann::json::parse(left, nullptr, false) ==
         nlohmann::json::parse(right, nullptr, false);
}

Metadata wanted_metadata(const Table& table, const Wanted& wanted) {
  Metadata metadata = table.metadata.value_or(Metadata{.id = wanted.new_table_id,
                                                       .created_ms = milliseconds(wanted.now),
                                                       .schema = {},
                                                       .partition_columns = {},
                                                       .configuration = {}});
  metadata.schema = merged_schema(metadata.schema, wanted.columns);
  metadata.partition_columns = kPartitionColumns;
  metadata.configuration[kVacuumKey] =
      fmt::format("interval {} days", kForeignVacuumSpares.count());
  metadata.configuration.erase(kAppendOnlyKey);
  return metadata;
}

bool is_same(const Metadata& left, const Metadata& right) {
  return same_json(left.schema, right.schema) &&
         left.partition_columns == right.partition_columns &&
         left.configuration == right.configuration;
}

std::string commit_info(const Wanted& wanted) {
  return action("commitInfo",
                {{"timestamp", milliseconds(wanted.now)},
                 {"operation", "WRITE"},
                 {"operationParameters", {{"sequence", std::to_string(wanted.sequence)}}},
                 {"isBlindAppend", false},
                 {"engineInfo", "Millrace"}});
}

}  // namespace

Change difference(const Table& table, const Wanted& wanted) {
  Change change;
  std::vector<std::string> removes, adds;
  std::set<std::string> keep;
  for (const FileEntry& file : wanted.files) {
    if (!keep.insert(file.path).second || table.added.contains(file.path)) continue;
    adds.push_back(add_action(added_from(file, wanted.now), true));
  }
  for (const auto& [path, added] : table.added) {
    if (keep.contains(path)) continue;
    removes.push_back(remove_action({.log_path = added.log_path,
                                     .partitions = added.partitions,
                                     .bytes = added.bytes,
                                     .deleted_ms = milliseconds(wanted.now)},
                                    true));
  }
  const Metadata metadata = wanted_metadata(table, wanted);
  const bool new_metadata = !table.metadata || !is_same(*table.metadata, metadata);
  const auto known = table.transactions.find(wanted.app_id);
  const bool new_sequence = known == table.transactions.end() || known->second != wanted.sequence;
  if (adds.empty() && removes.empty() && !new_metadata && !new_sequence &&
      !wanted.confirm_foreign) {
    return change;
  }
  change.added = static_cast<int>(adds.size());
  change.removed = static_cast<int>(removes.size());
  change.actions.push_back(commit_info(wanted));
  if (!table.protocol) change.actions.push_back(protocol_action());
  if (new_metadata) change.actions.push_back(metadata_action(metadata));
  change.actions.push_back(transaction_action(wanted.app_id, wanted.sequence, wanted.now));
  std::ranges::move(removes, std::back_inserter(change.actions));
  std::ranges::move(adds, std::back_inserter(change.actions));
  return change;
}

std::vector<std::string> checkpoint_actions(const Table& table, std::int64_t oldest_ms) {
  std::vector<std::string> actions{protocol_action()};
  if (table.metadata) actions.push_back(metadata_action(*table.metadata));
  for (const auto& [app_id, version] : table.transactions) {
    actions.push_back(action("txn", {{"appId", app_id}, {"version", version}}));
  }
  for (const auto& [path, added] : table.added) actions.push_back(add_action(added, false));
  for (const auto& [path, removed] : table.removed) {
    if (removed.deleted_ms > oldest_ms) actions.push_back(remove_action(removed, false));
  }
  return actions;
}

}  // namespace millrace::store::delta
