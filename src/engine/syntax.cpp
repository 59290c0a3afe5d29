#include "engine/syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
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
    if (!qualified && name.find_first_of("./*") != std::string::npos) add(name, node);
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

  void add(const std::string& path, const nlohmann::json& node) {
    const auto at = node.at("query_location").get<std::uint64_t>();
    const std::size_t size = quoted_size(sql_, at);
    if (size == 0) refuse();
    reads_.push_back({path, at, size});
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

}  // namespace

std::vector<FileRead> file_reads(const std::string& select) {
  Collector collector(select);
  collector.collect(statements_of(select));
  return collector.take();
}

}  // namespace millrace::engine
