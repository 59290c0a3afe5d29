#include "warehouse/dialect.h"

namespace millrace::warehouse {
namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += c;
  }
  return out + quote;
}

}  // namespace

std::string quoted_identifier(std::string_view name) { return doubled(name, '"'); }
std::string quoted_literal(std::string_view text) { return doubled(text, '\''); }

std::string iso_text(Instant instant) {
  std::string text = to_text(instant);
  text[text.find('T')] = ' ';
  text.pop_back();
  return text;
}

std::string iso_text(Naive naive) { return iso_text(Instant(naive.time_since_epoch())); }

std::string iso_date_literal(Day day) { return "date '" + day.text() + "'"; }

std::string iso_instant_literal(Instant instant) {
  return "timestamptz '" + iso_text(instant) + "+00'";
}

std::string iso_naive_literal(Naive naive) { return "timestamp '" + iso_text(naive) + "'"; }

}  // namespace millrace::warehouse
