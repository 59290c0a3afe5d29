#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

/// Aligned columns; numbers to the right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// Where a command speaks: answers on stdout (JSON only, with --json), everything else on stderr.
class Terminal {
 public:
  explicit Terminal(bool json);

  bool json() const { return json_; }
  bool can_ask() const { return asks_; }
  void print(const Table& table);
  /// One line for people; nothing with --json.
  void say(std::string_view line);
  /// The answer of a command with --json.
  void answer(const nlohmann::ordered_json& document);
  void raw(std::string_view text);
  void note(std::string_view line);  ///< To stderr.
  std::string ask(std::string_view question, std::string_view fallback, bool secret);

  enum class Tone { Plain, Good, Warn, Bad, Dim };
  std::string toned(std::string_view text, Tone tone) const;

 private:
  bool json_, asks_, colour_;
};

/// A bar on stderr, drawn from the first second on; silent where stderr is no terminal.
class ProgressBar {
 public:
  ProgressBar(Terminal& terminal, std::string title, std::int64_t days_total);
  ~ProgressBar();
  void day_done();
  /// Counters of one load so far.
  void at(const std::string& load, const std::string& what, std::int64_t rows, std::int64_t bytes);

 private:
  void draw();
  struct Seen {
    std::string load;
    std::int64_t rows = 0, bytes = 0;
  };
  bool enabled_;
  std::string title_, what_;
  std::int64_t days_total_, days_done_ = 0;
  std::vector<Seen> seen_;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool visible_ = false;
};

std::string grouped(std::int64_t number);  ///< 336,776
std::string bytes_text(std::int64_t bytes);
std::string seconds_text(double seconds);

}  // namespace millrace::cli
