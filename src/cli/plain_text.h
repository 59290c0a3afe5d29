#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

/// A text that may hold what warehouses and their rows say, as a terminal may show it: characters
/// that would move the cursor, recolour the screen or turn the direction of writing are spelled
/// out, as \x1b and \u202e. Lines and tabs stay, and so do the colours that Terminal itself gives.
std::string harmless(std::string_view text);

/// The same of one value in a table: lines and tabs become spaces, and no colour stays.
std::string harmless_cell(std::string_view text);

}  // namespace millrace::cli
