#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

/// Words that people and protocols write in either case: ASCII letters only, whatever the locale.
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

}  // namespace millrace
