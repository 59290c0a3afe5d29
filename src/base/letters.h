#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

/// Words that people and protocols write in either case, and white space: ASCII, whatever the
/// locale.
namespace millrace {

inline char lower_case(char letter) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) letter = lower_case(letter);
  return lower;
}

/// Equal without regard to case, as SQL names are.
inline bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](char c) { return lower_case(c); }, [](char c) { return lower_case(c); });
}

/// Without the white space at both ends.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

}  // namespace millrace
