#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::warehouse {

// Dates and times in the ISO forms of PostgreSQL and its relatives: 2026-11-20,
// 2026-11-20 08:30:00.25-03:30, 0044-03-15 BC, infinity.

/// Days since 1970-01-01; none for an infinite date. Throws BadData `unreadable_value`.
std::optional<std::int32_t> days_from_text(std::string_view text);
/// Microseconds since 1970-01-01T00:00:00, UTC where the text names an offset.
std::optional<std::int64_t> micros_from_text(std::string_view text);

}  // namespace millrace::warehouse
