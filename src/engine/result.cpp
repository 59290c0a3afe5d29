#include "engine/result.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "base/env.h"
#include "base/error.h"

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

/// The engine's error as one of ours: who must act is what differs.
Error classified(const std::string& given, duckdb_error_type type) {
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
      return {Fault::BadData, "bad_value", text};
    default:
      return {Fault::Misconfigured, "sql_error", text, "Correct the SQL, then try again"};
  }
}

}  // namespace

Result::Result(duckdb_connection connection, const std::string& sql, std::stop_token stop)
    : interrupt_(stop, [connection] { duckdb_interrupt(connection); }), stop_(stop) {
  throw_if_stopped();
  Prepared statement;
  if (duckdb_prepare(connection, sql.c_str(), &statement.handle) != DuckDBSuccess) {
    const std::string text = words_of(duckdb_prepare_error(statement.handle));
    throw_if_stopped();
    throw classified(text, type_of(text));
  }
  Pending pending;
  if (duckdb_pending_prepared_streaming(statement.handle, &pending.handle) != DuckDBSuccess) {
    const std::string text = words_of(duckdb_pending_error(pending.handle));
    throw_if_stopped();
    throw classified(text, type_of(text));
  }
  work(connection, pending.handle);
  if (duckdb_execute_pending(pending.handle, &result_) == DuckDBSuccess) return;
  std::string text = words_of(duckdb_result_error(&result_));
  duckdb_error_type type = duckdb_result_error_type(&result_);
  if (text.empty()) text = words_of(duckdb_pending_error(pending.handle));
  if (type == DUCKDB_ERROR_INVALID) type = type_of(text);
  duckdb_destroy_result(&result_);
  throw_if_stopped();
  throw classified(text, type);
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
    throw classified(words, duckdb_result_error_type(&result_));
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
