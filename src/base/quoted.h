#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace millrace {

/// The first line of what somebody else said of data, without what may be the value of a row: "…"
/// stands for everything between its first and its last quotation mark (a value may hold some), for
/// numbers, and for what follows a colon. In any language, as only marks are looked at.
std::string without_values(std::string_view words);

/// An Error whose words are somebody else's and may quote rows anywhere: `what()` is `before` and
/// those words without values.
Error quoting(Fault fault, const std::string& code, const std::string& before,
              const std::string& words, const std::string& advice = {});

}  // namespace millrace
