#include "engine/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "base/quoted.h"

namespace millrace::engine {
namespace {

class Chunk {
 public:
  explicit Chunk(duckdb_data_chunk chunk) : chunk_(chunk) {}
  ~Chunk() {
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  explicit operator bool() const { return chunk_ != nullptr; }
  duckdb_data_chunk get() const { return chunk_; }

 private:
  duckdb_data_chunk chunk_;
};

struct Prepared {
  duckdb_prepared_statement handle = nullptr;
  Prepared() = default;
  ~Prepared() { duckdb_destroy_prepare(&handle); }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
};

struct Pending {
  duckdb_pending_result handle = nullptr;
  Pending() = default;
  ~Pending() { duckdb_destroy_pending(&handle); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
};

std::string words_of(const char* text) { return text == nullptr ? std::string() : text; }

Cell cell_at(duckdb_vector vector, idx_t row) {
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) return {};
  auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  return std::string_view(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
}

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

/// The type that a text names first, for errors that arrive without one.
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

/// Without what the engine says around an error that stopped a statement half-way.
std::string unwrapped(const std::string& text) {
  constexpr std::string_view kAround =
      "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result\n"
      "Error: ";
  return text.starts_with(kAround) ? text.substr(kAround.size()) : text;
}

/// The line of the statement that the engine shows below its words, with a caret; empty where what
/// stands there is something else, for example a row of a file.
std::string excerpt_in(const std::string& text, const std::string& sql) {
  constexpr std::string_view kMark = "\n\nLINE ", kCut = "...";
  const auto mark = text.rfind(kMark);
  if (mark == std::string::npos) return {};
  const auto colon = text.find(": ", mark);
  const auto end = std::min(text.find('\n', mark + kMark.size()), text.size());
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
  return error;
}

/// Of the statement, the machine, or a file as a whole: names are quoted, never values.
bool is_of_names(std::string_view text) {
  constexpr std::string_view kKinds[] = {
      "Parser Error",    "Syntax Error",     "Binder Error",
      "Catalog Error",   "Permission Error", "Not implemented Error",
      "Dependency Error", "Missing Extension Error", "Invalid Configuration Error"};
  return std::ranges::any_of(kKinds, [&](std::string_view kind) { return text.starts_with(kind); });
}

/// The engine's error as one of ours: who must act is what differs.
Error classified(const std::string& given, duckdb_error_type type, const std::string& sql) {
  const std::string text = unwrapped(given);
  if (text.size() != given.size()) type = type_of(text);
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
      return {Fault::Unavailable, "read_failed", text};
    case DUCKDB_ERROR_PERMISSION:
      return {Fault::Misconfigured, "not_allowed", text,
              "Queries may read only the folders that the server's configuration allows"};
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_INVALID_INPUT:
      return of_data(text, sql);
    default:
      break;
  }
  Error error = is_of_names(text) ? Error(Fault::Misconfigured, "", text) : of_data(text, sql);
  error.fault = Fault::Misconfigured;
  error.code = "sql_error";
  error.advice = "Correct the SQL, then try again";
  return error;
}

}  // namespace

Result::Result(duckdb_connection connection, const std::string& sql, std::stop_token stop)
    : interrupt_(stop, [connection] { duckdb_interrupt(connection); }), stop_(stop), sql_(sql) {
  throw_if_stopped();
  Prepared statement;
  if (duckdb_prepare(connection, sql.c_str(), &statement.handle) != DuckDBSuccess) {
    const std::string text = words_of(duckdb_prepare_error(statement.handle));
    throw_if_stopped();
    throw classified(text, type_of(text), sql);
  }
  Pending pending;
  if (duckdb_pending_prepared_streaming(statement.handle, &pending.handle) != DuckDBSuccess) {
    const std::string text = words_of(duckdb_pending_error(pending.handle));
    throw_if_stopped();
    throw classified(text, type_of(text), sql);
  }
  work(connection, pending.handle);
  if (duckdb_execute_pending(pending.handle, &result_) == DuckDBSuccess) return;
  std::string text = words_of(duckdb_result_error(&result_));
  duckdb_error_type type = duckdb_result_error_type(&result_);
  if (text.empty()) text = words_of(duckdb_pending_error(pending.handle));
  if (type == DUCKDB_ERROR_INVALID) type = type_of(text);
  duckdb_destroy_result(&result_);
  throw_if_stopped();
  throw classified(text, type, sql);
}

void Result::work(duckdb_connection connection, duckdb_pending_result pending) {
  // A statement that begins forgets an interrupt from before, so the stop is asked for again here.
  for (;;) {
    if (stop_.stop_requested()) duckdb_interrupt(connection);
    const duckdb_pending_state state = duckdb_pending_execute_task(pending);
    if (duckdb_pending_execution_is_finished(state) || state == DUCKDB_PENDING_ERROR) return;
    if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
      real_env().wait(std::chrono::milliseconds(1), stop_);
    }
  }
}

void Result::throw_if_stopped() const {
  if (stop_.stop_requested()) throw Error(Fault::Cancelled, "cancelled", "stopped on request");
}

Result::~Result() { duckdb_destroy_result(&result_); }

void Result::each_row(const std::function<void(const Row&)>& row) {
  const idx_t columns = duckdb_column_count(&result_);
  Row cells(columns);
  for (;;) {
    const Chunk chunk(next());
    if (!chunk) return;
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk.get()); ++i) {
      for (idx_t column = 0; column < columns; ++column) {
        const bool is_text = duckdb_column_type(&result_, column) == DUCKDB_TYPE_VARCHAR;
        cells[column] =
            is_text ? cell_at(duckdb_data_chunk_get_vector(chunk.get(), column), i) : Cell();
      }
      row(cells);
    }
  }
}

duckdb_data_chunk Result::next() {
  if (duckdb_data_chunk chunk = duckdb_fetch_chunk(result_); chunk != nullptr) return chunk;
  throw_if_stopped();
  if (const char* words = duckdb_result_error(&result_); words != nullptr && *words != '\0') {
    throw classified(words, duckdb_result_error_type(&result_), sql_);
  }
  return nullptr;
}

std::vector<std::string> Result::names() {
  std::vector<std::string> names;
  for (idx_t i = 0; i < duckdb_column_count(&result_); ++i) {
    names.emplace_back(duckdb_column_name(&result_, i));
  }
  return names;
}

ColumnType column_type(const std::string& type) {
  const auto is = [&](auto... names) { return ((type == names) || ...); };
  if (is("BOOLEAN")) return ColumnType::Boolean;
  if (is("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
         "UBIGINT", "UHUGEINT")) {
    return ColumnType::Integer;
  }
  if (is("FLOAT", "DOUBLE")) return ColumnType::Double;
  if (type.starts_with("DECIMAL")) return ColumnType::Decimal;
  if (is("VARCHAR") || type.starts_with("ENUM(")) return ColumnType::Text;
  if (is("UUID")) return ColumnType::Uuid;
  if (is("DATE")) return ColumnType::Date;
  if (is("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")) return ColumnType::Timestamp;
  if (is("TIMESTAMP WITH TIME ZONE")) return ColumnType::TimestampTz;
  const bool nested = type.ends_with(']') || type.starts_with("STRUCT(") ||
                      type.starts_with("MAP(") || type.starts_with("UNION(");
  if (nested || is("JSON", "VARIANT")) return ColumnType::Json;
  if (is("BLOB")) return ColumnType::Binary;
  return ColumnType::Other;
}

}  // namespace millrace::engine
