#include "warehouse/text_values.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "base/quoted.h"

namespace millrace::warehouse {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

[[noreturn]] void unreadable(std::string_view text, std::string_view kind) {
  throw quoting(Fault::BadData, "unreadable_value", "reading the warehouse's rows ",
                fmt::format("failed, as \"{}\" is not a {}", text.substr(0, 80), kind),
                "This is a value that Millrace does not know yet: cast the column to text in the "
                "query, and report it");
}

/// Reads fields off the front of a date or time.
class Scanner {
 public:
  Scanner(std::string_view text, std::string_view kind) : text_(text), rest_(text), kind_(kind) {}

  std::int64_t number() {
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (problem != std::errc() || rest_.starts_with('-')) unreadable(text_, kind_);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  void expect(char c) {
    if (!skip(c)) unreadable(text_, kind_);
  }
  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// Digits behind a decimal point as microseconds.
  std::int64_t fraction() {
    std::int64_t micros = 0, unit = kMicrosPerSecond / 10;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      micros += (rest_[0] - '0') * unit;
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return micros;
  }
  bool at_end() const { return rest_.empty(); }
  void expect_end() {
    if (!at_end()) unreadable(text_, kind_);
  }

 private:
  std::string_view text_, rest_, kind_;
};

bool is_infinite(std::string_view text) { return text == "infinity" || text == "-infinity"; }

struct CivilDate {
  std::int64_t year, month, day;
};

CivilDate date_of(Scanner& scanner) {
  const std::int64_t year = scanner.number();
  scanner.expect('-');
  const std::int64_t month = scanner.number();
  scanner.expect('-');
  return {year, month, scanner.number()};
}

/// Days from the civil calendar, also beyond the years that <chrono> knows; by Howard Hinnant's
/// algorithm "days_from_civil".
std::int64_t days_of(CivilDate date, bool before_christ) {
  const std::int64_t year = before_christ ? 1 - date.year : date.year;
  const std::int64_t y = date.month <= 2 ? year - 1 : year;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t shifted = date.month > 2 ? date.month - 3 : date.month + 9;
  const std::int64_t day_of_year = (153 * shifted + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

/// Seconds east of UTC: +02, -03:30, +01:23:45.
std::int64_t offset_of(Scanner& scanner) {
  const bool west = scanner.skip('-');
  if (!west && !scanner.skip('+')) return 0;
  std::int64_t seconds = scanner.number() * 3600;
  if (scanner.skip(':')) seconds += scanner.number() * 60;
  if (scanner.skip(':')) seconds += scanner.number();
  return west ? -seconds : seconds;
}

}  // namespace

std::optional<std::int32_t> days_from_text(std::string_view text) {
  if (is_infinite(text)) return {};
  Scanner scanner(text, "date");
  const CivilDate date = date_of(scanner);
  const bool before_christ = scanner.skip(" BC");
  scanner.expect_end();
  return static_cast<std::int32_t>(days_of(date, before_christ));
}

std::optional<std::int64_t> micros_from_text(std::string_view text) {
  if (is_infinite(text)) return {};
  Scanner scanner(text, "timestamp");
  const CivilDate date = date_of(scanner);
  scanner.expect(' ');
  std::int64_t seconds = scanner.number() * 3600;
  scanner.expect(':');
  seconds += scanner.number() * 60;
  scanner.expect(':');
  seconds += scanner.number();
  const std::int64_t fraction = scanner.skip('.') ? scanner.fraction() : 0;
  seconds -= offset_of(scanner);
  const bool before_christ = scanner.skip(" BC");
  scanner.expect_end();
  return (days_of(date, before_christ) * 86400 + seconds) * kMicrosPerSecond + fraction;
}

}  // namespace millrace::warehouse
