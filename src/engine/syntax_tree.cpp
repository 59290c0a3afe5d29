#include "engine/syntax_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "engine/database.h"

namespace millrace::engine {
namespace {

/// "LINE 2: … frm x" and a caret below the byte at `position`.
std::string pointing_at(std::string_view sql, std::size_t position) {
  position = std::min(position, sql.size());
  const auto before = sql.substr(0, position);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto newline = before.rfind('\n');
  const auto start = newline == std::string_view::npos ? 0 : newline + 1;
  const std::string head = fmt::format("LINE {}: ", line);
  const auto text = sql.substr(start, sql.find('\n', position) - start);
  return fmt::format("{}{}\n{:>{}}", head, text, "^", head.size() + position - start + 1);
}

/// What the parser says about a text. One engine parses for the whole process, since opening one
/// takes longer than all it does here; it may touch nothing, and is never closed: at exit, DuckDB's
/// thread-local state is gone before it.
nlohmann::json answer(const std::string& sql) {
  static std::mutex mutex;
  static Database& parser = *new Database(Database::open({.memory_bytes = 64 << 20, .threads = 1}));
  if (sql.find('\0') != std::string::npos) {
    throw Error(Fault::Misconfigured, "sql_error", "the query holds a NUL character",
                "Remove it; a text cannot hold one");
  }
  const std::lock_guard lock(mutex);
  const auto text = parser.scalar("select json_serialize_sql(" + literal(sql) + ")");
  check(text.has_value(), "a text parses or says why not");
  return nlohmann::json::parse(*text);
}

}  // namespace

nlohmann::json statements_of(const std::string& sql) {
  const nlohmann::json tree = answer(sql);
  if (!tree.at("error").get<bool>()) return tree.at("statements");
  const std::string words = text_of(tree, "error_message");
  if (text_of(tree, "error_type") == "not implemented") {
    throw Error(Fault::Misconfigured, "not_one_select", "the query is not a SELECT",
                "Give one SELECT (or WITH …, VALUES …, FROM …)");
  }
  std::string message = words;
  if (const std::string position = text_of(tree, "position"); !position.empty()) {
    message += "\n\n" + pointing_at(sql, std::stoul(position));
  }
  throw Error(Fault::Misconfigured, "sql_error", message, "Correct the SQL, then try again");
}

std::size_t selects_in(const std::string& sql) {
  const nlohmann::json tree = answer(sql);
  return tree.at("error").get<bool>() ? 0 : tree.at("statements").size();
}

std::string text_of(const nlohmann::json& node, const char* member) {
  const auto found = node.find(member);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace millrace::engine
