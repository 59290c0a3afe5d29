#include <fmt/format.h>
#include <fmt/ranges.h>

#include "definition/keys.h"

namespace millrace::definition {
namespace {

constexpr std::string_view kHead =
    "# TOML: every table and every key\n"
    "\n"
    "This page is written by `make golden` from the table that also checks the files\n"
    "(`src/definition/keys.cpp`); do not edit it. How to use it: [define ingestions]"
    "(../howto/define-ingestions.md).\n"
    "\n"
    "An unknown key, a value of another type, or a key that does not apply to the dataset is "
    "refused\n"
    "before anything runs, with file, line, column and the nearest valid key.\n";

/// A text in a cell: a bar would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string value_of(const KeyRule& key) {
  if (key.words.empty()) return cell(described(key.shape));
  std::vector<std::string> words;
  for (const std::string_view word : key.words) words.push_back(fmt::format("`\"{}\"`", word));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string section(const TableRule& rule) {
  std::string text = fmt::format("\n## `[{}]`\n\n{}{}\n", rule.heading, rule.help,
                                 rule.home_only ? " Only in the home's `millrace.toml`." : "");
  if (rule.keys.empty()) return text;
  const bool by_dataset = rule.heading.ends_with(".mapping");
  text += by_dataset ? "\n| Key | Datasets | Value | Example | Meaning |\n|---|---|---|---|---|\n"
                     : "\n| Key | Value | Example | Meaning |\n|---|---|---|---|\n";
  for (const KeyRule& key : rule.keys) {
    text += fmt::format("| `{}` |{} {} | `{}` | {} |\n", key.name,
                        by_dataset ? fmt::format(" {} |", datasets_of(key)) : "", value_of(key),
                        cell(key.example), cell(key.help));
  }
  return text;
}

}  // namespace

std::string reference_page() {
  std::string page(kHead);
  for (const TableRule& rule : table_rules()) {
    if (!rule.heading.empty()) page += section(rule);
  }
  return page;
}

}  // namespace millrace::definition
