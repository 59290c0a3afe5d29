#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace millrace::engine {

/// The statements of a text, as DuckDB serializes them; nothing of it runs. Throws Misconfigured
/// `sql_error` with the parser's words and a caret, and `not_one_select` when one of them is not a
/// SELECT. Thread-safe; private to this folder.
nlohmann::json statements_of(const std::string& sql);
/// How many SELECTs a text holds; none also when it is anything else.
std::size_t selects_in(const std::string& sql);

/// Calls `visit` for every JSON object below (and at) `tree`, outer ones first.
template <typename Visit>
void each_node(const nlohmann::json& tree, const Visit& visit) {
  if (tree.is_object()) visit(tree);
  if (!tree.is_structured()) return;
  for (const auto& child : tree) each_node(child, visit);
}

/// The text of a member, or empty.
std::string text_of(const nlohmann::json& node, const char* member);

}  // namespace millrace::engine
