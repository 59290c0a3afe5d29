#include "query/views.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/database.h"

namespace millrace::query {
namespace {

using engine::identifier;
using engine::literal;
using Names = std::set<std::string>;

bool is_partition(const std::string& column) { return column == "day" || column == "ingestion"; }
/// Files lack only the units that the project did not have when they were written.
bool is_optional(const std::string& column) { return column.starts_with("unit_"); }

std::string engine_type(const std::string& delta_type) {
  if (delta_type == "string") return "VARCHAR";
  if (delta_type == "double") return "DOUBLE";
  if (delta_type == "timestamp") return "TIMESTAMPTZ";
  check(delta_type == "date", "a table's column has a type that views know");
  return "DATE";
}

/// The columns of a file, or none where its statistics do not name all that it must have.
std::optional<Names> columns_in(const FileEntry& file, const Table& table) {
  const auto stats = nlohmann::json::parse(file.stats, nullptr, false);
  if (!stats.is_object() || !stats.contains("nullCount")) return {};
  Names names;
  for (const auto& [name, nulls] : stats["nullCount"].items()) names.insert(name);
  for (const store::TableColumn& column : table.columns) {
    const bool required = !is_partition(column.name) && !is_optional(column.name);
    if (required && !names.contains(column.name)) return {};
  }
  return names;
}

class View {
 public:
  explicit View(const Table& table) : table_(table), ingestion_(ingestion_column()) {}

  std::string sql() const {
    std::map<Names, std::vector<std::string>> alike;
    std::vector<std::string> unknown;
    for (const FileEntry& file : table_.files) {
      const auto names = columns_in(file, table_);
      (names ? alike[*names] : unknown).push_back(literal(table_.address(file.path)));
    }
    std::string sql = fmt::format("CREATE VIEW {} AS {}", name_of(table_.dataset), no_rows());
    for (const auto& [names, paths] : alike) {
      sql += "\nUNION ALL " + select(names, files(paths, false));
    }
    if (!unknown.empty()) {
      sql += "\nUNION ALL " + select(all_columns(), all_columns_of(files(unknown, true)));
    }
    return sql;
  }

 private:
  static std::string files(const std::vector<std::string>& paths, bool compare_columns) {
    return fmt::format(
        "read_parquet([{}], hive_partitioning = true, hive_types = "
        "{{'ingestion': VARCHAR, 'day': DATE}}, union_by_name = {})",
        fmt::join(paths, ", "), compare_columns);
  }

  Names all_columns() const {
    Names names;
    for (const store::TableColumn& column : table_.columns) names.insert(column.name);
    return names;
  }

  /// The relation, with the columns that none of its files has as NULL.
  std::string all_columns_of(const std::string& relation) const {
    std::string nulls;
    for (const store::TableColumn& column : table_.columns) {
      nulls += fmt::format("{}NULL::{} AS {}", nulls.empty() ? "" : ", ", engine_type(column.type),
                           identifier(column.name));
    }
    return fmt::format("(SELECT {} WHERE false UNION ALL BY NAME FROM {})", nulls, relation);
  }

  std::string select(const Names& present, const std::string& relation) const {
    std::vector<std::string> list;
    for (const store::TableColumn& column : table_.columns) {
      if (is_partition(column.name)) continue;
      const std::string value = present.contains(column.name) ? identifier(column.name) : "NULL";
      list.push_back(
          fmt::format("{}::{} AS {}", value, engine_type(column.type), identifier(column.name)));
    }
    return fmt::format("SELECT day, {} AS ingestion, {}, ingestion AS _ingestion FROM {}",
                       ingestion_, fmt::join(list, ", "), relation);
  }

  std::string no_rows() const {
    return select({}, "(SELECT NULL::DATE AS day, NULL::VARCHAR AS ingestion)") + " WHERE false";
  }

  /// Not a join: the engine leaves out files by any expression over their partitions.
  std::string ingestion_column() const {
    Names used;
    for (const FileEntry& file : table_.files) {
      const std::string start = file.path.substr(0, file.path.find('/'));
      used.insert(start.substr(start.find('=') + 1));
    }
    std::vector<std::string> pairs;
    for (const auto& [id, name] : table_.ingestions) {
      if (used.contains(id)) pairs.push_back(literal(id) + ": " + literal(name));
    }
    if (pairs.empty()) return "ingestion";
    return fmt::format("coalesce(MAP {{{}}}[ingestion], ingestion)", fmt::join(pairs, ", "));
  }

  const Table& table_;
  const std::string ingestion_;
};

}  // namespace

std::string view_sql(const Table& table) { return View(table).sql(); }

bool mentions(const std::string& sql, Dataset dataset) {
  const std::string_view name = name_of(dataset);
  const auto same = [](char left, char right) {
    return std::tolower(static_cast<unsigned char>(left)) == right;
  };
  return std::search(sql.begin(), sql.end(), name.begin(), name.end(), same) != sql.end();
}

}  // namespace millrace::query
