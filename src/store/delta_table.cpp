#include "store/delta_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace millrace::store::delta {
namespace {

using Json = nlohmann::json;

Error unreadable(std::string_view what) {
  return Error(Fault::Conflict, "delta_log_unreadable",
               fmt::format("reading a Delta log failed: {}", what),
               "Move the table's _delta_log folder away; the next load writes a new one");
}

/// A member of an action; null counts as absent, as checkpoints write it.
const Json* member(const Json& action, const char* name) {
  const auto found = action.find(name);
  return found == action.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const Json& action, const char* name) {
  const Json* value = member(action, name);
  return value ? value->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& action, const char* name) {
  const Json* value = member(action, name);
  return value ? value->get<std::int64_t>() : 0;
}

Partitions partitions_of(const Json& action) {
  Partitions partitions;
  if (const Json* values = member(action, "partitionValues")) {
    for (const auto& [name, value] : values->items()) {
      partitions[name] =
          value.is_null() ? std::nullopt : std::optional<std::string>(value.get<std::string>());
    }
  }
  return partitions;
}

Metadata metadata_of(const Json& action) {
  Metadata metadata{.id = text_of(action, "id"),
                    .created_ms = number_of(action, "createdTime"),
                    .schema = text_of(action, "schemaString"),
                    .partition_columns = {},
                    .configuration = {}};
  if (const Json* columns = member(action, "partitionColumns")) {
    metadata.partition_columns = columns->get<std::vector<std::string>>();
  }
  if (const Json* configuration = member(action, "configuration")) {
    metadata.configuration = configuration->get<std::map<std::string, std::string>>();
  }
  return metadata;
}

void apply_action(Table& table, const Json& action) {
  if (const Json* add = member(action, "add")) {
    const std::string log_path = text_of(*add, "path");
    const std::string path = decode_path(log_path);
    table.removed.erase(path);
    table.added[path] = {.log_path = log_path,
                         .partitions = partitions_of(*add),
                         .bytes = number_of(*add, "size"),
                         .modified_ms = number_of(*add, "modificationTime"),
                         .stats = text_of(*add, "stats")};
  }
  if (const Json* remove = member(action, "remove")) {
    const std::string log_path = text_of(*remove, "path");
    const std::string path = decode_path(log_path);
    table.added.erase(path);
    table.removed[path] = {.log_path = log_path,
                           .partitions = partitions_of(*remove),
                           .bytes = number_of(*remove, "size"),
                           .deleted_ms = number_of(*remove, "deletionTimestamp")};
  }
  if (const Json* transaction = member(action, "txn")) {
    table.transactions[text_of(*transaction, "appId")] = number_of(*transaction, "version");
  }
  if (const Json* metadata = member(action, "metaData")) table.metadata = metadata_of(*metadata);
  if (const Json* protocol = member(action, "protocol")) {
    table.protocol = {.reader = static_cast<int>(number_of(*protocol, "minReaderVersion")),
                      .writer = static_cast<int>(number_of(*protocol, "minWriterVersion"))};
  }
}

}  // namespace

void Table::apply(std::string_view action_json) {
  try {
    apply_action(*this, Json::parse(action_json));
  } catch (const Json::exception& error) {
    throw unreadable(error.what());
  }
}

Commit parse_commit(std::int64_t version, const std::string& text, const std::string& app_id) {
  Commit commit{.version = version, .actions = {}, .is_ours = false, .description = {}};
  std::string operation = "a commit without a name", engine = "an unknown writer";
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    start = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      const Json action = Json::parse(line);
      if (const Json* transaction = member(action, "txn")) {
        if (text_of(*transaction, "appId") == app_id) commit.is_ours = true;
      }
      if (const Json* info = member(action, "commitInfo")) {
        for (const char* name : {"engineInfo", "clientVersion"}) {
          if (member(*info, name)) engine = text_of(*info, name);
        }
        if (member(*info, "operation")) operation = text_of(*info, "operation");
      }
    } catch (const Json::exception& error) {
      throw unreadable(fmt::format("version {}: {}", version, error.what()));
    }
    commit.actions.push_back(std::move(line));
  }
  commit.description = fmt::format("version {}: {} by {}", version, operation, engine);
  return commit;
}

FileEntry file_of(const std::string& path, const Added& added) {
  FileEntry file{
      .path = path, .bytes = added.bytes, .rows = 0, .revision = {}, .stats = added.stats};
  if (!added.stats.empty()) {
    const Json stats = Json::parse(added.stats, nullptr, false);
    if (stats.is_object()) file.rows = stats.value("numRecords", std::int64_t{0});
  }
  return file;
}

std::vector<std::string> column_names(const Metadata& metadata) {
  std::vector<std::string> names;
  const Json schema = Json::parse(metadata.schema, nullptr, false);
  if (!schema.is_object() || !schema.contains("fields")) return names;
  for (const Json& field : schema["fields"]) names.push_back(field.value("name", ""));
  return names;
}

std::string encode_path(std::string_view path) {
  constexpr std::string_view kPlain = "-_.~/=";
  std::string text;
  for (const char letter : path) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') ||
                       kPlain.find(letter) != std::string_view::npos;
    if (plain) {
      text += letter;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
  }
  return text;
}

std::string decode_path(std::string_view text) {
  const auto digit = [](char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
  };
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      path += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      path += text[i];
    }
  }
  return path;
}

}  // namespace millrace::store::delta
