#include "engine/syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/letters.h"
#include "engine/syntax_tree.h"

namespace millrace::engine {
namespace {

/// Functions whose first argument is a path, or a list of them.
bool takes_paths(std::string_view function) {
  return function.starts_with("read_") || function.starts_with("parquet_") ||
         function == "sniff_csv" || function == "glob";
}

/// The size of the quoted text at `at`, quotes included; 0 where none starts there.
std::size_t quoted_size(std::string_view sql, std::size_t at) {
  if (at >= sql.size() || (sql[at] != '\'' && sql[at] != '"')) return 0;
  for (std::size_t i = at + 1; i < sql.size(); ++i) {
    if (sql[i] != sql[at]) continue;
    if (i + 1 == sql.size() || sql[i + 1] != sql[at]) return i + 1 - at;
    ++i;
  }
  return 0;
}

class Collector {
 public:
  explicit Collector(const std::string& sql) : sql_(sql) {}

  void collect(const nlohmann::json& tree) {
    each_node(tree, [&](const nlohmann::json& node) {
      const auto named = node.find("cte_map");
      if (named == node.end()) return;
      for (const auto& entry : named->at("map")) named_.insert(text_of(entry, "key"));
    });
    each_node(tree, [&](const nlohmann::json& node) { visit(node); });
  }

  std::vector<FileRead> take() {
    std::ranges::sort(reads_, {}, &FileRead::at);
    const auto same_place = [](const FileRead& a, const FileRead& b) { return a.at == b.at; };
    reads_.erase(std::unique(reads_.begin(), reads_.end(), same_place), reads_.end());
    return std::move(reads_);
  }

 private:
  void visit(const nlohmann::json& node) {
    const std::string type = text_of(node, "type");
    if (type == "TABLE_FUNCTION" && takes_paths(text_of(node.at("function"), "function_name"))) {
      const auto& arguments = node.at("function").at("children");
      if (!arguments.empty()) add_paths(arguments.front());
    }
    if (type != "BASE_TABLE") return;
    const std::string name = text_of(node, "table_name");
    const bool qualified = !text_of(node, "schema_name").empty();
    if (named_.contains(name)) return;
    if (!qualified && name.find_first_of("./*") != std::string::npos) add(name, node, true);
  }

  void add_paths(const nlohmann::json& argument) {
    if (text_of(argument, "class") == "CONSTANT") {
      add(text_of(argument.at("value"), "value"), argument);
    } else if (text_of(argument, "function_name") == "list_value") {
      for (const auto& path : argument.at("children")) add_paths(path);
    } else {
      refuse();
    }
  }

  void add(const std::string& path, const nlohmann::json& node, bool is_table = false) {
    const auto at = node.at("query_location").get<std::uint64_t>();
    const std::size_t size = quoted_size(sql_, at);
    if (size == 0) refuse();
    reads_.push_back({path, at, size, is_table});
  }

  [[noreturn]] static void refuse() {
    throw Error(Fault::Misconfigured, "path_not_text",
                "the query reads a file whose path is computed, or not written in plain quotes",
                "Write each path as one text: 'sales/*.parquet'; placeholders work inside it");
  }

  const std::string& sql_;
  std::set<std::string> named_;
  std::vector<FileRead> reads_;
};

/// A member that is absent, null, or has nothing in it.
bool is_bare(const nlohmann::json& node, const char* member) {
  const auto found = node.find(member);
  return found == node.end() || found->is_null() || found->empty();
}

/// Neither groups rows, nor leaves some out by what others hold.
bool is_row_by_row(const nlohmann::json& node) {
  if (text_of(node, "type") != "SELECT_NODE") return false;
  for (const char* member : {"group_expressions", "group_sets", "having", "qualify", "sample"}) {
    if (!is_bare(node, member)) return false;
  }
  if (text_of(node, "aggregate_handling") != "STANDARD_HANDLING") return false;
  for (const auto& modifier : node.at("modifiers")) {
    if (text_of(modifier, "type") != "ORDER_MODIFIER") return false;
  }
  bool has_window = false;
  each_node(node, [&](const nlohmann::json& part) {
    has_window = has_window || text_of(part, "class") == "WINDOW";
  });
  return !has_window && is_bare(node.at("cte_map"), "map");
}

/// All columns of the table, which is known as `alias`: behind another name, a record's fields.
bool is_plain_star(const nlohmann::json& item, const std::string& alias) {
  if (text_of(item, "class") != "STAR" || !is_bare(item, "expr")) return false;
  for (const char* changes :
       {"exclude_list", "qualified_exclude_list", "replace_list", "rename_list"}) {
    if (!is_bare(item, changes)) return false;
  }
  const std::string of = text_of(item, "relation_name");
  return item.at("columns") == false && (of.empty() || same_name(of, alias));
}

/// The table's column of this name; behind another name than the table's, a record's field.
bool is_column(const nlohmann::json& item, const std::string& column, const std::string& alias) {
  if (text_of(item, "class") != "COLUMN_REF") return false;
  const auto& names = item.at("column_names");
  if (!same_name(names.back().get<std::string>(), column)) return false;
  return names.size() == 1 || (names.size() == 2 && same_name(names[0].get<std::string>(), alias));
}

}  // namespace

std::vector<FileRead> file_reads(const std::string& select) {
  Collector collector(select);
  collector.collect(statements_of(select));
  return collector.take();
}

bool passes_rows_by(const std::string& select, const std::string& column) {
  const nlohmann::json statements = statements_of(select);
  if (statements.size() != 1 || file_reads(select).size() != 1) return false;
  const nlohmann::json& node = statements.front().at("node");
  if (!is_row_by_row(node)) return false;
  const nlohmann::json& table = node.at("from_table");
  if (text_of(table, "type") != "BASE_TABLE" || !is_bare(table, "sample")) return false;
  if (!is_bare(table, "column_name_alias")) return false;
  const std::string known_as = text_of(table, "alias");
  bool passes = false;
  for (const auto& item : node.at("select_list")) {
    const std::string alias = text_of(item, "alias");
    const bool is_named_so = same_name(alias, column);
    if (is_plain_star(item, known_as) ||
        (is_column(item, column, known_as) && (alias.empty() || is_named_so))) {
      passes = true;
    } else if (is_named_so) {
      return false;
    }
  }
  return passes;
}

}  // namespace millrace::engine
