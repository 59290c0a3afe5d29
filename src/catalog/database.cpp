#include "catalog/database.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "catalog/holder.h"

namespace millrace::catalog {
namespace {

std::int64_t number_in(const Cell& cell) {
  std::int64_t number = cell.number;
  if (!cell.is_null && !cell.is_number) {
    const auto read =
        std::from_chars(cell.text.data(), cell.text.data() + cell.text.size(), number);
    check(read.ec == std::errc(), "a number column of the catalog holds a number");
  }
  return number;
}

/// Reading a WAL catalog means writing beside it. Who may not, and finds no log there, reads the
/// file alone: it is whole.
bool needs_no_writer(const Database::Options& options) {
  return options.read_only && !std::filesystem::exists(options.path.string() + "-wal") &&
         ::access(options.path.parent_path().c_str(), W_OK) != 0;
}

std::string immutable_address(const std::filesystem::path& path) {
  std::string address = "file:";
  for (const char c : path.string()) {
    address += c == '?' || c == '#' || c == '%'
                   ? fmt::format("%{:02x}", static_cast<unsigned char>(c))
                   : std::string(1, c);
  }
  return address + "?immutable=1";
}

/// SOCI splits its connection text at blanks; quoted values may hold them.
std::string connection_text(const Database::Options& options) {
  if (options.path.string().find('"') != std::string::npos) {
    throw Error(
        Fault::Misconfigured, "bad_path",
        fmt::format("the path of the catalog, {}, holds a quotation mark", options.path.string()),
        "Rename the folder");
  }
  return fmt::format(
      "dbname=\"{}\"{}",
      needs_no_writer(options) ? immutable_address(options.path) : options.path.string(),
      options.read_only ? " readonly=true" : "");
}

/// A connection is one thread's at a time, so SQLite need not lock each call; and nobody asks it
/// how much memory it takes, which it would count under a lock of all threads. Before its first
/// use.
void configure_sqlite() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite_api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite_api::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  });
}

/// What SQLite says, without the function of SOCI's before it and the statement of ours behind.
std::string own_words(const std::string& words) {
  const auto end = std::min(words.find(" while executing \""), words.find(" while preparing \""));
  const std::string said = words.substr(0, end);
  const auto colon = said.starts_with("sqlite3_statement_backend::") ? said.find(": ") : said.npos;
  return colon == said.npos ? said : said.substr(colon + 2);
}

}  // namespace

void Row::read(std::size_t column, std::string& value) const {
  const Cell& cell = cells_.at(column);
  check(!cell.is_number, "a text column of the catalog holds a text");
  value = cell.is_null ? std::string() : cell.text;
}

void Row::read(std::size_t column, std::int64_t& value) const {
  value = number_in(cells_.at(column));
}

void Row::read(std::size_t column, int& value) const {
  value = static_cast<int>(number_in(cells_.at(column)));
}

void Row::read(std::size_t column, unsigned& value) const {
  value = static_cast<unsigned>(number_in(cells_.at(column)));
}

void Row::read(std::size_t column, std::uint64_t& value) const {
  value = static_cast<std::uint64_t>(number_in(cells_.at(column)));
}

void Row::read(std::size_t column, bool& value) const { value = number_in(cells_.at(column)) != 0; }

void Row::read(std::size_t column, Instant& value) const {
  value = Instant(std::chrono::microseconds(number_in(cells_.at(column))));
}

void Row::read(std::size_t column, Day& value) const {
  const auto day = Day::parse(cells_.at(column).text);
  check(day.has_value(), "a day column of the catalog holds an ISO day");
  value = *day;
}

/// A prepared statement with the places that its values pass through. SOCI keeps pointers to them.
struct Database::Statement {
  struct In {
    bool is_number;
    long long number = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
  };

  explicit Statement(soci::session& session) : statement(session) {}

  soci::statement statement;
  std::vector<In> in;
  std::vector<Cell> out;
  std::vector<soci::indicator> indicators;  ///< Of `out`.
  bool running = false;
};

struct Database::Connection {
  explicit Connection(const Options& options) : session(soci::sqlite3, connection_text(options)) {}

  soci::session session;
  std::map<std::string, std::unique_ptr<Statement>, std::less<>> statements;
};

Database::Database(const Options& options, Env& env) : options_(options) {
  if (options.read_only && !std::filesystem::exists(options.path)) {
    throw Error(Fault::Misconfigured, "no_catalog",
                fmt::format("there is no catalog at {}", options.path.string()),
                "Make a home with `millrace init`, or name yours with --home");
  }
  if (!options.read_only && options.path.has_parent_path()) {
    file::make_folders(options.path.parent_path());
  }
  configure_sqlite();
  try {
    connection_ = std::make_unique<Connection>(options);
  } catch (const soci::sqlite3_soci_error& error) {
    fail("open", error.result(), error.what());
  }
  run(fmt::format("PRAGMA busy_timeout = {}", options.wait.count()));
  run("PRAGMA foreign_keys = ON");
  if (options.read_only) return;
  prefer_wal(env);
  run("PRAGMA synchronous = FULL");
}

Database::~Database() = default;

/// Two processes that make a catalog at once get in each other's way here, and SQLite's own wait
/// does not cover the change of mode.
void Database::prefer_wal(Env& env) {
  const Instant deadline = env.now() + options_.wait;
  for (;;) {
    std::string mode;
    try {
      if (one("PRAGMA journal_mode", {}, mode) && mode == "wal") return;
      if (one("PRAGMA journal_mode = WAL", {}, mode) && mode == "wal") return;
    } catch (const Error& error) {
      if (error.code != "catalog_busy" || env.now() > deadline) throw;
    }
    if (env.now() > deadline) {
      throw Error(Fault::Misconfigured, "catalog_without_wal",
                  fmt::format("could not switch the catalog {} to write-ahead logging; its journal "
                              "mode stays {}",
                              options_.path.string(), mode),
                  "Put the home on a local file system that offers shared memory");
    }
    env.wait(std::chrono::milliseconds(5), {});
  }
}

std::int64_t Database::run(std::string_view sql, Arguments arguments) {
  Statement& statement = prepared(sql, arguments);
  execute(sql, arguments, statement, [](const Row&) {});
  return statement.statement.get_affected_rows();
}

void Database::query(std::string_view sql, Arguments arguments,
                     const std::function<void(const Row&)>& each) {
  execute(sql, arguments, prepared(sql, arguments), each);
}

Database::Statement& Database::prepared(std::string_view sql, Arguments arguments) {
  auto& statements = connection_->statements;
  if (const auto known = statements.find(sql); known != statements.end()) return *known->second;
  auto made = std::make_unique<Statement>(connection_->session);
  try {
    made->statement.alloc();
    made->statement.prepare(std::string(sql));
    for (const Argument& argument : arguments) {
      made->in.push_back({.is_number = argument.is_number(), .text = {}});
    }
    soci::details::statement_backend& backend = *made->statement.get_backend();
    made->out.resize(static_cast<std::size_t>(backend.prepare_for_describe()));
    made->indicators.resize(made->out.size());
    for (Statement::In& in : made->in) {
      if (in.is_number) {
        made->statement.exchange(soci::use(in.number, in.indicator));
      } else {
        made->statement.exchange(soci::use(in.text, in.indicator));
      }
    }
    for (std::size_t column = 0; column < made->out.size(); ++column) {
      Cell& cell = made->out[column];
      soci::data_type type = soci::dt_string;
      std::string name;
      backend.describe_column(static_cast<int>(column) + 1, type, name);
      cell.is_number = type == soci::dt_integer || type == soci::dt_long_long;
      if (cell.is_number) {
        made->statement.exchange(soci::into(cell.number, made->indicators[column]));
      } else {
        made->statement.exchange(soci::into(cell.text, made->indicators[column]));
      }
    }
    made->statement.define_and_bind();
  } catch (const soci::sqlite3_soci_error& error) {
    fail(sql, error.result(), error.what());
  }
  return *statements.emplace(sql, std::move(made)).first->second;
}

/// Always reads to the end: a statement left in the middle would keep its view of the catalog open.
void Database::execute(std::string_view sql, Arguments arguments, Statement& statement,
                       const std::function<void(const Row&)>& each) {
  check(!statement.running, "a statement of the catalog does not run inside itself");
  check(arguments.size() == statement.in.size(), "a statement gets the arguments it was made for");
  auto in = statement.in.begin();
  for (const Argument& argument : arguments) {
    check(argument.is_number() == in->is_number, "an argument keeps its type");
    in->number = argument.number();
    in->text = argument.text();
    in->indicator = argument.is_null() ? soci::i_null : soci::i_ok;
    ++in;
  }
  const Row row(statement.out);
  const auto forget = [&] {
    const auto place = connection_->statements.find(sql);
    if (place != connection_->statements.end()) connection_->statements.erase(place);
  };
  statement.running = true;
  try {
    for (bool more = statement.statement.execute(true); more; more = statement.statement.fetch()) {
      for (std::size_t column = 0; column < statement.out.size(); ++column) {
        Cell& cell = statement.out[column];
        cell.is_null = statement.indicators[column] == soci::i_null;
        if (cell.is_null) cell.number = 0;
      }
      each(row);
    }
    statement.running = false;
  } catch (const soci::sqlite3_soci_error& error) {
    forget();
    fail(sql, error.result(), error.what());
  } catch (...) {
    forget();
    throw;
  }
}

std::int64_t Database::changes() {
  // The first counts what others committed, the second what this connection did.
  std::int64_t others = 0, own = 0;
  one("PRAGMA data_version", {}, others);
  one("SELECT total_changes()", {}, own);
  return others + own;
}

/// SOCI's library hides the type information that the sanitizer would check this cast with.
[[gnu::no_sanitize("vptr")]] bool Database::in_transaction() const {
  const auto* backend =
      static_cast<soci::sqlite3_session_backend*>(connection_->session.get_backend());
  return sqlite_api::sqlite3_get_autocommit(backend->conn_) == 0;
}

void Database::fail(std::string_view what, int result, const std::string& said) const {
  const std::string words = own_words(said);
  const std::string path = options_.path.string();
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(Fault::Conflict, "catalog_busy",
                  fmt::format("could not get hold of the catalog {} within {:.1f} s: {} holds it",
                              path, static_cast<double>(options_.wait.count()) / 1000,
                              lock_holder(options_.path)),
                  "Wait until it is done, or end it, and try again");
    case SQLITE_FULL:
      throw Error(Fault::Unavailable, "disk_full",
                  fmt::format("could not write to the catalog {}: {}", path, words),
                  "Free disk space where the home lies, then try again; nothing was changed");
    case SQLITE_IOERR:
      throw Error(Fault::Unavailable, "catalog_io",
                  fmt::format("could not read or write the catalog {}: {}", path, words),
                  "Look at the disk and its free space, then try again");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      throw Error(Fault::Misconfigured, "catalog_read_only",
                  fmt::format("could not open the catalog {} for writing: {}", path, words),
                  "Let this user write to the file and to its folder");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(Fault::Misconfigured, "catalog_damaged",
                  fmt::format("could not read the catalog {}: {}", path, words),
                  "Restore it from a backup, or move it away and run `millrace rebuild-catalog`");
    default:
      throw std::logic_error(fmt::format("catalog {}: {} ({}): {}", path, words, result, what));
  }
}

Transaction::Transaction(Database& database, Kind kind)
    : database_(database), kind_(kind), depth_(database.depth_) {
  if (depth_ > 0) {
    database_.run(fmt::format("SAVEPOINT inner{}", depth_));
  } else {
    if (kind == Kind::WriteLazily) database_.run("PRAGMA synchronous = NORMAL");
    database_.run(kind == Kind::Read ? "BEGIN" : "BEGIN IMMEDIATE");
  }
  ++database_.depth_;
}

void Transaction::commit() {
  database_.run(depth_ > 0 ? fmt::format("RELEASE inner{}", depth_) : "COMMIT");
  open_ = false;
  end();
}

void Transaction::end() {
  --database_.depth_;
  if (depth_ == 0 && kind_ == Kind::WriteLazily) database_.run("PRAGMA synchronous = FULL");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    // After a full disk SQLite has already rolled back by itself.
    if (database_.in_transaction()) {
      if (depth_ > 0) {
        database_.run(fmt::format("ROLLBACK TO inner{}", depth_));
        database_.run(fmt::format("RELEASE inner{}", depth_));
      } else {
        database_.run("ROLLBACK");
      }
    }
    end();
  } catch (const std::exception& error) {
    log::error("could not roll back in the catalog", {{"error", error.what()}});
  }
}

}  // namespace millrace::catalog
