#include "engine/result.h"

#include <chrono>
#include <string_view>

#include "base/env.h"
#include "base/error.h"
#include "engine/engine_error.h"

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

}  // namespace

Result::Result(duckdb_connection connection, const std::string& sql, std::stop_token stop)
    : interrupt_(stop, [connection] { duckdb_interrupt(connection); }), stop_(stop), sql_(sql) {
  throw_if_stopped();
  Prepared statement;
  if (duckdb_prepare(connection, sql.c_str(), &statement.handle) != DuckDBSuccess) {
    const std::string text = words_of(duckdb_prepare_error(statement.handle));
    throw_if_stopped();
    throw engine_error(text, type_of(text), sql);
  }
  Pending pending;
  if (duckdb_pending_prepared_streaming(statement.handle, &pending.handle) != DuckDBSuccess) {
    const std::string text = words_of(duckdb_pending_error(pending.handle));
    throw_if_stopped();
    throw engine_error(text, type_of(text), sql);
  }
  work(connection, pending.handle);
  if (duckdb_execute_pending(pending.handle, &result_) == DuckDBSuccess) return;
  std::string text = words_of(duckdb_result_error(&result_));
  duckdb_error_type type = duckdb_result_error_type(&result_);
  if (text.empty()) text = words_of(duckdb_pending_error(pending.handle));
  if (type == DUCKDB_ERROR_INVALID) type = type_of(text);
  duckdb_destroy_result(&result_);
  throw_if_stopped();
  throw engine_error(text, type, sql);
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
    throw engine_error(words, duckdb_result_error_type(&result_), sql_);
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
