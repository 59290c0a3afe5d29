#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include <nlohmann/json.hpp>

#include "base/env.h"

namespace millrace::log {
namespace {

enum class Level { Debug, Info, Warning, Error };

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warning:
      return "warning";
    case Level::Error:
      return "error";
  }
  return "error";
}

std::atomic<Level> usual = Level::Warning;

Level lowest() {
  const std::string wanted = environment_variable("MILLRACE_LOG_LEVEL");
  for (const Level level : {Level::Debug, Level::Info, Level::Warning, Level::Error}) {
    if (wanted == name_of(level)) return level;
  }
  return usual;
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// As it is when one word, else in quotes, so that a line stays one line and a value one value.
std::string value_text(const std::string& value) {
  constexpr std::string_view kBreaks = " \"=\\";
  for (const char c : value) {
    const bool plain = static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
    if (!plain || kBreaks.find(c) != std::string_view::npos) return json_text(value);
  }
  return value.empty() ? "\"\"" : value;
}

std::string text_line(Level level, std::string_view sentence, Values values) {
  std::string line = to_text(real_env().now());
  line += ' ';
  line += name_of(level);
  line += ": ";
  line += sentence;
  for (const auto& [key, value] : values) {
    line += ' ';
    line += key;
    line += '=';
    line += value_text(value);
  }
  return line;
}

std::string json_line(Level level, std::string_view sentence, Values values) {
  std::string line = "{\"at\":" + json_text(to_text(real_env().now()));
  line += ",\"level\":" + json_text(name_of(level));
  line += ",\"sentence\":" + json_text(sentence);
  for (const auto& [key, value] : values) line += "," + json_text(key) + ":" + json_text(value);
  return line + "}";
}

/// One write per line, so that lines of several threads and processes do not mix.
void put(Level level, std::string_view sentence, Values values) {
  if (level < lowest()) return;
  const bool json = environment_variable("MILLRACE_LOG") == "json";
  const std::string line =
      (json ? json_line(level, sentence, values) : text_line(level, sentence, values)) + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void tell_what_is_done() { usual = Level::Info; }

void debug(std::string_view sentence, Values values) { put(Level::Debug, sentence, values); }
void info(std::string_view sentence, Values values) { put(Level::Info, sentence, values); }
void warning(std::string_view sentence, Values values) { put(Level::Warning, sentence, values); }
void error(std::string_view sentence, Values values) { put(Level::Error, sentence, values); }

}  // namespace millrace::log
