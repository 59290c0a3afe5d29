#include "cli/plain_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::cli {
namespace {

/// The length of a colour code of ours at the text's beginning; 0 where there is none.
std::size_t colour_at(std::string_view text) {
  for (const std::string_view code : {"\x1b[0m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"}) {
    if (text.starts_with(code)) return code.size();
  }
  return 0;
}

/// What stands at the text's beginning and must be spelled out: its length, and how.
struct Control {
  std::size_t length = 0;
  std::string spelled;
};

Control control_at(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const unsigned first = byte(0), second = byte(1), third = byte(2);
  if (first < 0x20 || first == 0x7f) return {1, fmt::format("\\x{:02x}", first)};
  if (first == 0xc2 && second >= 0x80 && second < 0xa0) {
    return {2, fmt::format("\\x{:02x}", second)};
  }
  // U+202A to U+202E and U+2066 to U+2069 turn the direction of writing.
  const bool turns = first == 0xe2 && ((second == 0x80 && third >= 0xaa && third <= 0xae) ||
                                       (second == 0x81 && third >= 0xa6 && third <= 0xa9));
  if (turns) return {3, fmt::format("\\u{:04x}", 0x2000 + ((second & 0x3f) << 6) + (third & 0x3f))};
  return {};
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    std::size_t length = std::max<std::size_t>(colour_at(rest), 1);
    const bool stays = length > 1 || rest[0] == '\n' || rest[0] == '\t';
    const Control control = stays ? Control() : control_at(rest);
    if (control.length > 0) length = control.length;
    plain += control.length > 0 ? control.spelled : rest.substr(0, length);
    i += length;
  }
  return plain;
}

std::string harmless_cell(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\r' || c == '\t';
    plain += blank ? std::string(" ") : c == '\x1b' ? std::string("\\x1b") : std::string(1, c);
  }
  return harmless(plain);
}

}  // namespace millrace::cli
