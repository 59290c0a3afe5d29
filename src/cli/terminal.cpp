#include "cli/terminal.h"

#include <fmt/format.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cstdio>
#include <cwchar>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "base/letters.h"
#include "cli/plain_text.h"

namespace millrace::cli {
namespace {

/// The character at a text's beginning: its length, and the columns that a terminal gives it.
struct Character {
  std::size_t bytes = 1, columns = 1;
};

Character character_at(std::string_view text) {
  if (static_cast<signed char>(text.front()) >= 0) return {};
  static const locale_t kUtf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = uselocale(kUtf8);
  wchar_t letter = 0;
  std::mbstate_t state{};
  const std::size_t bytes = std::mbrtowc(&letter, text.data(), text.size(), &state);
  const bool is_whole = bytes > 0 && bytes <= text.size();
  const int columns = is_whole ? wcwidth(letter) : 1;
  uselocale(before);
  return {is_whole ? bytes : 1, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
}

/// No more than so many columns of a text without colours.
std::string_view cut(std::string_view text, std::size_t columns) {
  for (std::size_t i = 0, taken = 0; i < text.size();) {
    const Character next = character_at(text.substr(i));
    taken += next.columns;
    if (taken > columns) return text.substr(0, i);
    i += next.bytes;
  }
  return text;
}

/// A cell's lines as one; a caret that points into the line above says nothing there.
std::string on_one_line(std::string_view cell) {
  if (cell.find('\n') == cell.npos) return std::string(cell);
  std::string joined;
  bool is_excerpt = false;
  while (!cell.empty()) {
    const auto end = std::min(cell.find('\n'), cell.size());
    const std::string_view line = trimmed(cell.substr(0, end));
    cell.remove_prefix(std::min(end + 1, cell.size()));
    const bool is_caret = is_excerpt && line == "^";
    is_excerpt = line.starts_with("LINE ");
    if (line.empty() || is_caret) continue;
    joined += (joined.empty() ? "" : " ") + std::string(line);
  }
  return joined;
}

bool is_screen(int file) { return isatty(file) && environment_variable("TERM") != "dumb"; }

bool is_coloured(int file) { return is_screen(file) && environment_variable("NO_COLOR").empty(); }

std::string painted(std::string_view text, Terminal::Tone tone) {
  using Tone = Terminal::Tone;
  if (tone == Tone::Plain) return std::string(text);
  const std::string_view code = tone == Tone::Good   ? "32"
                                : tone == Tone::Warn ? "33"
                                : tone == Tone::Bad  ? "31"
                                                     : "2";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string text_of(const nlohmann::ordered_json& document, int indent) {
  return document.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789,.-+%e") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos &&
         std::count(text.begin(), text.end(), '-') < 2;
}

std::string padded(std::string_view text, std::size_t to, bool right) {
  const std::string space(to - std::min(to, columns_of(text)), ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

}  // namespace

std::size_t screen_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  // The last column stays free: a line that fills it wraps.
  return (known ? size.ws_col : 80U) - 1U;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\x1b') {
      i = std::min(text.find('m', i), text.size() - 1) + 1;
    } else {
      const Character next = character_at(text.substr(i));
      columns += next.columns;
      i += next.bytes;
    }
  }
  return columns;
}

Terminal::Terminal(bool json, bool lines)
    : answers_(std::cout),
      notes_(std::cerr),
      json_(json),
      lines_(json && lines),
      asks_(!json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)),
      draws_(!json && is_screen(STDERR_FILENO)),
      colour_(!json && is_coloured(STDOUT_FILENO)),
      colour_notes_(is_coloured(STDERR_FILENO)) {}

Terminal::Terminal(std::ostringstream& answers, std::ostream& notes, bool json, bool lines,
                   std::size_t most, const Secret& typed)
    : answers_(answers),
      notes_(notes),
      bounded_(&answers),
      most_(most),
      typed_(typed),
      json_(json),
      lines_(json && lines),
      asks_(false),
      draws_(false),
      colour_(false),
      colour_notes_(false) {}

std::string Terminal::toned(std::string_view text, Tone tone) const {
  return colour_ ? painted(text, tone) : std::string(text);
}

std::string Terminal::toned_note(std::string_view text, Tone tone) const {
  return colour_notes_ ? painted(text, tone) : std::string(text);
}

void Terminal::print(const Table& given) {
  Table table = given;
  for (std::string& name : table.header) name = harmless(name);
  for (auto& row : table.rows) {
    for (std::string& cell : row) cell = harmless(on_one_line(cell));
  }
  const std::size_t columns = table.header.size();
  std::vector<std::size_t> widths(columns);
  std::vector<bool> right(columns, !table.rows.empty());
  for (std::size_t i = 0; i < columns; ++i) {
    widths[i] = columns_of(table.header[i]);
    for (const auto& row : table.rows) {
      widths[i] = std::max(widths[i], columns_of(row[i]));
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
  say(toned(line(table.header), Tone::Dim));
  for (const auto& row : table.rows) say(line(row));
}

void Terminal::say(std::string_view line) {
  if (json_) return;
  const std::lock_guard lock(mutex_);
  erase();
  const std::string shown = harmless(line);
  make_room(shown.size());
  answers_ << shown << std::endl;
}

void Terminal::make_room(std::size_t bytes) {
  if (!bounded_ || static_cast<std::size_t>(bounded_->tellp()) + bytes <= most_) return;
  bounded_->str("");
  throw Error(Fault::Misconfigured, "answer_too_large",
              fmt::format("the answer is larger than {}, the most that a service gives",
                          bytes_text(static_cast<std::int64_t>(most_))),
              "Ask for less, for example with LIMIT; or ask on the machine of the home");
}

void Terminal::answer(const nlohmann::ordered_json& document) {
  if (lines_) {
    json_line("result", document);
  } else {
    const std::string text = text_of(document, 2);
    make_room(text.size());
    answers_ << text << std::endl;
  }
}

void Terminal::answer_error(const nlohmann::ordered_json& error) {
  if (lines_) {
    json_line("error", error);
  } else {
    answers_ << text_of({{"error", error}}, 2) << std::endl;
  }
}

void Terminal::tell_progress(const nlohmann::ordered_json& progress) {
  if (lines_) json_line("progress", progress);
}

void Terminal::json_line(std::string_view key, const nlohmann::ordered_json& document) {
  const std::lock_guard lock(mutex_);
  answers_ << text_of({{key, document}}, -1) << std::endl;
}

void Terminal::pass_on(std::string_view answer, std::string_view notes) {
  const std::lock_guard lock(mutex_);
  erase();
  answers_ << answer << std::flush;
  notes_ << notes << std::flush;
}

void Terminal::raw(std::string_view text) {
  make_room(text.size());
  answers_ << text << std::flush;
}

void Terminal::note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  erase();
  notes_ << harmless(line) << std::endl;
}

void Terminal::draw(std::string_view line) {
  if (!draws_) return;
  const std::lock_guard lock(mutex_);
  erase();
  if (line.empty()) return;
  notes_ << cut(line, screen_columns()) << std::flush;
  drawn_ = true;
}

void Terminal::erase() {
  if (drawn_) notes_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

std::string Terminal::ask(std::string_view question, std::string_view fallback, bool secret) {
  {
    const std::lock_guard lock(mutex_);
    asking_ = true;
    if (secret) hide_typing();  // before the question is there to be answered
  }
  notes_ << question;
  if (!fallback.empty()) notes_ << " [" << fallback << "]";
  notes_ << ": " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  end_question();
  return line.empty() ? std::string(fallback) : line;
}

Secret Terminal::ask_secret(std::string_view question) {
  if (bounded_) return typed_;
  if (asks_) return Secret(ask(question, "", true));
  std::string line;
  std::getline(std::cin, line);
  return Secret(std::move(line));
}

void Terminal::hide_typing() {
  termios settings{};
  if (tcgetattr(STDIN_FILENO, &settings) != 0) return;
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  hides_ = tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0;
}

bool Terminal::end_question() {
  const std::lock_guard lock(mutex_);
  termios settings{};
  if (hides_ && tcgetattr(STDIN_FILENO, &settings) == 0) {
    settings.c_lflag |= static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &settings);
    notes_ << std::endl;
  }
  hides_ = false;
  return std::exchange(asking_, false);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return (number < 0 ? "-" : "") + digits;
}

std::string counted(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
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

}  // namespace millrace::cli
