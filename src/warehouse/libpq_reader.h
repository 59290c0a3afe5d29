#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "warehouse/libpq_session.h"

namespace millrace::warehouse {

/// What differs between two products that speak PostgreSQL's protocol.
struct LibpqProduct {
  std::string_view title;
  std::string_view begin;           ///< Read-only; every statement sees what is there by then.
  std::string_view begin_snapshot;  ///< Read-only; all statements see the same rows.
  std::string_view in_transaction;  ///< Run at the start of each transaction; may be empty.
  std::string_view in_joined;       ///< Run after that where a snapshot is joined; may be empty.
  /// Run once after login. One that the server does not know is left out.
  std::span<const std::string_view> after_login;
  bool savepoints = true;  ///< False: an error ends the transaction and with it the snapshot.
  ColumnType (*type)(unsigned oid);
  /// Labels of an enumeration are text; where the product has such types.
  bool enumerations = true;
};

/// A LibpqSession whose statements all run in read-only transactions, one each or one snapshot for
/// many; connected at first use.
class LibpqReader {
 public:
  LibpqReader(LibpqLogin login, const LibpqProduct& product);

  LibpqSession& session(std::stop_token stop);
  LibpqLogin& login() { return login_; }
  bool connected() const { return session_ != nullptr; }

  void each(const Statement& statement, const Transport::OnRow& row, std::stop_token stop);
  std::vector<Column> describe(const Statement& statement, std::stop_token stop);

  /// Ends the snapshot there is and begins another; or, with `exported`, joins one that another
  /// session exported.
  void begin_snapshot(const std::string& exported, std::stop_token stop);
  void end_snapshot() noexcept;
  bool in_snapshot() const { return in_snapshot_; }
  /// Marks where an error goes back to; after it nothing can be exported from the snapshot.
  void guard_snapshot(std::stop_token stop);

  /// Pulled rows, see LibpqSession.
  void start(const Statement& statement, std::stop_token stop);
  bool next(engine::Row& row, std::stop_token stop);
  void finish() noexcept;

 private:
  std::unique_ptr<LibpqSession> connect(std::stop_token stop);
  void begin(std::stop_token stop);
  /// After each statement: ends its transaction, or repairs the snapshot after an error.
  void end(bool failed) noexcept;
  template <typename Body>
  auto in_transaction(std::stop_token stop, Body body);

  LibpqLogin login_;
  const LibpqProduct& product_;
  std::unique_ptr<LibpqSession> session_;
  bool in_snapshot_ = false;
  bool guarded_ = false;
  bool reading_ = false;  ///< Between `start` and the last row.
};

}  // namespace millrace::warehouse
