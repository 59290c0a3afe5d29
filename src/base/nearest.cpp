#include "base/nearest.h"

#include <algorithm>
#include <vector>

namespace millrace {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Optimal string alignment distance: one row per letter of `a`, the last three kept.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

template <class Texts>
std::optional<std::string> nearest_of(std::string_view word, const Texts& candidates) {
  std::optional<std::string> best;
  std::size_t fewest = 0;
  for (const auto& candidate : candidates) {
    const std::size_t count = edits(word, candidate);
    const std::size_t tolerated = std::max<std::size_t>(1, candidate.size() / 3);
    if (count > tolerated || (best && count >= fewest)) continue;
    best = std::string(candidate);
    fewest = count;
  }
  return best;
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  return nearest_of(word, candidates);
}

std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates) {
  return nearest_of(word, candidates);
}

std::string did_you_mean(const std::optional<std::string>& guess) {
  return guess ? "; did you mean \"" + *guess + "\"?" : "";
}

}  // namespace millrace
