#include "engine/engine_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>
#include <vector>

#include "base/quoted.h"
#include "engine/database.h"

namespace millrace::engine {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Without what the engine says around an error that stopped a statement half-way.
std::string unwrapped(const std::string& text) {
  constexpr std::string_view kAround =
      "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result\n"
      "Error: ";
  return text.starts_with(kAround) ? text.substr(kAround.size()) : text;
}

std::string_view behind(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + mark.size());
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

/// "/data/a.csv, line 3: " and "Could not convert …" of a text that also quotes the line, gives
/// tips and lists every option.
struct CsvWords {
  std::string place, what;
};
CsvWords csv_words(std::string_view text) {
  std::string what;
  std::istringstream lines{std::string(behind(text, "CSV Error on Line: "))};
  std::string number, line;
  std::getline(lines, number);
  while (std::getline(lines, line) && !line.empty() && !line.starts_with("Possible ")) {
    if (line.starts_with("Original Line:")) continue;
    what += (what.empty() ? "" : " ") + line;
  }
  const std::string_view file = first_line(behind(text, "\n  file = "));
  return {fmt::format("{}, line {}: ", file.empty() ? "a CSV file" : file, number), what};
}

/// The line of the statement that the engine shows below its words, with a caret; empty where what
/// stands there is something else, for example a row of a file.
std::string excerpt_in(const std::string& text, const std::string& sql) {
  constexpr std::string_view kCut = "...";
  const auto mark = text.rfind(kExcerpt);
  if (mark == std::string::npos) return {};
  const auto colon = text.find(": ", mark);
  const auto end = std::min(text.find('\n', mark + kExcerpt.size()), text.size());
  if (colon == std::string::npos || colon > end) return {};
  std::string_view line = std::string_view(text).substr(colon + 2, end - colon - 2);
  if (line.starts_with(kCut)) line.remove_prefix(kCut.size());
  if (line.ends_with(kCut)) line.remove_suffix(kCut.size());
  if (!has(sql, line)) return {};
  const auto caret = text.find_first_not_of(" \n", end);
  const bool is_last = caret == std::string::npos || caret + 1 == text.size();
  return is_last ? text.substr(mark) : std::string();
}

/// What the engine says of data, or lets a function say: `error('customer ' || name)`.
Error of_data(const std::string& text, const std::string& sql) {
  // These are the engine's own sentences, in which only values are quoted.
  constexpr std::string_view kSentences[] = {"Conversion Error: ",
                                             "Out of Range Error: ",
                                             "Mismatch Type Error: ",
                                             "Invalid Input Error: Could not parse string",
                                             "Invalid Input Error: Failed to parse",
                                             "Invalid Input Error: Failed to cast",
                                             "Invalid Input Error: Malformed JSON",
                                             "Invalid Input Error: CSV Error on Line",
                                             "Invalid Input Error: More than one row returned"};
  const bool is_its_own = std::ranges::any_of(
      kSentences, [&](std::string_view sentence) { return text.starts_with(sentence); });
  const std::size_t colon = text.find(": ");
  const std::string kind = colon == std::string::npos ? "" : text.substr(0, colon + 2);
  const std::string words = text.substr(kind.size());
  Error error(Fault::BadData, "bad_value",
              kind + (is_its_own ? without_values(words) : "…") + excerpt_in(text, sql));
  if (error.what() != text) error.in_full = text;
  error.advice = "Correct the value, or let the query make null of it: try_cast(… as …)";
  return error;
}

/// Of the statement, the machine, or a file as a whole: names are quoted, never values.
bool is_of_names(std::string_view text) {
  constexpr std::string_view kKinds[] = {"Parser Error",
                                         "Syntax Error",
                                         "Binder Error",
                                         "Catalog Error",
                                         "Permission Error",
                                         "Not implemented Error",
                                         "Dependency Error",
                                         "Missing Extension Error",
                                         "Invalid Configuration Error"};
  return std::ranges::any_of(kKinds, [&](std::string_view kind) { return text.starts_with(kind); });
}

/// The same of a CSV file: the engine's sentences quote the value, but first the column.
Error of_csv(const std::string& code, const std::string& text, const std::string& advice) {
  CsvWords words = csv_words(text);
  const std::string full = words.place + words.what;
  constexpr std::string_view kOfColumn = "Error when converting column \"";
  if (const auto end = words.what.find("\". ");
      words.what.starts_with(kOfColumn) && end != words.what.npos) {
    words.place += words.what.substr(0, end + 3);
    words.what.erase(0, end + 3);
  }
  Error error(Fault::BadData, code, words.place + without_values(words.what), advice);
  error.in_full = full;
  return error;
}

/// A file's text that is not UTF-8, which the engine does not read at all.
Error broken_text(const std::string& text) {
  if (has(text, "CSV Error")) {
    return of_csv("bad_text", text,
                  "Save the file as UTF-8, or name its encoding in the query: "
                  "read_csv('…', encoding = 'latin-1')");
  }
  constexpr const char* kBefore = "a file holds text that is not UTF-8: ";
  constexpr const char* kAdvice = "Write the file again as UTF-8";
  // The sentence on JSON names the file and the place, and quotes nothing.
  if (has(text, "Malformed JSON in file")) {
    return {Fault::BadData, "bad_text", kBefore + text, kAdvice};
  }
  return quoting(Fault::BadData, "bad_text", kBefore, text, kAdvice);
}

/// What was wrong with a value, or with the file that it should have come from.
Error bad_value(const std::string& text, const std::string& sql) {
  if (has(text, "is not valid UTF8") || has(text, "not utf-8 encoded") ||
      has(text, "invalid UTF-8 encoding") || has(text, "as valid UTF-8 encoded text")) {
    return broken_text(text);
  }
  if (has(text, "CSV Error")) {
    return of_csv("bad_value", text,
                  "Correct the file, or say in the query how it is to be read: "
                  "read_csv('…', types = {'amount': 'varchar'}, delim = ';')");
  }
  if (has(text, "Malformed JSON in file") || has(text, "Parquet file") ||
      has(text, "magic bytes") || has(text, "Footer length error in file") ||
      has(text, "ecompression failure")) {
    return {Fault::BadData, "bad_value", text, "Write the file again: it is not whole"};
  }
  return of_data(text, sql);
}

}  // namespace

duckdb_error_type type_of(std::string_view text) {
  constexpr std::pair<std::string_view, duckdb_error_type> kNames[] = {
      {"IO Error", DUCKDB_ERROR_IO},
      {"HTTP Error", DUCKDB_ERROR_HTTP},
      {"Permission Error", DUCKDB_ERROR_PERMISSION},
      {"Out of Memory", DUCKDB_ERROR_OUT_OF_MEMORY},
      {"Conversion Error", DUCKDB_ERROR_CONVERSION},
      {"Out of Range Error", DUCKDB_ERROR_OUT_OF_RANGE},
      {"Invalid Input", DUCKDB_ERROR_INVALID_INPUT},
  };
  for (const auto& [name, type] : kNames) {
    if (text.starts_with(name)) return type;
  }
  return DUCKDB_ERROR_SYNTAX;
}

namespace {

/// The line that the engine names; 0 for none.
int line_in(std::string_view text) {
  const auto mark = text.rfind(kExcerpt);
  int line = 0;
  if (mark == text.npos) return line;
  const std::string_view rest = text.substr(mark + kExcerpt.size());
  std::from_chars(rest.data(), rest.data() + rest.size(), line);
  return line;
}

/// How many lines lead to the one that the engine names, from the comment that begins what a person
/// wrote.
int lines_of_ours(const std::string& sql, int line) {
  int ours = 0;
  for (auto at = sql.find(kOurComment); at != sql.npos; at = sql.find(kOurComment, at + 1)) {
    const auto begin = sql.begin(), end = begin + static_cast<std::ptrdiff_t>(at);
    const int marked = 1 + static_cast<int>(std::count(begin, end, '\n'));
    if (marked < line) ours = marked;
  }
  return ours;
}

Error classified(const std::string& words, duckdb_error_type type, const std::string& sql) {
  const std::string text = unwrapped(words);
  if (text.size() != words.size()) type = type_of(text);
  // Who asked for a stop was answered before this. The engine also interrupts itself: a thread that
  // fails stops the others, and one of those may be the first to tell.
  if (type == DUCKDB_ERROR_INTERRUPT || has(text, "INTERRUPT Error")) {
    return {Fault::Unavailable, "engine_failed",
            "the engine gave up: a part of the statement failed, and it does not say why",
            "Try again; the next time it may say"};
  }
  if (has(text, "No space left") || has(text, "max_temp_directory_size")) {
    return {Fault::Unavailable, "disk_full", fmt::format("the disk is full: {}", text),
            "Free some space, then try again"};
  }
  if (has(text, "Read-only file system")) {
    return {Fault::Misconfigured, "no_permission", fmt::format("could not write: {}", text),
            "Check how the store's folder is mounted"};
  }
  switch (type == DUCKDB_ERROR_SYNTAX ? type_of(text) : type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return {Fault::Unavailable, "out_of_memory",
              fmt::format("the engine ran out of memory: {}", text),
              "Give loads more memory, or select fewer columns"};
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_HTTP:
    case DUCKDB_ERROR_NETWORK:
      return {Fault::Unavailable, "read_failed", text,
              "Try again; if it happens twice, look whether the file is there and whole"};
    case DUCKDB_ERROR_PERMISSION:
      return {Fault::Misconfigured, "not_allowed", text,
              "Queries may read only the folders that the server's configuration allows"};
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_INVALID_INPUT:
      return bad_value(text, sql);
    default:
      break;
  }
  Error error = is_of_names(text) ? Error(Fault::Misconfigured, "", text) : of_data(text, sql);
  error.fault = Fault::Misconfigured;
  error.code = "sql_error";
  error.advice = "Correct the SQL, then try again";
  return error;
}

/// Counted without so many lines of ours.
Error without_lines(const Error& error, int ours) {
  if (ours == 0) return error;
  return error.reworded([&](std::string text) {
    const int line = line_in(text);
    if (line <= ours) return text;
    const std::size_t digits = text.rfind(kExcerpt) + kExcerpt.size();
    const std::size_t length = std::to_string(line).size();
    const std::string number = std::to_string(line - ours);
    // The caret below stays below its place.
    if (const auto caret = text.find('\n', digits); caret != text.npos) {
      text.erase(caret + 1, length - number.size());
    }
    return text.replace(digits, length, number);
  });
}

}  // namespace

Error engine_error(const std::string& words, duckdb_error_type type, const std::string& sql) {
  const Error error = classified(words, type, sql);
  return without_lines(error, lines_of_ours(sql, line_in(error.text(true))));
}

}  // namespace millrace::engine
