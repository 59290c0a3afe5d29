#include "model/yearly_rule.h"

namespace millrace {
namespace {

using std::chrono::seconds;

/// Takes the parts of a rule off its front; one that is not there sets `failed`.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool failed = false;

  bool at_end() const { return rest_.empty(); }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }

  bool take(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { failed |= !take(c); }

  int number() {
    int value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && digits < 3 && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = value * 10 + (rest_[digits++] - '0');
    }
    failed |= digits == 0;
    rest_.remove_prefix(digits);
    return value;
  }

  /// `8`, `-10:30`, `+1:00:00`
  seconds time() {
    const int sign = take('-') ? -1 : 1;
    if (sign > 0) take('+');
    int total = number() * 3600;
    if (take(':')) total += number() * 60;
    if (take(':')) total += number();
    return seconds(sign * total);
  }

  /// `PST` or `<+1030>`
  void skip_name() {
    const bool bracketed = take('<');
    std::size_t length = 0;
    while (length < rest_.size() && is_name(rest_[length], bracketed)) ++length;
    failed |= length == 0;
    rest_.remove_prefix(length);
    if (bracketed) expect('>');
  }

  YearlyRule::When when() {
    YearlyRule::When when{.time = std::chrono::hours(2)};
    expect(',');
    expect('M');
    when.month = static_cast<unsigned>(number());
    expect('.');
    when.week = static_cast<unsigned>(number());
    expect('.');
    when.weekday = static_cast<unsigned>(number());
    if (take('/')) when.time = time();
    failed |=
        when.month < 1 || when.month > 12 || when.week < 1 || when.week > 5 || when.weekday > 6;
    return when;
  }

 private:
  static bool is_name(char c, bool bracketed) {
    if (bracketed) return c != '>';
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }

  std::string_view rest_;
};

std::chrono::sys_seconds instant(const YearlyRule::When& when, std::chrono::year year,
                                 seconds offset) {
  const auto month = year / std::chrono::month(when.month);
  const std::chrono::weekday weekday(when.weekday);
  const std::chrono::sys_days day = when.week == 5
                                        ? std::chrono::sys_days(month / weekday[std::chrono::last])
                                        : std::chrono::sys_days(month / weekday[when.week]);
  return day + when.time - offset;
}

}  // namespace

std::optional<YearlyRule> YearlyRule::parse(std::string_view text) {
  Reader reader(text);
  YearlyRule rule;
  reader.skip_name();
  rule.winter = -reader.time();
  reader.skip_name();
  rule.summer = reader.next_is(',') ? rule.winter + std::chrono::hours(1) : -reader.time();
  rule.summer_begins = reader.when();
  rule.summer_ends = reader.when();
  if (reader.failed || !reader.at_end()) return {};
  return rule;
}

std::pair<std::chrono::sys_seconds, std::chrono::sys_seconds> YearlyRule::jumps(
    std::chrono::year year) const {
  return {instant(summer_begins, year, winter), instant(summer_ends, year, summer)};
}

}  // namespace millrace
