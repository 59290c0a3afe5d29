#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::definition {

/// A text as TOML that reads back as the same bytes; valid UTF-8 is the caller's duty. Several
/// lines stay several lines, between ''' where that can hold them.
std::string text_value(std::string_view text);
/// A key as TOML: bare where it may be.
std::string key_text(std::string_view key);
/// ["a", "b"]
std::string list_value(const std::vector<std::string>& texts);

bool is_utf8(std::string_view text);

/// The TOML `document` with `table.key` set to `value` (TOML). Everything else keeps its bytes,
/// comments too. A table that is missing is added at the end.
std::string with_value(const std::string& document, const std::string& file, std::string_view table,
                       std::string_view key, std::string_view value);

}  // namespace millrace::definition
