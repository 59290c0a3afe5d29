#include <duckdb.h>

#include <map>
#include <string>

#include "engine/result.h"

namespace millrace::engine {
namespace {

std::string text_at(duckdb_vector vector, idx_t row) {
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) return {};
  auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  return {duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row])};
}

/// A MAP is a list of {key, value}; calls `entry` with the keys and values of one row.
template <class Entry>
void each_entry(duckdb_vector map, idx_t row, const Entry& entry) {
  const auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(map));
  duckdb_vector pairs = duckdb_list_vector_get_child(map);
  duckdb_vector keys = duckdb_struct_vector_get_child(pairs, 0);
  duckdb_vector values = duckdb_struct_vector_get_child(pairs, 1);
  for (idx_t i = 0; i < entries[row].length; ++i) {
    entry(text_at(keys, entries[row].offset + i), values, entries[row].offset + i);
  }
}

/// "a ""b""" -> a "b"; the engine quotes column names in its statistics.
std::string unquoted(const std::string& name) {
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return name;
  std::string plain;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    if (name[i] == '"' && name[i + 1] == '"' && i + 2 < name.size()) ++i;
    plain += name[i];
  }
  return plain;
}

WrittenFile::ColumnStats stats_of(const std::string& column, duckdb_vector map, idx_t row) {
  WrittenFile::ColumnStats stats;
  stats.column = unquoted(column);
  each_entry(map, row, [&](const std::string& key, duckdb_vector values, idx_t at) {
    const std::string value = text_at(values, at);
    if (key == "min") stats.min = value;
    if (key == "max") stats.max = value;
    if (key == "null_count") stats.nulls = std::stoll(value);
  });
  return stats;
}

}  // namespace

std::vector<WrittenFile> written_files(Result&& result) {
  std::map<std::string, idx_t> at;
  const auto names = result.names();
  for (idx_t i = 0; i < names.size(); ++i) at[names[i]] = i;
  std::vector<WrittenFile> files;
  for (;;) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(*result.raw());
    if (chunk == nullptr) break;
    const auto column = [&](const char* name) {
      return duckdb_data_chunk_get_vector(chunk, at.at(name));
    };
    const auto number = [&](const char* name, idx_t row) {
      return static_cast<const std::int64_t*>(duckdb_vector_get_data(column(name)))[row];
    };
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
      WrittenFile& file = files.emplace_back();
      file.path = text_at(column("filename"), row);
      file.rows = number("count", row);
      file.bytes = number("file_size_bytes", row);
      each_entry(column("column_statistics"), row,
                 [&](const std::string& name, duckdb_vector values, idx_t i) {
                   file.columns.push_back(stats_of(name, values, i));
                 });
    }
    duckdb_destroy_data_chunk(&chunk);
  }
  return files;
}

}  // namespace millrace::engine
