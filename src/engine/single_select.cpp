#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "engine/database.h"
#include "engine/syntax_tree.h"

namespace millrace::engine {
namespace {

/// The table functions that only read what the sandbox allows. The others look into the engine or,
/// like enable_logging and query, change it from inside a SELECT.
constexpr std::array kTableFunctions = {"generate_series",
                                        "glob",
                                        "histogram",
                                        "histogram_values",
                                        "json_each",
                                        "json_tree",
                                        "parquet_file_metadata",
                                        "parquet_full_metadata",
                                        "parquet_kv_metadata",
                                        "parquet_metadata",
                                        "parquet_scan",
                                        "parquet_schema",
                                        "range",
                                        "read_blob",
                                        "read_csv",
                                        "read_csv_auto",
                                        "read_json",
                                        "read_json_auto",
                                        "read_json_objects",
                                        "read_json_objects_auto",
                                        "read_ndjson",
                                        "read_ndjson_auto",
                                        "read_ndjson_objects",
                                        "read_parquet",
                                        "read_text",
                                        "repeat",
                                        "repeat_row",
                                        "sniff_csv",
                                        "summary",
                                        "unnest"};

/// Scalar functions with effects, or that parse SQL of their own.
constexpr std::array kRefusedFunctions = {"json_serialize_plan", "write_log"};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Fault::Misconfigured, "not_one_select", why,
              "Give one SELECT (or WITH …, VALUES …, FROM …)");
}

void check_functions(const nlohmann::json& tree) {
  each_node(tree, [](const nlohmann::json& node) {
    const bool table = text_of(node, "type") == "TABLE_FUNCTION";
    const std::string name = text_of(table ? node.at("function") : node, "function_name");
    const auto is_name = [&](std::string_view other) { return other == name; };
    if (table ? std::ranges::any_of(kTableFunctions, is_name)
              : !std::ranges::any_of(kRefusedFunctions, is_name)) {
      return;
    }
    throw Error(Fault::Misconfigured, "function_not_allowed",
                fmt::format("the query uses the function {}, which is not allowed", name),
                "A query of files names them in quotes, or in read_parquet, read_csv or read_json; "
                "what the engine says of itself is not given");
  });
}

/// Cuts trailing semicolons, also those behind which only blanks and comments follow.
std::string without_semicolons(std::string sql) {
  for (auto at = sql.rfind(';'); at != std::string::npos; at = sql.rfind(';')) {
    const std::string before = sql.substr(0, at), after = sql.substr(at + 1);
    if (selects_in(before) != 1 || selects_in("select 1;" + after + "\n") != 1) break;
    sql = before;
  }
  return sql.erase(sql.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace

std::string single_select(std::string_view given) {
  const nlohmann::json statements = statements_of(std::string(given));
  if (statements.empty()) refuse("the query is empty");
  if (statements.size() > 1)
    refuse(fmt::format("the query holds {} statements", statements.size()));
  check_functions(statements);
  const std::string sql = without_semicolons(std::string(given));
  // What parses alone is balanced, and the line break ends a trailing comment.
  check(selects_in(fmt::format("select * from ({}\n) as q", sql)) == 1,
        "one SELECT may stand in parentheses");
  return sql;
}

}  // namespace millrace::engine
