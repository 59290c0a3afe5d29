#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/flow.h"
#include "arrow/stream.h"
#include "base/error.h"
#include "model/source.h"

namespace millrace::engine {

/// How texts come: valid UTF-8 for certain, so that nobody needs to look again; maybe not; or maybe
/// not, and as blobs of their bytes (texts here are what the columns Text, Json and Other hold).
enum class Texts { Checked, Unchecked, Bytes };

/// A SELECT that one Database can answer, and what its columns mean. Says nothing about rows yet:
/// whoever runs it reads them, once.
struct Relation {
  std::string sql;
  std::vector<Column> columns;
  Texts texts = Texts::Unchecked;
  /// Rows arrive in batches that are bounded in bytes, not in rows alone.
  bool in_batches = false;
};

/// How a comment of ours begins that marks a statement. What the caller, or the person whose SQL he
/// carries, wrote begins on the line after the last one, and errors count from there.
inline constexpr std::string_view kOurComment = "/* millrace ";

struct Options {
  std::int64_t memory_bytes = 300 << 20;
  int threads = 0;                ///< 0: as many as cores.
  std::filesystem::path spill{};  ///< A folder of its own; empty: no spilling.
  std::int64_t spill_bytes = 8LL << 30;
  std::vector<std::string> extensions{};  ///< Signed files in the library folder: "httpfs", "aws" …
  std::vector<std::string> setup{};  ///< Statements of ours run before the lock: CREATE SECRET …
  /// The only folders (or URL prefixes) that SQL may touch. Empty: none. After opening, external
  /// access is off and the configuration locked; note that DuckDB lets these be *written* too, so
  /// customer SQL must pass `single_select` first.
  std::vector<std::string> allowed{};
};

/// Null counts and sizes of one written Parquet file, from COPY … RETURN_STATS.
struct WrittenFile {
  std::string path;
  std::int64_t rows = 0, bytes = 0;
  struct ColumnStats {
    std::string column;
    std::optional<std::string> min, max;
    std::int64_t nulls = 0;
  };
  std::vector<ColumnStats> columns;
};

/// A cell as text; empty optional is NULL. Valid until the next row.
using Cell = std::optional<std::string_view>;
using Row = std::vector<Cell>;

/// DuckDB, in memory, stateless, behind RAII. Its C API stops here. Errors of the engine become
/// Error with the vendor's words: a SQL error is Misconfigured `sql_error`, full disk Unavailable
/// `disk_full`, interrupted Cancelled. One thread per Database; `stop` interrupts within a second.
class Database {
 public:
  static Database open(const Options& options);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  void execute(const std::string& sql, std::stop_token stop = {});
  /// Streams the result; every value as DuckDB prints it.
  void each(const std::string& sql, const std::function<void(const Row&)>& row,
            std::stop_token stop = {});
  /// The only cell of the only row.
  std::optional<std::string> scalar(const std::string& sql, std::stop_token stop = {});
  /// One JSON object a row (text), columns in their order. JSON has no NaN and no infinity: these
  /// are the texts "NaN", "Infinity" and "-Infinity", also inside lists and records.
  void each_json(const std::string& select, const std::function<void(std::string_view)>& row,
                 std::stop_token stop = {});
  std::vector<Column> describe(const std::string& select);
  /// COPY (select) TO 'path' (FORMAT parquet, …options…, RETURN_STATS).
  std::vector<WrittenFile> copy(const std::string& select, const std::filesystem::path& path,
                                const std::string& options, std::stop_token stop = {});
  /// Makes `<name>` a view of the stream, which one SELECT reads: any of its columns, in any order,
  /// under any condition. Of two columns of one name the second is `<name>_1`. The stream and its
  /// flow live until the Database closes or the name is scanned again.
  void scan(const std::string& name, arrow::Stream stream);
  /// The rows of a SELECT, computed as they are pulled, beside what else runs; not beyond the next
  /// stream or the Database's end.
  arrow::Stream stream(const std::string& select, std::stop_token stop = {});
  /// How much of the running statement's input has been read, 0 to 1; 0 when nobody can tell. From
  /// any thread.
  double progress() const;
  /// The server's name for recipes and certificates: "duckdb 1.5.5".
  static std::string version();

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The SQL without a trailing semicolon, when it is exactly one SELECT (WITH, VALUES, FROM too).
/// Throws Misconfigured `not_one_select`, saying what it is instead. Safe to embed in parentheses.
std::string single_select(std::string_view sql);

/// What stands between the engine's words and the line of the statement that it quotes below them.
inline constexpr std::string_view kExcerpt = "\n\nLINE ";

/// The error without the line of the statement that the engine quotes below its words: where that
/// is one of ours.
Error without_excerpt(const Error& error);

/// 'it''s' and "a ""b""".
std::string literal(std::string_view text);
std::string identifier(std::string_view name);

}  // namespace millrace::engine
