#include "base/quoted.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace millrace {
namespace {

constexpr std::string_view kMarks[] = {"\"", "'", "`", "«", "»",  "„",  "“",  "”",
                                       "‘",  "’", "‹", "›", "「", "」", "『", "』"};
constexpr std::string_view kLeftOut = "…";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// The apostrophe of "can't" opens nothing.
bool opens(std::string_view words, std::size_t at, std::string_view mark) {
  const bool may_be_apostrophe = mark == "'" || mark == "’";
  return !may_be_apostrophe || at == 0 || !is_word(words[at - 1]);
}

std::string_view mark_at(std::string_view words, std::size_t at) {
  const auto* found = std::ranges::find_if(
      kMarks, [&](std::string_view mark) { return words.substr(at).starts_with(mark); });
  return found == std::end(kMarks) ? std::string_view() : *found;
}

/// From the first mark to the last one.
std::string without_quoted(std::string_view words) {
  std::size_t first = std::string_view::npos, last = 0, marks = 0;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string_view mark = mark_at(words, at);
    if (mark.empty() || (first == std::string_view::npos && !opens(words, at, mark))) continue;
    first = std::min(first, at);
    last = at + mark.size();
    ++marks;
  }
  if (marks == 0) return std::string(words);
  const std::string before(words.substr(0, first));
  if (marks == 1) return before + std::string(kLeftOut);
  return before + "\"" + std::string(kLeftOut) + "\"" + std::string(words.substr(last));
}

/// Numbers that are none of a word's: INT32 stays.
std::string without_numbers(std::string_view words) {
  std::string out;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const bool begins = std::isdigit(static_cast<unsigned char>(words[at])) != 0 &&
                        (at == 0 || !is_word(words[at - 1]));
    if (!begins) {
      out += words[at];
      continue;
    }
    while (at + 1 < words.size() && (is_word(words[at + 1]) || words[at + 1] == '.')) ++at;
    out += kLeftOut;
  }
  return out;
}

}  // namespace

std::string without_values(std::string_view words) {
  std::string text = without_numbers(without_quoted(words.substr(0, words.find('\n'))));
  const std::size_t colon = text.find(": ");
  if (colon == std::string::npos || text.substr(colon + 2) == "\"…\"") return text;
  return text.substr(0, colon + 2) + std::string(kLeftOut);
}

Error quoting(Fault fault, const std::string& code, const std::string& before,
              const std::string& words, const std::string& advice) {
  Error error(fault, code, before + without_values(words), advice);
  if (error.what() != before + words) error.in_full = before + words;
  return error;
}

}  // namespace millrace
