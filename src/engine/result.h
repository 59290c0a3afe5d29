#pragma once

#include <duckdb.h>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/database.h"

namespace millrace::engine {

/// One statement's answer, streamed chunk by chunk; interrupts the engine when `stop` is requested.
/// Private to this folder: the only header of ours that knows DuckDB's.
class Result {
 public:
  /// Runs the statement; throws as Database says.
  Result(duckdb_connection connection, const std::string& sql, std::stop_token stop);
  ~Result();
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  /// The next rows, which the caller destroys; null at the end.
  duckdb_data_chunk next();
  /// Text columns only; the others are passed as NULL.
  void each_row(const std::function<void(const Row&)>& row);
  std::vector<std::string> names();

  /// Every row as text cells, of any type that DuckDB prints; small results only.
  duckdb_result* raw() { return &result_; }

 private:
  /// Runs the statement until its first rows, or it, are done; ends early when stopped.
  void work(duckdb_connection connection, duckdb_pending_result pending);
  void throw_if_stopped() const;

  duckdb_result result_{};
  std::stop_callback<std::function<void()>> interrupt_;
  std::stop_token stop_;
  std::string sql_;  ///< To know its own lines in an error.
};

/// The statement's rows as they are pulled; the connection runs nothing else meanwhile.
arrow::Stream result_stream(duckdb_connection connection, const std::string& sql,
                            std::stop_token stop);

/// The rows that COPY … RETURN_STATS answers with.
std::vector<WrittenFile> written_files(Result&& result);

/// The meaning of a DuckDB type name such as DECIMAL(18,2).
ColumnType column_type(const std::string& duckdb_type);

}  // namespace millrace::engine
