#include "base/env.h"

#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <fmt/format.h>
#include <sys/random.h>

#include "base/error.h"

namespace millrace {
namespace {

using std::chrono::microseconds;

class RealEnv final : public Env {
 public:
  Instant now() override {
    return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
  }

  void random(std::span<std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        throw Error(
            Fault::Unavailable, "no_randomness",
            fmt::format("asking the kernel for random bytes failed: {}", std::strerror(errno)));
      }
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  }

  bool wait(std::chrono::milliseconds time, std::stop_token stop) override {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
  }
};

/// Reads exactly `count` digits at the front of `text` and removes them; -1 when they are not
/// there.
std::int64_t take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  std::int64_t number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

/// The microseconds of ".5" or ".123456"; -1 when it is something else.
std::int64_t take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  if (digits == 0 || digits > 6) return -1;
  std::int64_t fraction = take_digits(text, digits);
  for (; digits < 6; ++digits) fraction *= 10;
  return fraction;
}

}  // namespace

Env& real_env() {
  static RealEnv env;
  return env;
}

std::string new_id(Env& env) {
  const std::int64_t now = env.now().time_since_epoch().count();
  const auto milliseconds = static_cast<std::uint64_t>(now / 1000);
  // RFC 9562, 6.2, method 3: the 12 bits after the version hold the part of the millisecond.
  const auto part = static_cast<std::uint64_t>(now % 1000) * 4096 / 1000;
  std::uint8_t id[16];
  env.random(id);
  for (int byte = 0; byte < 6; ++byte) {
    id[byte] = static_cast<std::uint8_t>(milliseconds >> (40 - 8 * byte));
  }
  id[6] = static_cast<std::uint8_t>(0x70 | (part >> 8));
  id[7] = static_cast<std::uint8_t>(part);
  id[8] = static_cast<std::uint8_t>(0x80 | (id[8] & 0x3f));
  std::string text;
  for (int byte = 0; byte < 16; ++byte) {
    if (byte == 4 || byte == 6 || byte == 8 || byte == 10) text += '-';
    text += fmt::format("{:02x}", id[byte]);
  }
  return text;
}

Instant made_at(const std::string& id) {
  constexpr int kHexadecimal = 16;
  const std::string milliseconds = id.substr(0, 8) + id.substr(9, 4);
  return Instant(std::chrono::milliseconds(std::stoll(milliseconds, nullptr, kHexadecimal)));
}

std::string to_text(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

Instant instant_from_text(const std::string& text) {
  const auto refuse = [&] {
    return Error(Fault::BadData, "bad_instant",
                 fmt::format("\"{}\" is not an instant such as 2026-11-24T09:30:00.000000Z", text));
  };
  std::string_view rest = text;
  const auto number = [&](std::size_t digits, std::int64_t limit) {
    const std::int64_t value = take_digits(rest, digits);
    if (value < 0 || value > limit) throw refuse();
    return value;
  };
  const auto expect = [&](char c) {
    if (!take(rest, c)) throw refuse();
  };
  const auto year = number(4, 9999);
  expect('-');
  const auto month = number(2, 12);
  expect('-');
  const auto day = number(2, 31);
  expect('T');
  const auto hours = number(2, 23);
  expect(':');
  const auto minutes = number(2, 59);
  expect(':');
  const auto seconds = number(2, 59);
  const auto fraction = take_fraction(rest);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (fraction < 0 || rest != "Z" || !date.ok()) throw refuse();
  return std::chrono::sys_days(date) + std::chrono::hours(hours) + std::chrono::minutes(minutes) +
         std::chrono::seconds(seconds) + microseconds(fraction);
}

std::string environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

}  // namespace millrace
