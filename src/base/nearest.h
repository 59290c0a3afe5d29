#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// The candidate that was probably meant by `word`: fewest edits (insert, delete, replace, swap),
/// letter case ignored; none when even that one differs in more than a third of its letters.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates);

/// `; did you mean "host"?`, or nothing: the tail of a message about an unknown word.
std::string did_you_mean(const std::optional<std::string>& guess);

}  // namespace millrace
