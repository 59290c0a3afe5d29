#include "warehouse/delta/table_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "engine/database.h"

namespace millrace::warehouse::delta {
namespace {

using json::text_in;

std::string simple_type(const std::string& type) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kTypes = {{
      {"string", "VARCHAR"},
      {"long", "BIGINT"},
      {"integer", "INTEGER"},
      {"short", "SMALLINT"},
      {"byte", "TINYINT"},
      {"float", "FLOAT"},
      {"double", "DOUBLE"},
      {"boolean", "BOOLEAN"},
      {"binary", "BLOB"},
      {"date", "DATE"},
      {"timestamp", "TIMESTAMP WITH TIME ZONE"},
      {"timestamp_ntz", "TIMESTAMP"},
  }};
  if (type == "decimal") return "DECIMAL(10,0)";
  if (type.starts_with("decimal(")) return "DECIMAL" + type.substr(7);
  const auto found = std::ranges::find(kTypes, type, [](const auto& pair) { return pair.first; });
  return found == kTypes.end() ? std::string() : std::string(found->second);
}

/// As the engine calls it; empty where it, or a part of it, is not known.
std::string engine_type(const json::Value& type) {
  if (type.is_string()) return simple_type(type.get<std::string>());
  const std::string kind = text_in(type, "type");
  if (kind == "array") {
    const std::string element = engine_type(type.value("elementType", json::Value()));
    return element.empty() ? element : element + "[]";
  }
  if (kind == "map") {
    const std::string key = engine_type(type.value("keyType", json::Value()));
    const std::string value = engine_type(type.value("valueType", json::Value()));
    return key.empty() || value.empty() ? std::string() : fmt::format("MAP({}, {})", key, value);
  }
  if (kind != "struct") return {};
  std::string fields;
  for (const json::Value& field : type.value("fields", json::Value::array())) {
    const std::string of_field = engine_type(field.value("type", json::Value()));
    if (of_field.empty()) return {};
    fields += fmt::format("{}{} {}", fields.empty() ? "" : ", ",
                          engine::identifier(text_in(field, "name")), of_field);
  }
  return fields.empty() ? fields : "STRUCT(" + fields + ")";
}

[[noreturn]] void unreadable(const std::string& problem) {
  throw Error(Fault::Misconfigured, "unreadable_table", "reading a shared table: " + problem,
              "Ask the provider for a table, or a copy, without it");
}

}  // namespace

std::vector<TableColumn> table_columns(const json::Value& metadata) {
  const json::Value settings = metadata.value("configuration", json::Value::object());
  const std::string mapping = text_in(settings, "delta.columnMapping.mode");
  if (!mapping.empty() && mapping != "none")
    unreadable("its columns have other names in its files");
  const json::Value schema = json::Value::parse(text_in(metadata, "schemaString"), nullptr, false);
  if (text_in(schema, "type") != "struct") unreadable("its schema is none of Delta's");
  const json::Value partitions = metadata.value("partitionColumns", json::Value::array());
  std::vector<TableColumn> columns;
  for (const json::Value& field : schema.value("fields", json::Value::array())) {
    const std::string name = text_in(field, "name");
    const std::string type = engine_type(field.value("type", json::Value()));
    if (type.empty()) continue;
    const bool is_partition = std::ranges::any_of(
        partitions, [&](const json::Value& partition) { return partition == name; });
    columns.push_back({name, type, is_partition});
  }
  return columns;
}

}  // namespace millrace::warehouse::delta
