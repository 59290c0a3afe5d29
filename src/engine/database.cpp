#include "engine/database.h"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "arrow/one_column.h"
#include "arrow/producer.h"
#include "base/error.h"
#include "base/process.h"
#include "engine/result.h"

namespace millrace::engine {

/// Handles in the order they must be closed, and the streams that scans read.
struct Database::State {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  duckdb_connection streaming = nullptr;
  std::map<std::string, arrow::Stream> scans;

  /// What a statement failed with; where that was a stream, what the stream said: the engine passes
  /// on a text alone.
  Error cause(const Error& error) {
    const std::string text = error.text(true);
    if (error.fault == Fault::Cancelled || text.find("get_next failed") == text.npos) return error;
    for (auto& [name, stream] : scans) {
      if (const auto failure = arrow::failure_in(stream)) return *failure;
    }
    return error;
  }

  template <class Work>
  auto run(const Work& work) {
    try {
      return work();
    } catch (const Error& error) {
      throw cause(error);
    }
  }

  ~State() {
    scans.clear();
    if (streaming != nullptr) duckdb_disconnect(&streaming);
    if (connection != nullptr) duckdb_disconnect(&connection);
    if (database != nullptr) duckdb_close(&database);
  }
};

namespace {

class Config {
 public:
  Config() { check(duckdb_create_config(&config_) == DuckDBSuccess, "a configuration is made"); }
  ~Config() { duckdb_destroy_config(&config_); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  void set(const char* name, const std::string& value) {
    check(duckdb_set_config(config_, name, value.c_str()) == DuckDBSuccess, name);
  }
  duckdb_config get() const { return config_; }

 private:
  duckdb_config config_ = nullptr;
};

/// What must hold before the first statement runs.
void configure(Config& config, const Options& options) {
  config.set("autoinstall_known_extensions", "false");
  config.set("autoload_known_extensions", "false");
  config.set("allow_community_extensions", "false");
  config.set("allow_persistent_secrets", "false");
  config.set("enable_external_file_cache", "false");
  config.set("preserve_insertion_order", "false");
  config.set("memory_limit", fmt::format("{}B", options.memory_bytes));
  if (options.threads > 0) config.set("threads", std::to_string(options.threads));
  if (!options.spill.empty()) {
    config.set("temp_directory", options.spill.string());
    config.set("max_temp_directory_size", fmt::format("{}B", options.spill_bytes));
  } else {
    config.set("temp_directory", "");
  }
}

std::string list_literal(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) {
    list += (list.empty() ? "" : ", ") + literal(text);
  }
  return "[" + list + "]";
}

/// A setup statement may hold secrets: its text, which the engine quotes below its words, is cut.
void run_setup(Database& database, const std::string& statement) {
  try {
    database.execute(statement);
  } catch (const Error& error) {
    throw without_excerpt(error);
  }
}

/// The engine writes NaN and Infinity as they are, which no reader of JSON takes: they become the
/// texts "NaN", "Infinity" and "-Infinity", as PostgreSQL writes them.
std::string_view as_json(std::string_view object, std::string& changed) {
  const auto has = [&](std::string_view word) { return object.find(word) != object.npos; };
  if (!has("NaN") && !has("Infinity")) return object;
  changed.clear();
  bool is_text = false;
  for (std::size_t i = 0; i < object.size();) {
    const std::string_view rest = object.substr(i);
    std::size_t length = 1;
    bool is_word = false;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (is_text || !rest.starts_with(word)) continue;
      length = word.size();
      is_word = true;
    }
    if (rest.front() == '"') is_text = !is_text;
    if (rest.front() == '\\') length = 2;
    changed += is_word ? "\"" : "";
    changed += rest.substr(0, length);
    changed += is_word ? "\"" : "";
    i += length;
  }
  return changed;
}

void run(duckdb_connection connection, const std::string& sql, std::stop_token stop = {}) {
  Result(connection, sql, stop);
}

/// A statement of ours around the caller's SQL. That begins on a line of its own, so that the
/// engine quotes that line and its caret fits.
std::string around(std::string_view head, const std::string& sql, std::string_view tail) {
  return fmt::format("{}*/ {} (\n{}\n){}", kOurComment, head, sql, tail);
}

}  // namespace

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Database Database::open(const Options& options) {
  Config config;
  configure(config, options);
  auto state = std::make_unique<State>();
  char* problem = nullptr;
  if (duckdb_open_ext(nullptr, &state->database, config.get(), &problem) != DuckDBSuccess) {
    const std::string text = problem == nullptr ? "unknown" : problem;
    duckdb_free(problem);
    throw Error(Fault::Unavailable, "engine_failed",
                fmt::format("could not open the engine: {}", text));
  }
  for (duckdb_connection* connection : {&state->connection, &state->streaming}) {
    check(duckdb_connect(state->database, connection) == DuckDBSuccess, "a connection opens");
  }
  // Chunks that wait, for company or to be pulled, are bounded by rows or by bytes without those of
  // their texts: thousands of rows of 10 MB would wait.
  run(state->streaming, "SET enable_caching_operators = false");
  run(state->streaming, "SET streaming_buffer_size = '1B'");
  Database database(std::move(state));
  for (const std::string& extension : options.extensions) {
    database.execute(fmt::format("LOAD {}", literal(fmt::format("{}/extensions/{}.duckdb_extension",
                                                                library_folder(), extension))));
  }
  for (const std::string& statement : options.setup) run_setup(database, statement);
  // Text of instants is UTC whatever the machine's zone; progress is kept, but not drawn.
  database.execute("SET GLOBAL TimeZone = 'UTC'");
  database.execute("SET enable_progress_bar = true");
  database.execute("SET enable_progress_bar_print = false");
  // Allowed places first: they cannot be changed once external access is off.
  database.execute("SET allowed_directories = " + list_literal(options.allowed));
  database.execute("SET enable_external_access = false");
  database.execute("SET lock_configuration = true");
  return database;
}

void Database::execute(const std::string& sql, std::stop_token stop) {
  state_->run([&] { run(state_->connection, sql, stop); });
}

void Database::each(const std::string& sql, const std::function<void(const Row&)>& row,
                    std::stop_token stop) {
  // Values become text inside the engine, so that no type needs code of its own here.
  const std::string as_text = around("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM", sql, " AS answer");
  state_->run([&] { Result(state_->connection, as_text, stop).each_row(row); });
}

std::optional<std::string> Database::scalar(const std::string& sql, std::stop_token stop) {
  std::optional<std::string> value;
  each(
      sql,
      [&](const Row& row) {
        if (!row.empty() && row[0]) value = std::string(*row[0]);
      },
      stop);
  return value;
}

void Database::each_json(const std::string& select,
                         const std::function<void(std::string_view)>& row, std::stop_token stop) {
  const std::string objects =
      around("SELECT CAST(to_json(answer) AS VARCHAR) FROM", select, " AS answer");
  std::string changed;
  const auto told = [&](const Row& cells) { row(as_json(cells[0].value_or("null"), changed)); };
  state_->run([&] { Result(state_->connection, objects, stop).each_row(told); });
}

std::vector<Column> Database::describe(const std::string& select) {
  std::vector<Column> columns;
  Result(state_->connection, around("DESCRIBE", select, ""), {}).each_row([&](const Row& row) {
    const std::string type(row[1].value_or(""));
    columns.push_back({std::string(row[0].value_or("")), column_type(type), type});
  });
  return columns;
}

std::vector<WrittenFile> Database::copy(const std::string& select,
                                        const std::filesystem::path& path,
                                        const std::string& options, std::stop_token stop) {
  const std::string sql =
      fmt::format("COPY ({}\n) TO {} (FORMAT parquet, {}{}RETURN_STATS)", select,
                  literal(path.string()), options, options.empty() ? "" : ", ");
  return state_->run([&] { return written_files(Result(state_->connection, sql, stop)); });
}

/// The engine asks a scanned stream for the columns and rows that a SELECT wants, then takes what
/// comes for the answer, whatever came. So the scan has one column, which holds all, and a view
/// takes it apart again above what is asked of streams.
void Database::scan(const std::string& name, arrow::Stream stream) {
  std::string list;
  std::size_t place = 0;
  for (const std::string& column : arrow::column_names(stream)) {
    const std::string field = arrow::field_name(place++);
    list += fmt::format("{}{}.{}{}", list.empty() ? "" : ", ", arrow::kOneColumn, field,
                        column.empty() ? "" : " AS " + identifier(column));
  }
  const std::string whole = name + "_in_one_column";
  arrow::Stream& kept = state_->scans[name] = arrow::in_one_column(std::move(stream));
  auto* raw = reinterpret_cast<duckdb_arrow_stream>(kept.get());
  if (duckdb_arrow_scan(state_->connection, whole.c_str(), raw) != DuckDBSuccess) {
    throw Error(Fault::Unavailable, "scan_failed",
                fmt::format("the engine could not read the stream {}", name));
  }
  execute(fmt::format("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}", identifier(name), list,
                      identifier(whole)));
}

arrow::Stream Database::stream(const std::string& select, std::stop_token stop) {
  return result_stream(state_->streaming, select, std::move(stop));
}

double Database::progress() const {
  const double percentage = duckdb_query_progress(state_->connection).percentage;
  return percentage > 0 ? std::min(percentage / 100, 1.0) : 0;
}

std::string Database::version() {
  std::string version = duckdb_library_version();
  if (version.starts_with("v")) version.erase(0, 1);
  return "duckdb " + version;
}

Error without_excerpt(const Error& error) {
  return error.reworded(
      [](const std::string& text) { return text.substr(0, text.find(kExcerpt)); });
}

std::string literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

std::string identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace millrace::engine
