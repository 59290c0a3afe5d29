#include "definition/toml_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "definition/document.h"

namespace millrace::definition {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool needs_escapes(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return is_control(c) && c != '\n' && c != '\t'; });
}

/// What stands between double quotes; with `lines`, between three of them.
std::string escaped(std::string_view text, bool lines) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\n':
        out += lines ? "\n" : "\\n";
        break;
      default:
        out += is_control(c) ? fmt::format("\\u{:04X}", static_cast<unsigned char>(c))
                             : std::string(1, c);
    }
  }
  return out;
}

/// A literal string ends at the first quote that could end it.
bool fits_literal(std::string_view text) {
  return !needs_escapes(text) && text.find("'''") == std::string_view::npos &&
         !text.ends_with('\'');
}

std::string of_one_line(std::string_view text) {
  const bool awkward = text.find_first_of("\"\\\t") != std::string_view::npos;
  const bool one_line = text.find('\n') == std::string_view::npos;
  if (awkward && one_line && fits_literal(text)) {
    if (text.find('\'') == std::string_view::npos) return fmt::format("'{}'", text);
    return fmt::format("'''{}'''", text);
  }
  return fmt::format("\"{}\"", escaped(text, false));
}

/// The byte at which a position lies.
std::size_t offset_of(std::string_view document, Position position) {
  std::size_t at = 0;
  for (unsigned line = 1; line < position.line && at < document.size(); ++line) {
    const std::size_t end = document.find('\n', at);
    at = end == std::string_view::npos ? document.size() : end + 1;
  }
  const auto continues = [&](std::size_t byte) {
    return byte < document.size() && (static_cast<unsigned char>(document[byte]) & 0xC0) == 0x80;
  };
  for (unsigned column = 1; column < position.column && at < document.size(); ++column) {
    do {
      ++at;
    } while (continues(at));
  }
  return at;
}

std::string inserted(std::string document, std::size_t at, const std::string& text) {
  return document.insert(at, text);
}

std::string with_key(const std::string& document, const Node& table, const std::string& line) {
  const std::size_t header = offset_of(document, table.place.at);
  if (table.inlined) {
    return inserted(document, header + 1,
                    fmt::format(" {}{}", line, table.members.empty() ? " " : ","));
  }
  const std::size_t end = document.find('\n', header);
  if (end == std::string::npos) return fmt::format("{}\n{}\n", document, line);
  return inserted(document, end + 1, line + "\n");
}

}  // namespace

std::string text_value(std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return of_one_line(text);
  // A newline right behind the opening quotes is not part of the text.
  if (fits_literal(text)) return fmt::format("'''\n{}'''", text);
  return fmt::format("\"\"\"\n{}\"\"\"", escaped(text, true));
}

std::string key_text(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(key) : fmt::format("\"{}\"", escaped(key, false));
}

std::string list_value(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + of_one_line(text);
  return fmt::format("[{}]", list);
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t ahead) {
      return at + ahead < text.size() ? static_cast<unsigned char>(text[at + ahead]) : 0U;
    };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0) return false;
    for (std::size_t ahead = 1; ahead < length; ++ahead) {
      if ((byte(ahead) & 0xC0U) != 0x80U) return false;
    }
    const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool outside = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
    if (overlong || outside) return false;
    at += length;
  }
  return true;
}

std::string with_value(const std::string& document, const std::string& file, std::string_view table,
                       std::string_view key, std::string_view value) {
  const Node root = parse_toml(document, file);
  const std::string line = fmt::format("{} = {}", key, value);
  const Node::Member* holder = root.find(table);
  if (!holder) {
    const std::string gap = document.empty() ? "" : document.ends_with('\n') ? "\n" : "\n\n";
    return fmt::format("{}{}[{}]\n{}\n", document, gap, table, line);
  }
  const Node::Member* known = holder->value.find(key);
  if (!known) return with_key(document, holder->value, line);
  const std::size_t begin = offset_of(document, known->value.place.at);
  const std::size_t end = offset_of(document, known->value.end);
  return document.substr(0, begin) + std::string(value) + document.substr(end);
}

}  // namespace millrace::definition
