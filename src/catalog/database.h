#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"
#include "model/day.h"

namespace millrace::catalog {

/// One value on its way into a statement: a number, a text, or NULL. Instants travel as µs, days as
/// ISO text, absent optionals as NULL.
class Argument {
 public:
  Argument(std::int64_t number) : is_number_(true), number_(number) {}
  Argument(int number) : Argument(std::int64_t{number}) {}
  Argument(unsigned number) : Argument(std::int64_t{number}) {}
  Argument(std::uint64_t number) : Argument(static_cast<std::int64_t>(number)) {}
  Argument(Instant instant) : Argument(std::int64_t{instant.time_since_epoch().count()}) {}
  Argument(std::string text) : text_(std::move(text)) {}
  Argument(std::string_view text) : text_(text) {}
  Argument(const char* text) : text_(text) {}
  Argument(Day day) : text_(day.text()) {}
  template <typename T>
  Argument(const std::optional<T>& value) : Argument(value ? Argument(*value) : Argument(T{})) {
    is_null_ = !value;
  }

  bool is_number() const { return is_number_; }
  bool is_null() const { return is_null_; }
  std::int64_t number() const { return number_; }
  const std::string& text() const { return text_; }

 private:
  bool is_number_ = false;
  bool is_null_ = false;
  std::int64_t number_ = 0;
  std::string text_;
};
using Arguments = std::initializer_list<Argument>;

/// A value of a row: a number where its column was declared as one, else a text.
struct Cell {
  bool is_null = false, is_number = false;
  long long number = 0;
  std::string text = {};
};

/// One row of an answer, read from left to right: `row.into(load.id, load.day, load.closed_at)`.
/// NULL reads as an empty text, zero, or an absent optional. Valid during the callback only.
class Row {
 public:
  explicit Row(const std::vector<Cell>& cells) : cells_(cells) {}

  template <typename... T>
  void into(T&... values) const {
    std::size_t column = 0;
    (read(column++, values), ...);
  }

 private:
  void read(std::size_t column, std::string& value) const;
  void read(std::size_t column, std::int64_t& value) const;
  void read(std::size_t column, int& value) const;
  void read(std::size_t column, unsigned& value) const;
  void read(std::size_t column, std::uint64_t& value) const;
  void read(std::size_t column, bool& value) const;
  void read(std::size_t column, Instant& value) const;
  void read(std::size_t column, Day& value) const;
  template <typename T>
  void read(std::size_t column, std::optional<T>& value) const {
    value.reset();
    if (cells_.at(column).is_null) return;
    value.emplace();
    read(column, *value);
  }

  const std::vector<Cell>& cells_;
};

/// One connection to the catalog's file, through SOCI; statements are prepared once and kept.
/// Parameters are written `:name` and given in order, each name once. Not thread-safe.
///
/// What SQLite reports becomes an Error here and nowhere else: `catalog_busy` (Conflict, naming the
/// holder), `disk_full` and `catalog_io` (Unavailable), `catalog_read_only`, `no_catalog` and
/// `catalog_damaged` (Misconfigured). Anything else is a mistake of ours: std::logic_error.
class Database {
 public:
  struct Options {
    std::filesystem::path path;
    bool read_only = false;
    std::chrono::milliseconds wait{10'000};
  };
  Database(const Options& options, Env& env);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::filesystem::path& path() const { return options_.path; }
  /// Another number whenever anything may have been committed to the catalog, by whomever.
  std::int64_t changes();

  /// Runs a statement that answers nothing; returns how many rows it changed.
  std::int64_t run(std::string_view sql, Arguments arguments = {});
  /// Calls `each` for every row. The callback may run other statements, but not this one.
  void query(std::string_view sql, Arguments arguments,
             const std::function<void(const Row&)>& each);
  /// Reads the first row into `values`; false when there is none.
  template <typename... T>
  bool one(std::string_view sql, Arguments arguments, T&... values) {
    bool found = false;
    query(sql, arguments, [&](const Row& row) {
      if (!std::exchange(found, true)) row.into(values...);
    });
    return found;
  }

 private:
  friend class Transaction;
  struct Statement;
  struct Connection;

  Statement& prepared(std::string_view sql, Arguments arguments);
  void execute(std::string_view sql, Arguments arguments, Statement& statement,
               const std::function<void(const Row&)>& each);
  void prefer_wal(Env& env);
  [[noreturn]] void fail(std::string_view what, int result, const std::string& said) const;
  bool in_transaction() const;

  Options options_;
  std::unique_ptr<Connection> connection_;
  int depth_ = 0;  ///< Of open Transactions.
};

/// A transaction that is rolled back unless committed. The outermost one is `BEGIN IMMEDIATE` (or,
/// for questions, one consistent view); inside another one it is a savepoint.
class Transaction {
 public:
  enum class Kind {
    Write,
    /// Does not wait for the disk: a power cut may take it back, so only for what is then done
    /// again. The next `Write` makes it durable as well.
    WriteLazily,
    Read,
  };
  explicit Transaction(Database& database, Kind kind = Kind::Write);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  void end();

  Database& database_;
  Kind kind_;
  int depth_;
  bool open_ = true;
};

}  // namespace millrace::catalog
