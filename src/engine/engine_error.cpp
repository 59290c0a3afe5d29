#include "engine/engine_error.h"

#include <fmt/format.h>

#include <sstream>
#include <utility>
#include <vector>

namespace millrace::engine {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Preparing gives no error type, only a text that starts with its name.
duckdb_error_type type_in(std::string_view text) {
  constexpr std::pair<std::string_view, duckdb_error_type> kPrefixes[] = {
      {"Permission Error", DUCKDB_ERROR_PERMISSION},
      {"IO Error", DUCKDB_ERROR_IO},
      {"HTTP Error", DUCKDB_ERROR_HTTP},
      {"Conversion Error", DUCKDB_ERROR_CONVERSION},
      {"Out of Memory", DUCKDB_ERROR_OUT_OF_MEMORY},
      {"Invalid Input", DUCKDB_ERROR_INVALID_INPUT},
  };
  for (const auto& [prefix, type] : kPrefixes) {
    if (text.starts_with(prefix)) return type;
  }
  return DUCKDB_ERROR_SYNTAX;
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

/// "/data/a.csv, line 3: Could not convert …" of a text that also quotes the line, gives tips and
/// lists every option.
std::string csv_words(std::string_view text) {
  std::string what;
  std::istringstream lines{std::string(behind(text, "CSV Error on Line: "))};
  std::string number, line;
  std::getline(lines, number);
  while (std::getline(lines, line) && !line.empty() && !line.starts_with("Possible ")) {
    if (line.starts_with("Original Line:")) continue;
    what += (what.empty() ? "" : " ") + line;
  }
  const std::string_view file = first_line(behind(text, "\n  file = "));
  return fmt::format("{}, line {}: {}", file.empty() ? "a CSV file" : file, number, what);
}

/// A file's text that is not UTF-8, which the engine does not read at all.
Error broken_text(const std::string& text) {
  if (has(text, "CSV Error")) {
    return {Fault::BadData, "bad_text", csv_words(text),
            "Save the file as UTF-8, or name its encoding in the query: "
            "read_csv('…', encoding = 'latin-1')"};
  }
  return {Fault::BadData, "bad_text", fmt::format("a file holds text that is not UTF-8: {}", text),
          "Write the file again as UTF-8; in Parquet the column may also be binary"};
}

/// What was wrong with a value, or with the file that it should have come from.
Error bad_value(const std::string& text) {
  if (has(text, "is not valid UTF8") || has(text, "not utf-8 encoded") ||
      has(text, "invalid UTF-8 encoding") || has(text, "as valid UTF-8 encoded text")) {
    return broken_text(text);
  }
  if (has(text, "CSV Error")) {
    return {Fault::BadData, "bad_value", csv_words(text),
            "Correct the file, or say in the query how it is to be read: "
            "read_csv('…', types = {'amount': 'varchar'}, delim = ';')"};
  }
  if (has(text, "Malformed JSON in file") || has(text, "Parquet file") ||
      has(text, "magic bytes")) {
    return {Fault::BadData, "bad_value", text, "Write the file again: it is not whole"};
  }
  return {Fault::BadData, "bad_value", text,
          "Correct the value, or let the query make null of it: try_cast(… as …)"};
}

}  // namespace

duckdb_error_type type_of(std::string_view text) {
  constexpr std::pair<std::string_view, duckdb_error_type> kNames[] = {
      {"IO Error", DUCKDB_ERROR_IO},
      {"HTTP Error", DUCKDB_ERROR_HTTP},
      {"Permission Error", DUCKDB_ERROR_PERMISSION},
      {"Out of Memory Error", DUCKDB_ERROR_OUT_OF_MEMORY},
      {"Conversion Error", DUCKDB_ERROR_CONVERSION},
      {"Out of Range Error", DUCKDB_ERROR_OUT_OF_RANGE},
  };
  for (const auto& [name, type] : kNames) {
    if (text.starts_with(name)) return type;
  }
  return DUCKDB_ERROR_SYNTAX;
}

Error engine_error(const std::string& words, duckdb_error_type type) {
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
  switch (type == DUCKDB_ERROR_SYNTAX ? type_in(text) : type) {
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
      return bad_value(text);
    default:
      return {Fault::Misconfigured, "sql_error", text, "Correct the SQL, then try again"};
  }
}

}  // namespace millrace::engine
