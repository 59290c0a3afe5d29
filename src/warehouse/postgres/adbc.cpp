#include "warehouse/postgres/adbc.h"

#include <arrow-adbc/adbc.h>
#include <arrow-adbc/adbc_driver_manager.h>
#include <fmt/format.h>

#include <functional>
#include <optional>
#include <utility>

#include "arrow/producer.h"
#include "base/error.h"
#include "base/process.h"
#include "warehouse/libpq_error.h"

namespace millrace::warehouse::postgres {
namespace {

/// Small enough for a bounded memory, large enough that DuckDB's threads find work in a batch.
constexpr const char* kBatchBytes = "4194304";

/// An AdbcError that frees what the driver put into it.
class Problem {
 public:
  Problem() = default;
  ~Problem() {
    if (error_.release != nullptr) error_.release(&error_);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
  AdbcError* operator&() { return &error_; }
  const AdbcError& get() const { return error_; }

 private:
  AdbcError error_ = ADBC_ERROR_INIT;
};

/// The server's words within the driver's: "[libpq] Failed to execute query: could not begin COPY:
/// ERROR:  no such thing\nQuery was: …".
ServerMessage message_of(const AdbcError& error) {
  ServerMessage message;
  std::string_view text = error.message == nullptr ? "the driver gave no reason" : error.message;
  for (const std::string_view tail : {"\nQuery was:", "\nSQLSTATE:"}) {
    text = text.substr(0, text.find(tail));
  }
  bool is_the_servers = false;
  for (const std::string_view severity : {"ERROR:  ", "FATAL:  "}) {
    const auto at = text.find(severity);
    if (at == std::string_view::npos) continue;
    text.remove_prefix(at + severity.size());
    is_the_servers = true;
  }
  if (text.starts_with("[libpq] ")) text.remove_prefix(8);
  message.text = text.substr(0, text.find('\n'));
  // Detail, hint and context, in the server's language: in which of them it happened is not told.
  const auto more = text.find_first_not_of(" \n", message.text.size());
  const bool has_no_state = error.sqlstate[0] == '\0';
  if (is_the_servers && (more != std::string_view::npos || has_no_state)) {
    message.context = "the driver does not tell it apart";
  }
  if (error.sqlstate[0] != '\0') message.sqlstate.assign(error.sqlstate, 5);
  return message;
}

[[noreturn]] void fail(const AdbcError& error, const Statement& statement, std::stop_token stop) {
  if (stop.stop_requested()) {
    throw Error(Fault::Cancelled, "stopped", "the statement was stopped on request");
  }
  throw statement_error(message_of(error), statement);
}

}  // namespace

class AdbcSource {
 public:
  explicit AdbcSource(const LibpqLogin& login) : tunnel_(login.tunnel) {
    Problem problem;
    const std::string driver = library_folder() + "/libadbc_driver_postgresql.so";
    const std::string conninfo = conninfo_of(login);
    const auto set = [&](const char* option, const char* value) {
      require(AdbcDatabaseSetOption(&database_, option, value, &problem), problem, login);
    };
    require(AdbcDatabaseNew(&database_, &problem), problem, login);
    try {
      set("driver", driver.c_str());
      set("entrypoint", "AdbcDriverPostgresqlInit");
      set("uri", conninfo.c_str());
      require(AdbcDatabaseInit(&database_, &problem), problem, login);
    } catch (...) {
      AdbcDatabaseRelease(&database_, nullptr);
      throw;
    }
  }
  ~AdbcSource() { AdbcDatabaseRelease(&database_, nullptr); }
  AdbcSource(const AdbcSource&) = delete;
  AdbcSource& operator=(const AdbcSource&) = delete;

  AdbcDatabase* database() { return &database_; }

 private:
  static void require(AdbcStatusCode status, const Problem& problem, const LibpqLogin& login) {
    if (status == ADBC_STATUS_OK) return;
    const AdbcError& error = problem.get();
    throw connect_error(error.message == nullptr ? "no reason given" : error.message, login);
  }

  AdbcDatabase database_{};
  SharedTunnel tunnel_;
};

namespace {

/// One connection, one statement, its rows. Declared in the order in which they depend.
class CopyOut final : public arrow::Producer {
 public:
  CopyOut(SharedSource source, const std::vector<std::string>& before, Statement statement,
          std::stop_token stop)
      : source_(std::move(source)), asked_(std::move(statement)), stop_(std::move(stop)) {
    try {
      open(before);
    } catch (...) {
      close();
      throw;
    }
  }
  ~CopyOut() override { close(); }
  CopyOut(const CopyOut&) = delete;
  CopyOut& operator=(const CopyOut&) = delete;

  void schema(ArrowSchema& out) override { require_rows(rows_.get_schema(&rows_, &out)); }
  void next(ArrowArray& out) override {
    if (over_) return;  // The driver would read on behind its end.
    require_rows(rows_.get_next(&rows_, &out));
    over_ = out.release == nullptr;
  }

 private:
  void require(AdbcStatusCode status, const Problem& problem) const {
    if (status != ADBC_STATUS_OK) fail(problem.get(), asked_, stop_);
  }

  void run(const std::string& sql) {
    Problem problem;
    AdbcStatement statement{};
    require(AdbcStatementNew(&connection_, &statement, &problem), problem);
    AdbcStatusCode status = AdbcStatementSetSqlQuery(&statement, sql.c_str(), &problem);
    if (status == ADBC_STATUS_OK) {
      status = AdbcStatementExecuteQuery(&statement, nullptr, nullptr, &problem);
    }
    AdbcStatementRelease(&statement, nullptr);
    require(status, problem);
  }

  void open(const std::vector<std::string>& before) {
    Problem problem;
    require(AdbcConnectionNew(&connection_, &problem), problem);
    require(AdbcConnectionInit(&connection_, source_->database(), &problem), problem);
    for (const std::string& sql : before) run(sql);
    require(AdbcStatementNew(&connection_, &statement_, &problem), problem);
    require(AdbcStatementSetOption(&statement_, "adbc.postgresql.batch_size_hint_bytes",
                                   kBatchBytes, &problem),
            problem);
    require(AdbcStatementSetSqlQuery(&statement_, asked_.sql.c_str(), &problem), problem);
    cancel_.emplace(stop_, [this] { AdbcStatementCancel(&statement_, nullptr); });
    if (stop_.stop_requested()) {
      throw Error(Fault::Cancelled, "stopped", "the statement was stopped on request");
    }
    std::int64_t unknown = 0;
    require(AdbcStatementExecuteQuery(&statement_, &rows_, &unknown, &problem), problem);
  }

  void require_rows(int code) {
    if (code == 0) return;
    over_ = true;
    AdbcStatusCode status = ADBC_STATUS_OK;
    const AdbcError* error = AdbcErrorFromArrayStream(&rows_, &status);
    AdbcError only_text = ADBC_ERROR_INIT;
    if (error == nullptr) {
      only_text.message = const_cast<char*>(rows_.get_last_error(&rows_));
      error = &only_text;
    }
    fail(*error, asked_, stop_);
  }

  void close() noexcept {
    cancel_.reset();
    if (rows_.release != nullptr) {
      // The driver would wait for rows that nobody reads.
      if (!over_) AdbcStatementCancel(&statement_, nullptr);
      rows_.release(&rows_);
    }
    if (statement_.private_data != nullptr) AdbcStatementRelease(&statement_, nullptr);
    if (connection_.private_data != nullptr) AdbcConnectionRelease(&connection_, nullptr);
  }

  SharedSource source_;
  Statement asked_;
  std::stop_token stop_;
  AdbcConnection connection_{};
  AdbcStatement statement_{};
  ArrowArrayStream rows_{};
  bool over_ = false;
  std::optional<std::stop_callback<std::function<void()>>> cancel_;
};

}  // namespace

SharedSource open_source(const LibpqLogin& login) { return std::make_shared<AdbcSource>(login); }

arrow::Stream copy_out(SharedSource source, const std::vector<std::string>& before,
                       const Statement& statement, std::stop_token stop) {
  return arrow::stream_of(
      std::make_unique<CopyOut>(std::move(source), before, statement, std::move(stop)));
}

}  // namespace millrace::warehouse::postgres
