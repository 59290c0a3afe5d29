#include "warehouse/postgres/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/error.h"
#include "warehouse/libpq_probe.h"
#include "warehouse/libpq_reader.h"
#include "warehouse/libpq_types.h"
#include "warehouse/postgres/adbc.h"
#include "warehouse/postgres/kind.h"

namespace millrace::warehouse::postgres {
namespace {

constexpr std::string_view kBegin = "begin isolation level read committed read only";
constexpr std::string_view kBeginSnapshot = "begin isolation level repeatable read read only";

/// What the text of a value may depend on, and limits that a long read must outlive. Local to the
/// transaction, so that a pooler between us and the server hands nothing of it to others.
constexpr std::string_view kInTransaction =
    "select set_config('datestyle', 'ISO, YMD', true), set_config('intervalstyle', 'postgres', "
    "true), set_config('timezone', 'UTC', true), set_config('bytea_output', 'hex', true), "
    "set_config('extra_float_digits', '1', true), set_config('statement_timeout', '0', true), "
    "set_config('idle_in_transaction_session_timeout', '0', true), "
    // A database that does not know its encoding cannot convert: its bytes come as they are, and
    // rows whose text is not UTF-8 are rejected.
    "case when current_setting('server_encoding') = 'SQL_ASCII' "
    "then set_config('client_encoding', 'SQL_ASCII', true) end, "
    // A server that can look for its client ends the statement of one that is gone.
    "case when current_setting('server_version_num')::int >= 140000 and version() like '%linux%' "
    "then set_config('client_connection_check_interval', '1000', true) end";

/// The session whose snapshot is joined holds its tables' locks. Somebody who waits to truncate one
/// waits for it, and whoever joins would wait behind him: for ever, as the server cannot see that
/// one of our sessions waits for the other.
constexpr std::string_view kInJoined = "select set_config('lock_timeout', '1000', true)";

constexpr LibpqProduct kProduct{
    .title = "PostgreSQL",
    .begin = kBegin,
    .begin_snapshot = kBeginSnapshot,
    .in_transaction = kInTransaction,
    .in_joined = kInJoined,
    .after_login = {},
    .savepoints = true,
    .type = libpq_column_type,
    .enumerations = true,
};

class PostgresTransport final : public Transport {
 public:
  explicit PostgresTransport(LibpqLogin login) : reader_(std::move(login), kProduct) {}

  ProbeReport probe(std::stop_token stop) override {
    return probe_libpq(
        reader_, kDialect, [this](std::stop_token token) { return server(token).product; }, stop);
  }

  std::vector<Column> describe(const Statement& statement, std::stop_token stop) override {
    return reader_.describe(statement, stop);
  }

  void each(const Statement& statement, const OnRow& row, std::stop_token stop) override {
    reader_.each(statement, row, stop);
  }

  arrow::Stream stream(const Statement& statement, const std::vector<Column>&,
                       std::stop_token stop) override {
    reader_.session(stop);
    if (!source_) source_ = open_source(reader_.login());
    std::vector<std::string> before;
    if (reader_.in_snapshot()) {
      before = {std::string(kBeginSnapshot),
                "set transaction snapshot " + quoted_literal(snapshot_)};
    } else {
      before = {std::string(kBegin)};
    }
    before.emplace_back(kInTransaction);
    if (reader_.in_snapshot()) before.emplace_back(kInJoined);
    return copy_out(source_, before, statement, stop);
  }

  bool snapshot(std::stop_token stop) override {
    reader_.begin_snapshot({}, stop);
    try {
      snapshot_ = reader_.session(stop).cell("select pg_catalog.pg_export_snapshot()", stop);
      reader_.guard_snapshot(stop);
    } catch (const Error& refused) {
      reader_.end_snapshot();
      if (refused.fault != Fault::Misconfigured) throw;
      return false;
    }
    return true;
  }

  std::unique_ptr<Transport> twin(std::stop_token stop) override {
    auto other = std::make_unique<PostgresTransport>(reader_.login());
    other->source_ = source_;
    if (reader_.in_snapshot()) {
      other->reader_.begin_snapshot(snapshot_, stop);
      other->reader_.guard_snapshot(stop);
      other->snapshot_ = snapshot_;
    }
    return other;
  }

  void cancel(const std::string& query_id) override {
    int backend = 0;
    std::from_chars(query_id.data(), query_id.data() + query_id.size(), backend);
    reader_.each({fmt::format("select pg_catalog.pg_cancel_backend({})", backend), {}},
                 [](const engine::Row&) {}, {});
  }

  ServerVersion server(std::stop_token stop) override {
    // "15.18 (Debian 15.18-1)": the first word is the version.
    const std::string version = reader_.session(stop).parameter("server_version");
    ServerVersion result;
    result.product = "PostgreSQL " + version.substr(0, version.find(' '));
    std::from_chars(version.data(), version.data() + version.size(), result.major);
    // What is sent as UTF-8 is converted from the database's encoding, or at least verified.
    result.checks_text = reader_.session(stop).parameter("server_encoding") != "SQL_ASCII";
    return result;
  }

 private:
  LibpqReader reader_;
  std::string snapshot_;
  SharedSource source_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(LibpqLogin login) {
  return std::make_unique<PostgresTransport>(std::move(login));
}

}  // namespace millrace::warehouse::postgres
