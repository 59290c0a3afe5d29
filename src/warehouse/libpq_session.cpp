#include "warehouse/libpq_session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "warehouse/libpq_error.h"

namespace millrace::warehouse {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookAtStop{50};
constexpr std::chrono::milliseconds kCancelPatience{900};

Error stopped() { return {Fault::Cancelled, "stopped", "the statement was stopped on request"}; }

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

ServerMessage message_of(const PGresult* result, const PGconn* connection) {
  ServerMessage message;
  message.sqlstate = field(result, PG_DIAG_SQLSTATE);
  message.text = field(result, PG_DIAG_MESSAGE_PRIMARY);
  message.detail = field(result, PG_DIAG_MESSAGE_DETAIL);
  message.hint = field(result, PG_DIAG_MESSAGE_HINT);
  message.context = field(result, PG_DIAG_CONTEXT);
  const std::string position = field(result, PG_DIAG_STATEMENT_POSITION);
  if (!position.empty()) message.position = std::atoi(position.c_str());
  if (message.text.empty()) message.text = PQerrorMessage(connection);
  return message;
}

/// Waits for one of `events` on the connection, at most until it is time to look at `stop` again.
bool ready(const PGconn* connection, short events) {
  pollfd watched{PQsocket(connection), events, 0};
  return ::poll(&watched, 1, static_cast<int>(kLookAtStop.count())) > 0;
}

}  // namespace

void LibpqSession::ResultEnd::operator()(pg_result* result) const noexcept { PQclear(result); }

LibpqSession::LibpqSession(const LibpqLogin& login, std::stop_token stop)
    : place_(login.place()), tunnel_(login.tunnel) {
  try {
    connect(login, stop);
  } catch (...) {
    PQfinish(connection_);
    throw;
  }
}

LibpqSession::~LibpqSession() {
  finish();
  row_.reset();
  PQfinish(connection_);
}

void LibpqSession::connect(const LibpqLogin& login, std::stop_token stop) {
  const LibpqKeywords words = keywords_of(login);
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : words) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(keys.data(), values.data(), 0);
  check(connection_ != nullptr, "libpq has memory for a connection");
  // With SQLSTATEs in its texts, failures are told apart whatever language the server speaks.
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  const auto deadline = Clock::now() + login.timeout;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(connection_) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
    if (stop.stop_requested()) throw stopped();
    if (Clock::now() > deadline) throw connect_error("timeout expired", login);
    if (!ready(connection_, state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN)) continue;
    state = PQconnectPoll(connection_);
    if (state == PGRES_POLLING_FAILED) break;
  }
  if (PQstatus(connection_) != CONNECTION_OK) {
    throw connect_error(PQerrorMessage(connection_), login);
  }
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
}

void LibpqSession::cancel_statement() noexcept {
  PGcancel* cancel = PQgetCancel(connection_);
  if (cancel == nullptr) return;
  std::array<char, 256> ignored{};
  PQcancel(cancel, ignored.data(), static_cast<int>(ignored.size()));
  PQfreeCancel(cancel);
}

void LibpqSession::wait_readable(std::stop_token stop) {
  while (PQisBusy(connection_) != 0) {
    if (stop.stop_requested() && !give_up_) {
      cancel_statement();
      give_up_ = Clock::now() + kCancelPatience;
    }
    if (give_up_ && Clock::now() > *give_up_) {
      PQfinish(std::exchange(connection_, nullptr));
      under_way_ = false;
      throw stopped();
    }
    if (ready(connection_, POLLIN) && PQconsumeInput(connection_) == 0) lose();
  }
}

void LibpqSession::lose() {
  under_way_ = false;
  ServerMessage message;
  message.text = connection_ == nullptr ? "it was closed" : PQerrorMessage(connection_);
  throw statement_error(message, statement_);
}

LibpqSession::Result LibpqSession::await(std::stop_token stop) {
  PQflush(connection_);
  wait_readable(stop);
  return Result(PQgetResult(connection_));
}

void LibpqSession::begin(const Statement& statement, std::stop_token stop) {
  finish();
  if (stop.stop_requested()) throw stopped();
  ++started_;
  statement_ = statement;
  give_up_.reset();
  if (connection_ == nullptr) lose();
}

void LibpqSession::send(int accepted) {
  if (accepted == 0) lose();
  under_way_ = true;
}

void LibpqSession::fail(const pg_result* result, std::stop_token stop) {
  const ServerMessage message = message_of(result, connection_);
  drain({});
  if (stop.stop_requested() && message.sqlstate == "57014") throw stopped();
  throw statement_error(message, statement_);
}

void LibpqSession::drain(std::stop_token stop) {
  while (under_way_ && await(stop)) {
  }
  under_way_ = false;
}

void LibpqSession::start(const Statement& statement, std::stop_token stop) {
  begin(statement, stop);
  send(PQsendQueryParams(connection_, statement_.sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                         0));
  PQsetSingleRowMode(connection_);
}

bool LibpqSession::next(engine::Row& row, std::stop_token stop) {
  if (!under_way_) return false;
  row_ = await(stop);
  if (!row_) {
    under_way_ = false;
    return false;
  }
  const ExecStatusType status = PQresultStatus(row_.get());
  if (status == PGRES_SINGLE_TUPLE) {
    const int columns = PQnfields(row_.get());
    row.resize(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) {
      auto& cell = row[static_cast<std::size_t>(i)];
      if (PQgetisnull(row_.get(), 0, i) != 0) {
        cell.reset();
      } else {
        cell = std::string_view(PQgetvalue(row_.get(), 0, i),
                                static_cast<std::size_t>(PQgetlength(row_.get(), 0, i)));
      }
    }
    return true;
  }
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    fail(row_.get(), stop);
  }
  drain(stop);
  return false;
}

void LibpqSession::finish() noexcept {
  if (!under_way_) return;
  try {
    std::stop_source at_once;
    at_once.request_stop();
    drain(at_once.get_token());
  } catch (...) {
    // The connection broke, or was closed because the server did not listen: either way the
    // statement is over.
    under_way_ = false;
  }
}

void LibpqSession::each(const Statement& statement, const Transport::OnRow& row,
                        std::stop_token stop) {
  start(statement, stop);
  engine::Row cells;
  while (next(cells, stop)) row(cells);
}

void LibpqSession::run(const std::string& sql, std::stop_token stop) {
  each({sql, {}}, [](const engine::Row&) {}, stop);
}

std::string LibpqSession::cell(const std::string& sql, std::stop_token stop) {
  std::string value;
  each({sql, {}}, [&](const engine::Row& row) { value = row.at(0).value_or(""); }, stop);
  return value;
}

std::vector<ResultColumn> LibpqSession::prepare(const Statement& statement, std::stop_token stop) {
  begin(statement, stop);
  send(PQsendPrepare(connection_, "", statement_.sql.c_str(), 0, nullptr));
  const auto succeed = [&] {
    Result result = await(stop);
    if (!result || PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(result.get(), stop);
    drain(stop);
    return result;
  };
  succeed();
  send(PQsendDescribePrepared(connection_, ""));
  const Result described = succeed();
  std::vector<ResultColumn> columns;
  for (int i = 0; i < PQnfields(described.get()); ++i) {
    columns.push_back(
        {PQfname(described.get(), i), PQftype(described.get(), i), PQfmod(described.get(), i)});
  }
  return columns;
}

std::string LibpqSession::parameter(const char* name) const {
  const char* value = PQparameterStatus(connection_, name);
  return value == nullptr ? std::string() : std::string(value);
}

int LibpqSession::backend() const { return PQbackendPID(connection_); }

std::string LibpqSession::address() const {
  const std::string host = PQhostaddr(connection_);
  return (host.empty() ? PQhost(connection_) : host) + ":" + PQport(connection_);
}

std::string LibpqSession::encryption() const {
  if (PQsslInUse(connection_) == 0) return {};
  return fmt::format("{} ({})", PQsslAttribute(connection_, "protocol"),
                     PQsslAttribute(connection_, "cipher"));
}

}  // namespace millrace::warehouse
