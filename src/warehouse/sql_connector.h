#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/stream.h"
#include "warehouse/connector.h"
#include "warehouse/dialect.h"

namespace millrace::warehouse {

/// SQL on its way to a server. `customers` is the stretch of it that the customer wrote, rendered:
/// errors are located in there. Empty: all of it is ours.
struct Statement {
  std::string sql;
  std::string customers;
};

struct ServerVersion {
  std::string product;  ///< "PostgreSQL 15.18"
  int major = 0;
  bool checks_text = false;  ///< Every text that it sends is valid UTF-8 for certain.
};

/// One session of a SQL warehouse, connected at its first use. Reads only: every statement runs in
/// a read-only transaction, and more than one statement in a text is refused. Not thread-safe.
/// Calls return within a second after `stop` is requested. Failures are Error with the vendor's
/// words and, where the server gave a position, the line with a caret.
class Transport {
 public:
  using OnRow = std::function<void(const engine::Row&)>;

  virtual ~Transport() = default;
  virtual ProbeReport probe(std::stop_token stop) = 0;
  /// Columns of a SELECT; no row of it is computed.
  virtual std::vector<Column> describe(const Statement& statement, std::stop_token stop) = 0;
  /// Every row, cells as text in the server's ISO forms. Rows are not kept.
  virtual void each(const Statement& statement, const OnRow& row, std::stop_token stop) = 0;
  /// The rows of a SELECT whose columns are `columns`, as `Dialect::delivered` made them. The
  /// stream owns what it needs; a later call of this session may end it.
  virtual arrow::Stream stream(const Statement& statement, const std::vector<Column>& columns,
                               std::stop_token stop) = 0;
  virtual bool snapshot(std::stop_token stop) = 0;
  virtual std::unique_ptr<Transport> twin(std::stop_token stop) = 0;
  /// Where the Dialect has no SQL for it: ids of this account's statements under way whose text has
  /// `comment`.
  virtual std::vector<std::string> running(const std::string& comment, std::stop_token stop);
  virtual void cancel(const std::string& query_id) = 0;
  virtual ServerVersion server(std::stop_token stop) = 0;
};

/// A warehouse that speaks SQL: every verb, out of what its Dialect spells and its Transport runs.
class SqlConnector final : public Connector {
 public:
  /// The dialect must outlive the connector: kinds define theirs as constants.
  SqlConnector(const Dialect& dialect, std::unique_ptr<Transport> transport);

  ProbeReport probe(std::stop_token stop) override;
  std::vector<Table> browse(const std::string& pattern, std::stop_token stop) override;
  std::vector<Column> columns(const std::string& table, std::stop_token stop) override;
  std::vector<Column> describe(const Query& query, Day day, std::stop_token stop) override;
  engine::Relation sample(const Query& query, Day day, std::int64_t rows, engine::Database& into,
                          std::stop_token stop) override;
  std::optional<std::string> scalar(const std::string& sql, Day day, const Zone& zone,
                                    std::stop_token stop) override;
  /// Without placeholders: tables of a day of their own have names that only SQL knows.
  std::optional<std::string> written(const std::string& table, Day day, const Zone& zone,
                                     std::stop_token stop) override;
  std::vector<Token> tokens(const Query& query, DayRange days, std::stop_token stop) override;
  std::vector<DayCount> count(const Query& query, DayRange days, bool by_name,
                              std::stop_token stop) override;
  Fingerprint fingerprint(const Query& query, Day day, bool by_column,
                          std::stop_token stop) override;
  engine::Relation read(const Query& query, Day day, engine::Database& into, arrow::Flow& flow,
                        std::stop_token stop) override;
  std::optional<Estimate> estimate(const Query& query, DayRange days,
                                   std::stop_token stop) override;
  std::vector<Fingerprint> fingerprints(const Query& query, DayRange days,
                                        std::stop_token stop) override;
  engine::Relation read_range(const Query& query, DayRange days, engine::Database& into,
                              arrow::Flow& flow, std::stop_token stop) override;
  bool snapshot(std::stop_token stop) override;
  std::unique_ptr<Connector> twin(std::stop_token stop) override;
  std::vector<std::string> running(const std::string& tag, std::stop_token stop) override;
  void cancel(const std::string& query_id) override;
  std::string server() override;
  engine::Options engine_needs() override;

 private:
  std::optional<std::string> first_cell(const Statement& statement, std::stop_token stop);
  /// Columns of the query, asked once a session: its days have the same ones.
  const std::vector<Column>& described(const Query& query, Day day, std::stop_token stop);
  /// Those that are read, in the query's order; each must be there once.
  std::vector<Column> chosen(const Query& query, Day day, std::stop_token stop);
  void count_into(std::vector<DayCount>& counts, const Query& query, DayRange days, bool by_name,
                  std::stop_token stop);
  /// COUNT of each day of the range as one statement, the cheaper one by the server's own estimate.
  Statement counting(const Query& query, DayRange days, bool by_name, std::stop_token stop);
  /// What the server expects of a statement; none where it does not say.
  struct Plan {
    double cost = 0;  ///< In units of its own.
    long long rows = 0, width = 0;
  };
  std::optional<Plan> plan(const Statement& statement, std::stop_token stop);
  /// Empty fingerprint of these columns: its key.
  Fingerprint keyed(const std::vector<Column>& columns, std::stop_token stop);
  /// The days' rows as the engine takes them, `more` columns behind; `limit` is an SQL clause or
  /// empty.
  Statement reading(const Query& query, DayRange days, const std::string& more,
                    const std::string& limit, std::stop_token stop);
  engine::Relation scan(const Statement& statement, std::vector<Column> columns,
                        engine::Database& into, arrow::Flow& flow, std::stop_token stop);

  const Dialect& dialect_;
  std::unique_ptr<Transport> transport_;
  std::map<std::string, std::vector<Column>> described_;
  arrow::Flow sample_flow_;
  int scans_ = 0;
};

}  // namespace millrace::warehouse
