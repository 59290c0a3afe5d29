#pragma once

#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace millrace::cli {

/// Aligned columns; numbers to the right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// Where a command speaks: answers on stdout (JSON only, with --json), everything else on stderr.
class Terminal {
 public:
  /// `lines`: with --json, JSON lines: progress as it comes, the answer as `result`.
  explicit Terminal(bool json, bool lines = false);
  /// Where nobody looks on: in place of stdout and stderr. An answer of more bytes is forgotten,
  /// and Misconfigured `answer_too_large`. `typed` is the secret that may be asked for.
  Terminal(std::ostringstream& answers, std::ostream& notes, bool json, bool lines,
           std::size_t most, const Secret& typed);

  bool json() const { return json_; }
  bool lines() const { return lines_; }
  bool can_ask() const { return asks_; }
  bool draws() const { return draws_; }
  /// Whether who reads this may see rows, and so an Error's `in_full`: on the own machine, or with
  /// the right to read them.
  bool shows_rows() const { return shows_rows_; }
  void hide_rows() { shows_rows_ = false; }
  /// Of the two texts that the catalog keeps of an error the one for who reads this.
  const std::string& error_text(const std::string& text, const std::string& in_full) const {
    return shows_rows_ && !in_full.empty() ? in_full : text;
  }
  void print(const Table& table);
  /// One line for people; nothing with --json.
  void say(std::string_view line);
  /// The answer of a command with --json.
  void answer(const nlohmann::ordered_json& document);
  /// What failed, with --json.
  void answer_error(const nlohmann::ordered_json& error);
  /// One `{"progress": …}` line.
  void tell_progress(const nlohmann::ordered_json& progress);
  void raw(std::string_view text);
  /// What a command elsewhere wrote to its stdout and stderr.
  void pass_on(std::string_view answer, std::string_view notes);
  void note(std::string_view line);  ///< To stderr.
  /// Draws over the last line of a terminal; empty removes it. What is said next removes it too.
  void draw(std::string_view line);
  /// What is typed for a secret is not shown.
  std::string ask(std::string_view question, std::string_view fallback, bool secret);
  /// Typed when asked, or the first line of stdin: arguments are in the list of processes, and in
  /// the shell's history.
  Secret ask_secret(std::string_view question);
  /// From any thread: shows again what is typed. False when nothing was asked.
  bool end_question();

  enum class Tone { Plain, Good, Warn, Bad, Dim };
  std::string toned(std::string_view text, Tone tone) const;       ///< For stdout.
  std::string toned_note(std::string_view text, Tone tone) const;  ///< For stderr.

 private:
  void erase();
  void hide_typing();
  void make_room(std::size_t bytes);
  void json_line(std::string_view key, const nlohmann::ordered_json& document);
  std::ostream &answers_, &notes_;
  std::ostringstream* bounded_ = nullptr;  ///< The answers, where they have a bound.
  std::size_t most_ = 0;
  Secret typed_;  ///< Likewise.
  bool json_, lines_, asks_, draws_, colour_, colour_notes_;
  bool shows_rows_ = true;
  std::mutex mutex_;  ///< A progress bar draws from a thread of its own.
  bool drawn_ = false, asking_ = false, hides_ = false;
};

/// Columns that a text takes on a terminal: wide characters take two, colours none.
std::size_t columns_of(std::string_view text);
/// Of the terminal behind stderr, 80 where there is none; less the last one, which stays free.
std::size_t screen_columns();
std::string grouped(std::int64_t number);                         ///< 336,776
std::string counted(std::int64_t number, std::string_view noun);  ///< 1 day, 1,440 rows
std::string bytes_text(std::int64_t bytes);
std::string seconds_text(double seconds);

}  // namespace millrace::cli
