#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "warehouse/libpq_login.h"
#include "warehouse/sql_connector.h"

struct pg_conn;
struct pg_result;

namespace millrace::warehouse {

/// A column as the server's row description names it.
struct ResultColumn {
  std::string name;
  unsigned oid = 0;
  int modifier = -1;
};

/// One libpq connection: statements through the extended protocol (which takes one at a time),
/// results as text, row by row. Never waits without looking at `stop`; a statement that does not
/// end within a second of being cancelled costs the connection. Not thread-safe.
class LibpqSession {
 public:
  LibpqSession(const LibpqLogin& login, std::stop_token stop);
  ~LibpqSession();
  LibpqSession(const LibpqSession&) = delete;
  LibpqSession& operator=(const LibpqSession&) = delete;

  /// For statements of ours without rows.
  void run(const std::string& sql, std::stop_token stop);
  void each(const Statement& statement, const Transport::OnRow& row, std::stop_token stop);
  /// The only cell of the only row of a statement of ours; empty when it is NULL.
  std::string cell(const std::string& sql, std::stop_token stop);
  /// Parses a statement and describes its rows, without running it.
  std::vector<ResultColumn> prepare(const Statement& statement, std::stop_token stop);

  /// Rows one after the other, pulled: `start`, then `next` until it is false. The row's cells are
  /// valid until the following call. `finish` ends it early; every other call does that first.
  void start(const Statement& statement, std::stop_token stop);
  bool next(engine::Row& row, std::stop_token stop);
  void finish() noexcept;
  /// Counts the statements started: tells an old reader that its rows are gone.
  int started() const { return started_; }

  /// A server parameter such as `server_version`; empty where it sent none.
  std::string parameter(const char* name) const;
  int backend() const;
  std::string address() const;  ///< "127.0.0.1:5432"
  /// "TLSv1.3 (TLS_AES_256_GCM_SHA384)", or empty when nothing is encrypted.
  std::string encryption() const;

 private:
  struct ResultEnd {
    void operator()(pg_result* result) const noexcept;
  };
  using Result = std::unique_ptr<pg_result, ResultEnd>;

  void connect(const LibpqLogin& login, std::stop_token stop);
  void begin(const Statement& statement, std::stop_token stop);
  [[noreturn]] void lose();
  /// The next result of the statement under way; none when it is over.
  Result await(std::stop_token stop);
  void wait_readable(std::stop_token stop);
  void cancel_statement() noexcept;
  void send(int accepted);
  [[noreturn]] void fail(const pg_result* result, std::stop_token stop);
  void drain(std::stop_token stop);

  pg_conn* connection_ = nullptr;
  std::string place_;
  SharedTunnel tunnel_;
  Statement statement_;  ///< Under way, or the last one: errors are located in it.
  Result row_;
  bool under_way_ = false;
  /// Set when the statement under way was cancelled: how long we wait for the server to agree.
  std::optional<std::chrono::steady_clock::time_point> give_up_;
  int started_ = 0;
};

}  // namespace millrace::warehouse
