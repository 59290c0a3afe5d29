#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/database.h"
#include "model/source.h"

namespace millrace::warehouse {

/// See Connector::read_range.
inline constexpr std::string_view kDayNumber = "_millrace_day";
/// Unavailable: somebody waits for a table that a snapshot of ours keeps locked. Take a new one,
/// let him go first, and begin again.
inline constexpr std::string_view kTableWanted = "table_wanted";

/// What many days are thought to bring; 0 where nothing tells.
struct Estimate {
  std::int64_t bytes = 0;
  std::int64_t row_bytes = 0;
  double cost = 0;  ///< Of reading them, in units of the source's own.
};

/// One session with one customer warehouse. Reads only; never creates, alters or drops anything.
/// Not thread-safe: every load opens its own. Every call returns soon after `stop` is requested.
/// Every verb is answered by every kind; "no token", "no snapshot", "cost unknown" are answers.
class Connector {
 public:
  virtual ~Connector() = default;

  /// Reach, credentials, permissions, in seconds. Never throws: failures are steps with advice.
  virtual ProbeReport probe(std::stop_token stop) = 0;
  /// Tables whose name contains `pattern` (or matches it, with * or %).
  virtual std::vector<Table> browse(const std::string& pattern, std::stop_token stop) = 0;
  virtual std::vector<Column> columns(const std::string& table, std::stop_token stop) = 0;

  /// Columns and types of the customer's own query, for the day given (placeholders need one).
  virtual std::vector<Column> describe(const Query& query, Day day, std::stop_token stop) = 0;
  /// Some rows of what `read` would give; where the query's time is of kind None, of any day.
  virtual engine::Relation sample(const Query& query, Day day, std::int64_t rows,
                                  engine::Database& into, std::stop_token stop) = 0;
  /// The first cell of a customer's statement: a ready-gate's answer.
  virtual std::optional<std::string> scalar(const std::string& sql, Day day, const Zone& zone,
                                            std::stop_token stop) = 0;

  /// A text that differs after `what` was written to, the day's placeholders in it filled in: a
  /// table as `browse` gives it, or a path of files. None where there is no such thing, empty where
  /// nothing tells. Coarser than a token: it may differ although no row does.
  virtual std::optional<std::string> written(const std::string& what, Day day, const Zone& zone,
                                             std::stop_token stop) = 0;
  /// Change tokens of what the query reads, one a day; without text where there is none.
  virtual std::vector<Token> tokens(const Query& query, DayRange days, std::stop_token stop) = 0;
  /// Rows per day (by the query's name column: per day and name). Days without rows are absent.
  virtual std::vector<DayCount> count(const Query& query, DayRange days, bool by_name,
                                      std::stop_token stop) = 0;
  /// COUNT and SUM of row hashes over the query's columns of one day; asked with `by_column`, the
  /// sum of each column too.
  virtual Fingerprint fingerprint(const Query& query, Day day, bool by_column,
                                  std::stop_token stop) = 0;
  /// The rows of the day, in no particular order, as something `into` can select from; rows are
  /// pulled when that SELECT runs. Columns carry types; Decimal, Uuid, Json and Other arrive as
  /// text. What travelled is counted in `flow`, which outlives the relation's use.
  virtual engine::Relation read(const Query& query, Day day, engine::Database& into,
                                arrow::Flow& flow, std::stop_token stop) = 0;

  /// What `read_range` would bring. None where the query's rows do not say which day they are of
  /// (placeholders, folders of days, a label that is text): then the two below must not be asked.
  virtual std::optional<Estimate> estimate(const Query& query, DayRange days,
                                           std::stop_token stop) = 0;
  /// Of each day of the range, also of those without rows, what `fingerprint` says of it, by one
  /// statement.
  virtual std::vector<Fingerprint> fingerprints(const Query& query, DayRange days,
                                                std::stop_token stop) = 0;
  /// The rows of all these days by one statement, as `read` gives those of one, with the place of
  /// each row's day in the range (0: the first) as a last column kDayNumber, which is not among the
  /// relation's columns.
  virtual engine::Relation read_range(const Query& query, DayRange days, engine::Database& into,
                                      arrow::Flow& flow, std::stop_token stop) = 0;

  /// Takes a new snapshot for the calls that follow; false where the warehouse has none, and then
  /// each call sees what is there when it is made.
  virtual bool snapshot(std::stop_token stop) = 0;
  /// A second session that sees the same snapshot, where there is one; else just a second session.
  virtual std::unique_ptr<Connector> twin(std::stop_token stop) = 0;

  /// Ids of this account's running statements that carry the tag; and how to end one.
  virtual std::vector<std::string> running(const std::string& tag, std::stop_token stop) = 0;
  virtual void cancel(const std::string& query_id) = 0;
  /// Product and version for certificates: "PostgreSQL 15.18".
  virtual std::string server() = 0;
  /// How the engine that maps must be opened for `read`: extensions, secrets, allowed folders.
  virtual engine::Options engine_needs() = 0;
};

/// One setting of a kind. The one record from which validation, questions, help and redaction come.
struct Setting {
  std::string_view name;
  std::string_view help;
  std::string_view example;
  bool required = false;
  bool secret = false;
  std::string_view fallback = {};
  std::string_view only_with = {};  ///< Asked for only where this other setting is given.
  std::string_view one_of = {};     ///< The values it may have: "true|false"; empty: any text.
  int least = 0, most = 0;          ///< It is a whole number in these bounds, where `most` is set.
  bool below_roots = false;         ///< It is a folder below one of the session's roots.
};

/// Facts the pipeline plans with. Facts, not feature switches.
struct Capabilities {
  bool fingerprint_sees_updates = true;  ///< false: it only sees inserts and deletes.
  bool arrow_native = true;              ///< false: rows are converted, so expect a slower read.
  bool folder_layout = false;            ///< Takes `folder` in place of `query`; has files.
  bool tells_writes = false;             ///< `written` has an answer for tables.
  bool count_reads_rows = false;         ///< Rows are stored whole: COUNT reads what a fingerprint
                                         ///< reads; else it is far cheaper.
  int reads_max = 4;                     ///< Concurrent reads one account tolerates.
};

/// What a session is opened with: settings with secrets resolved, and the server's own rules.
struct Session {
  std::map<std::string, std::string> settings;
  std::vector<std::string>
      roots;  ///< Folders that `files` may read, from the server's configuration.
  /// The setting, or empty.
  std::string get(std::string_view name) const;
};
/// The session with the fallback of each setting that it leaves out; every kind's `open` starts so.
/// Throws what `check_value` throws.
Session with_fallbacks(Session session, std::span<const Setting> settings);

/// Everything the rest of the system knows about one kind of warehouse.
struct Kind {
  std::string_view name;  ///< Stored in the catalog; never renamed.
  std::string_view title;
  std::string_view about;  ///< One sentence for `connection kinds`.
  std::span<const Setting> settings;
  Capabilities capabilities;
  std::unique_ptr<Connector> (*open)(const Session& session);
  /// What is wrong with these settings together, as a sentence; empty when nothing is.
  std::string (*contradiction)(const std::map<std::string, std::string>& settings) = nullptr;
};

/// Every kind, in the order people see them.
std::span<const Kind* const> kinds();
/// Throws Misconfigured `unknown_kind` with the nearest name.
const Kind& kind_named(std::string_view name);
/// Throws Misconfigured where the setting cannot have this value: the value itself, not a reference
/// to it. Empty is any setting's.
void check_value(const Setting& setting, const std::string& value,
                 const std::vector<std::string>& roots);
/// Unknown, missing, impossible and contradicting settings as one Misconfigured; literal secrets
/// are refused. `roots` as in Session.
void validate(const Kind& kind, const std::map<std::string, std::string>& settings,
              const std::vector<std::string>& roots);

}  // namespace millrace::warehouse
