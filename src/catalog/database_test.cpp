#include "catalog/database.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "catalog/fixture.h"
#include "catalog/migrations.h"
#include "catalog/schema.h"
#include "golden.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

using namespace fixture;

std::int64_t rows_in(Database& database) {
  std::int64_t rows = -1;
  database.one("SELECT COUNT(*) FROM t", {}, rows);
  return rows;
}

}  // namespace

TEST_CASE("texts, numbers, days, instants and absent values come back as they went in") {
  const Folder folder;
  Database database({.path = folder.catalog()}, real_env());
  database.run("CREATE TABLE t (a TEXT, b BIGINT, c TEXT, d BIGINT, e TEXT, f BIGINT)");
  const Instant instant = instant_from_text("1969-12-31T23:59:59.000001Z");
  const std::string text = "Zürich 'quoted' :not_a_parameter";
  database.run("INSERT INTO t VALUES (:a, :b, :c, :d, :e, :f)",
               {text, std::int64_t{-9'000'000'000'000'000'000}, kDay, instant,
                std::optional<std::string>(), std::optional<Instant>()});

  std::string a;
  std::int64_t b = 0;
  Day c;
  Instant d;
  std::optional<std::string> e = "something";
  std::optional<Instant> f = instant;
  REQUIRE(database.one("SELECT a, b, c, d, e, f FROM t", {}, a, b, c, d, e, f));
  CHECK(a == text);
  CHECK(b == -9'000'000'000'000'000'000);
  CHECK(c == kDay);
  CHECK(d == instant);
  CHECK_FALSE(e.has_value());
  CHECK_FALSE(f.has_value());
}

TEST_CASE("the file is in WAL mode, with full synchronisation and foreign keys") {
  const Folder folder;
  Database database({.path = folder.catalog()}, real_env());
  std::string mode;
  int synchronous = 0, foreign_keys = 0;
  database.one("PRAGMA journal_mode", {}, mode);
  database.one("PRAGMA synchronous", {}, synchronous);
  database.one("PRAGMA foreign_keys", {}, foreign_keys);
  CHECK(mode == "wal");
  CHECK(synchronous == 2);
  CHECK(foreign_keys == 1);
}

TEST_CASE("a transaction that is not committed leaves nothing") {
  const Folder folder;
  Database database({.path = folder.catalog()}, real_env());
  database.run("CREATE TABLE t (a BIGINT)");
  {
    Transaction transaction(database);
    database.run("INSERT INTO t VALUES (1)");
  }
  CHECK(rows_in(database) == 0);
}

TEST_CASE("an inner transaction that fails takes back only its own work") {
  const Folder folder;
  Database database({.path = folder.catalog()}, real_env());
  database.run("CREATE TABLE t (a BIGINT)");
  Transaction outer(database);
  database.run("INSERT INTO t VALUES (1)");
  {
    Transaction inner(database);
    database.run("INSERT INTO t VALUES (2)");
  }
  {
    Transaction inner(database);
    database.run("INSERT INTO t VALUES (3)");
    inner.commit();
  }
  outer.commit();
  CHECK(rows_in(database) == 2);
}

TEST_CASE("a reader is not stopped by a writer and sees what was committed") {
  const Folder folder;
  Database writer({.path = folder.catalog()}, real_env());
  writer.run("CREATE TABLE t (a BIGINT)");
  Transaction transaction(writer);
  writer.run("INSERT INTO t VALUES (1)");
  Database reader({.path = folder.catalog(), .read_only = true}, real_env());
  CHECK(rows_in(reader) == 0);
  transaction.commit();
  CHECK(rows_in(reader) == 1);
}

TEST_CASE("a second writer waits its turn") {
  const Folder folder;
  Database first({.path = folder.catalog()}, real_env());
  first.run("CREATE TABLE t (a BIGINT)");
  Transaction transaction(first);
  std::jthread second([&] {
    Database database({.path = folder.catalog()}, real_env());
    Transaction waits(database);
    database.run("INSERT INTO t VALUES (2)");
    waits.commit();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(rows_in(first) == 0);
  transaction.commit();
  second.join();
  CHECK(rows_in(first) == 1);
}

TEST_CASE("after a bounded wait the holder of the write lock is named, whatever program it is") {
  const Folder folder;
  {
    Database made({.path = folder.catalog()}, real_env());
  }
  const Signal holds, done;
  const pid_t holder = start_child([&] {
    Database database({.path = folder.catalog()}, real_env());
    Transaction transaction(database);
    holds.give();
    done.await();
  });
  holds.await();
  {
    Database database({.path = folder.catalog(), .wait = std::chrono::milliseconds(30)},
                      real_env());
    const auto try_to_write = [&] { Transaction transaction(database); };
    CHECK(code_of(try_to_write) == "catalog_busy");
    CHECK(text_of(try_to_write).find("(process " + std::to_string(holder) + " on ") !=
          std::string::npos);
  }
  done.give();
  CHECK(wait_for(holder) == 0);
}

TEST_CASE("a holder in this process is named as such") {
  const Folder folder;
  Database first({.path = folder.catalog()}, real_env());
  Transaction transaction(first);
  Database second({.path = folder.catalog(), .wait = std::chrono::milliseconds(20)}, real_env());
  CHECK(text_of([&] { Transaction other(second); }).find("another thread of this process") !=
        std::string::npos);
}

TEST_CASE("a full disk is Unavailable and changes nothing") {
  const Folder folder;
  Database database({.path = folder.catalog()}, real_env());
  database.run("CREATE TABLE t (a TEXT)");
  database.run("INSERT INTO t VALUES ('before')");
  database.run("PRAGMA max_page_count = 20");
  const auto fill = [&] {
    Transaction transaction(database);
    for (int i = 0; i < 100; ++i) {
      database.run("INSERT INTO t VALUES (:a)", {std::string(4000, 'x')});
    }
    transaction.commit();
  };
  CHECK(code_of(fill) == "disk_full");
  CHECK(text_of(fill) == "could not write to the catalog " + folder.catalog().string() +
                             ": database or disk is full");
  CHECK(rows_in(database) == 1);
  database.run("PRAGMA max_page_count = 100000");
  CHECK(code_of(fill) == "");
  CHECK(rows_in(database) == 101);
}

TEST_CASE("writing through a read-only connection is Misconfigured") {
  const Folder folder;
  {
    Database made({.path = folder.catalog()}, real_env());
  }
  Database database({.path = folder.catalog(), .read_only = true}, real_env());
  CHECK(code_of([&] { database.run("CREATE TABLE t (a TEXT)"); }) == "catalog_read_only");
}

TEST_CASE("a file that is no catalog is said to be damaged") {
  const Folder folder;
  std::ofstream(folder.catalog()) << std::string(8192, 'x');
  CHECK(code_of([&] { Database database({.path = folder.catalog()}, real_env()); }) ==
        "catalog_damaged");
}

TEST_CASE("asking a catalog that does not exist does not make one") {
  const Folder folder;
  CHECK(code_of([&] {
          Database database({.path = folder.catalog(), .read_only = true}, real_env());
        }) == "no_catalog");
  CHECK_FALSE(std::filesystem::exists(folder.catalog()));
}

TEST_CASE("the path of a catalog may hold blanks and an equals sign") {
  const Folder folder;
  const auto path = folder.catalog().parent_path() / "my = own  home" / "the catalog.db";
  {
    Database database({.path = path}, real_env());
    database.run("CREATE TABLE t (a TEXT)");
  }
  CHECK(std::filesystem::exists(path));
  Database reader({.path = path, .read_only = true}, real_env());
  CHECK(rows_in(reader) == 0);
}

TEST_CASE("a migration that has landed never changes") {
  // Only lines at the end may be new: a catalog that went through another text would be another.
  std::string landed;
  for (const auto statements : migrations()) {
    std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
    for (const std::string_view statement : statements) {
      for (const char c : statement) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
      }
    }
    landed += fmt::format("{} statements, {:016x}\n", statements.size(), hash);
  }
  CHECK(golden::difference("src/catalog/testdata/migrations.txt", landed) == "");
}

TEST_CASE("a schema from a newer program is refused and left alone") {
  const Folder folder;
  {
    Database database({.path = folder.catalog()}, real_env());
    migrate(database);
    CHECK(schema_version(database) == kSchemaVersion);
    database.run("UPDATE schema_version SET version = 99");
  }
  for (const bool read_only : {false, true}) {
    const auto open = [&] {
      Catalog catalog({.path = folder.catalog(), .read_only = read_only}, real_env());
    };
    CHECK(code_of(open) == "newer_schema");
    CHECK(text_of(open).find("its schema is 99") != std::string::npos);
  }
}

TEST_CASE("someone who only asks migrates an older catalog first") {
  const Folder folder;
  {
    Database empty({.path = folder.catalog()}, real_env());
  }
  Catalog catalog({.path = folder.catalog(), .read_only = true}, real_env());
  CHECK(catalog.ingestions().empty());
}

namespace {

/// One ingestion with one loaded day, as the first schema had them.
void insert_a_day(Database& database) {
  const Definition definition = flights().definition;
  const std::string revision = revision_of(definition);
  database.run("INSERT INTO project VALUES ('default', 'UTC-8', '[]')");
  database.run("INSERT INTO definition VALUES ('default', :revision, :body)",
               {revision, json::from(definition).dump()});
  database.run(R"(INSERT INTO ingestion (project_id, id, handle, name, connection, kind, dataset,
                    revision, limits, managed_by, archived)
                  VALUES ('default', 'i', 'flights', 'flights', 'w', 'files', 'events', :revision,
                    '{}', 'api', 0))",
               {revision});
  database.run(
      R"(INSERT INTO load (project_id, id, ingestion, dataset, day, revision, run, asked_by,
                    attempt, host, pid, process_start, started_at, closed_at, published_seq)
                  VALUES ('default', 'l', 'i', 'events', '2026-11-20', :revision, 'r', 'manual',
                    'loaded', 'h', 1, 2, 1000, 2000, 1))",
      {revision});
  database.run(R"(INSERT INTO version (project_id, ingestion, day, id, dataset, seq, rows, files,
                    quarantined, flags, revision, published_at, quarantine)
                  VALUES ('default', 'i', '2026-11-20', 'l', 'events', 1, 12, 1, 0, 0, :revision,
                    2000, 'q.parquet'))",
               {revision});
  database.run(R"(INSERT INTO version_body (project_id, version, body)
                  VALUES ('default', 'l', '{"certificate": {"read": 5, "partly_loaded": 5}}'))");
  database.run(R"(INSERT INTO day (project_id, ingestion, day, current, attempt, load, flags,
                    held_load, hold_reason, error_code, error_text, error_advice, changed_at,
                    checked_at, check_result)
                  VALUES ('default', 'i', '2026-11-20', 'l', 'loaded', 'l', 0, '', '', '', '', '',
                    2000, 3000, '{"day": "2026-11-20", "changed": false, "by": "count"}'))");
}

constexpr int kFirstWithPeople = 8;
void insert_a_user(Database& database) {
  database.run(R"(INSERT INTO person (project_id, id, email, password, role, grants, active,
                    failures, created_at)
                  VALUES ('default', 'u', 'ana@example.com', '', 'admin', '[]', 1, 0, 1000))");
}

}  // namespace

TEST_CASE("a catalog of every earlier schema gets what is new, and keeps what it has") {
  for (int schema = 1; schema < kSchemaVersion; ++schema) {
    CAPTURE(schema);
    const Folder folder;
    {
      Database database({.path = folder.catalog()}, real_env());
      migrate(database, 1);
      insert_a_day(database);
      migrate(database, schema);
      if (schema >= kFirstWithPeople) insert_a_user(database);
    }
    Catalog catalog({.path = folder.catalog()}, real_env());
    REQUIRE(catalog.ingestions().size() == 1);
    CHECK(catalog.ingestions()[0].upkeep == Upkeep{});
    REQUIRE(catalog.days("i").size() == 1);
    CHECK(catalog.days("i")[0].rows == 12);
    CHECK(catalog.days("i")[0].partly_loaded == 5);
    const auto checks = catalog.checks("i", *Day::parse("2026-11-20"));
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].result.by == "count");
    CHECK(catalog.load("l")->renewed_at == catalog.load("l")->started_at);
    const auto kept = catalog.kept_days("i", *Day::parse("2026-11-01"));
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].loaded_at == kept[0].state.changed_at);
    for (const User& user : catalog.users()) CHECK(!user.slack_direct);
    CHECK(catalog.users().size() == (schema >= kFirstWithPeople ? 1 : 0));
  }
}

TEST_CASE("several processes may make one catalog at once") {
  for (int round = 0; round < 10; ++round) {
    const Folder folder;
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(start_child([&] {
        Catalog catalog({.path = folder.catalog()}, real_env());
        catalog.put_connection({"c" + std::to_string(::getpid()), "files", {}, "api"});
      }));
    }
    for (const pid_t child : children) CHECK(wait_for(child) == 0);
    Catalog catalog({.path = folder.catalog()}, real_env());
    CHECK(catalog.connections().size() == 4);
  }
}

}  // namespace millrace::catalog
