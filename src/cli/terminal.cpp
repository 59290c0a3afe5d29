#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/env.h"

namespace millrace::cli {
namespace {

/// Columns a text takes, counting code points (our texts have no wide characters).
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789,.-+%e") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos &&
         std::count(text.begin(), text.end(), '-') < 2;
}

std::string padded(std::string_view text, std::size_t to, bool right) {
  const std::string space(to - std::min(to, width(text)), ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

}  // namespace

Terminal::Terminal(bool json)
    : json_(json),
      asks_(!json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)),
      colour_(!json && isatty(STDOUT_FILENO) && environment_variable("NO_COLOR").empty()) {}

std::string Terminal::toned(std::string_view text, Tone tone) const {
  if (!colour_ || tone == Tone::Plain) return std::string(text);
  const std::string_view code = tone == Tone::Good   ? "32"
                                : tone == Tone::Warn ? "33"
                                : tone == Tone::Bad  ? "31"
                                                     : "2";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Terminal::print(const Table& table) {
  const std::size_t columns = table.header.size();
  std::vector<std::size_t> widths(columns);
  std::vector<bool> right(columns, !table.rows.empty());
  for (std::size_t i = 0; i < columns; ++i) {
    widths[i] = width(table.header[i]);
    for (const auto& row : table.rows) {
      widths[i] = std::max(widths[i], width(row[i]));
      if (!row[i].empty() && !is_number(row[i])) right[i] = false;
    }
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t i = 0; i < columns; ++i) {
      if (i > 0) text += "  ";
      text += padded(cells[i], widths[i], right[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::cout << toned(line(table.header), Tone::Dim) << '\n';
  for (const auto& row : table.rows) std::cout << line(row) << '\n';
  std::cout.flush();
}

void Terminal::say(std::string_view line) {
  if (!json_) std::cout << line << std::endl;
}

void Terminal::answer(const nlohmann::ordered_json& document) {
  std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
            << std::endl;
}

void Terminal::raw(std::string_view text) { std::cout << text << std::flush; }

void Terminal::note(std::string_view line) { std::cerr << line << std::endl; }

std::string Terminal::ask(std::string_view question, std::string_view fallback, bool secret) {
  std::cerr << question;
  if (!fallback.empty()) std::cerr << " [" << fallback << "]";
  std::cerr << ": " << std::flush;
  termios before{};
  const bool hide = secret && tcgetattr(STDIN_FILENO, &before) == 0;
  if (hide) {
    termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  }
  std::string line;
  std::getline(std::cin, line);
  if (hide) {
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::cerr << std::endl;
  }
  return line.empty() ? std::string(fallback) : line;
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return (number < 0 ? "-" : "") + digits;
}

std::string bytes_text(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

ProgressBar::ProgressBar(Terminal& terminal, std::string title, std::int64_t days_total)
    : enabled_(!terminal.json() && isatty(STDERR_FILENO)),
      title_(std::move(title)),
      days_total_(days_total),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

ProgressBar::~ProgressBar() {
  if (visible_) std::cerr << "\r\x1b[K" << std::flush;
}

void ProgressBar::day_done() {
  ++days_done_;
  draw();
}

void ProgressBar::at(const std::string& load, const std::string& what, std::int64_t rows,
                     std::int64_t bytes) {
  auto found =
      std::find_if(seen_.begin(), seen_.end(), [&](const Seen& seen) { return seen.load == load; });
  if (found == seen_.end()) found = seen_.insert(seen_.end(), Seen{load});
  *found = {load, rows, bytes};
  what_ = what;
  draw();
}

void ProgressBar::draw() {
  using namespace std::chrono;
  const auto now = steady_clock::now();
  if (!enabled_ || now - start_ < 1s || (visible_ && now - drawn_ < 100ms)) return;
  drawn_ = now;
  visible_ = true;
  std::int64_t rows = 0, bytes = 0;
  for (const Seen& seen : seen_) {
    rows += seen.rows;
    bytes += seen.bytes;
  }
  const double elapsed = duration<double>(now - start_).count();
  const double part =
      days_total_ > 0 ? static_cast<double>(days_done_) / static_cast<double>(days_total_) : 0;
  constexpr int kWidth = 24;
  const int full = static_cast<int>(part * kWidth);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < full ? "█" : "░";
  const std::string left =
      part > 0.02 ? fmt::format(", {} left", seconds_text(elapsed / part - elapsed)) : "";
  std::cerr << fmt::format("\r\x1b[K{} {} {}/{} days, {} rows, {}, {} rows/s, {}{}", title_, bar,
                           days_done_, days_total_, grouped(rows), bytes_text(bytes),
                           grouped(static_cast<std::int64_t>(static_cast<double>(rows) / elapsed)),
                           seconds_text(elapsed), left)
            << std::flush;
}

}  // namespace millrace::cli
