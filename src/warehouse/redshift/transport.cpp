#include "warehouse/redshift/transport.h"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

#include "base/error.h"
#include "warehouse/libpq_probe.h"
#include "warehouse/libpq_reader.h"
#include "warehouse/redshift/kind.h"
#include "warehouse/redshift/types.h"
#include "warehouse/text_rows.h"

namespace millrace::warehouse::redshift {
namespace {

constexpr std::string_view kAfterLogin[] = {
    "set datestyle to 'ISO, YMD'",
    "set intervalstyle to 'postgres'",
    "set timezone to 'UTC'",
    "set extra_float_digits to 2",
    "set statement_timeout to 0",
    // Unknown to Redshift, whose VARBYTE has one text; not to servers that speak like it.
    "set bytea_output to 'hex'",
    // A repeated fingerprint must look at the rows again.
    "set enable_result_cache_for_session to off",
};

constexpr LibpqProduct kProduct{
    .title = "Redshift",
    .begin = "begin read only",
    // Redshift knows no other level that gives a snapshot.
    .begin_snapshot = "begin isolation level serializable read only",
    .in_transaction = {},
    .after_login = kAfterLogin,
    .savepoints = false,
    .type = column_type,
    .enumerations = false,
};

/// The word behind `name` in "PostgreSQL 8.0.2 on …, Redshift 1.0.77467".
std::string version_after(const std::string& text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string::npos) return {};
  const auto start = at + name.size();
  return text.substr(start, text.find_first_of(" ,", start) - start);
}

/// shared: with the stream of the last read, which may outlive this session, and with twins.
using SharedReader = std::shared_ptr<LibpqReader>;

class RedshiftTransport final : public Transport {
 public:
  explicit RedshiftTransport(SharedReader reader) : reader_(std::move(reader)) {}

  ProbeReport probe(std::stop_token stop) override {
    return probe_libpq(
        *reader_, kDialect, [this](std::stop_token token) { return server(token).product; }, stop);
  }

  std::vector<Column> describe(const Statement& statement, std::stop_token stop) override {
    return reader_->describe(statement, stop);
  }

  void each(const Statement& statement, const OnRow& row, std::stop_token stop) override {
    reader_->each(statement, row, stop);
  }

  arrow::Stream stream(const Statement& statement, const std::vector<Column>& columns,
                       std::stop_token stop) override {
    reader_->start(statement, stop);
    const int mine = reader_->session(stop).started();
    return text_rows(columns, [reader = reader_, mine, stop](engine::Row& row) {
      if (reader->session(stop).started() != mine) {
        throw Error(Fault::Conflict, "read_ended",
                    "reading the warehouse's rows: another statement of this session ended it");
      }
      return reader->next(row, stop);
    });
  }

  bool snapshot(std::stop_token stop) override {
    reader_->begin_snapshot({}, stop);
    return true;
  }

  /// A snapshot cannot be handed to another session, so its twin asks through the same one.
  std::unique_ptr<Transport> twin(std::stop_token) override {
    return std::make_unique<RedshiftTransport>(
        reader_->in_snapshot() ? reader_
                               : std::make_shared<LibpqReader>(reader_->login(), kProduct));
  }

  void cancel(const std::string& query_id) override {
    int backend = 0;
    std::from_chars(query_id.data(), query_id.data() + query_id.size(), backend);
    reader_->each({fmt::format("select pg_cancel_backend({})", backend), {}},
                  [](const engine::Row&) {}, {});
  }

  ServerVersion server(std::stop_token stop) override {
    if (!server_.product.empty()) return server_;
    std::string text;
    reader_->each(
        {"select version()", {}}, [&](const engine::Row& row) { text = row.at(0).value_or(""); },
        stop);
    const std::string redshift = version_after(text, "Redshift ");
    const std::string version = redshift.empty() ? version_after(text, "PostgreSQL ") : redshift;
    server_.product = (redshift.empty() ? "PostgreSQL " : "Redshift ") + version;
    std::from_chars(version.data(), version.data() + version.size(), server_.major);
    return server_;
  }

 private:
  SharedReader reader_;
  ServerVersion server_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(LibpqLogin login) {
  return std::make_unique<RedshiftTransport>(
      std::make_shared<LibpqReader>(std::move(login), kProduct));
}

}  // namespace millrace::warehouse::redshift
