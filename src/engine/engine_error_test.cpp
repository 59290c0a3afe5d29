#include "engine/engine_error.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/scratch_folder.h"
#include "engine/database.h"

using namespace millrace;
using engine::Database;

TEST_CASE("an error quotes the caller's line by its own number, with the caret below its place") {
  Database database = Database::open({});
  const auto words_of = [](const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.text(true);
    }
    return std::string("no error");
  };
  const std::string sql = "select 1,\n  nope";
  const std::string quoted = "\n\nLINE 2:   nope\n          ^";
  CHECK(words_of([&] { database.each(sql, {}); }).ends_with(quoted));
  CHECK(words_of([&] { database.each_json(sql, {}); }).ends_with(quoted));
  CHECK(words_of([&] { database.describe(sql); }).ends_with(quoted));
  CHECK(words_of([&] { database.each("select error('x')", {}); }) == "Invalid Input Error: x");
}

TEST_CASE("a statement that sets a secret never shows it") {
  try {
    Database::open({.setup = {"CREATE SECRET s (TYPE nothing, SECRET 'hunter2')"}});
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("what the engine says of data is in the full text alone, with the statement's line") {
  Database database = Database::open({});
  const auto safe = [&](const std::string& expression) {
    try {
      // Not in the statement as it is in the row.
      database.scalar("SELECT " + expression + "\nFROM (SELECT lower('JANE') AS v FROM range(1))");
    } catch (const Error& error) {
      CHECK(error.fault == Fault::BadData);
      CHECK(error.text(true).find("jane") != std::string::npos);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(safe("v::INT") ==
        "Conversion Error: Could not convert string \"…\" to INT32 when casting from source column "
        "v\n\nLINE 1: SELECT v::INT\n                ^");
  CHECK(safe("strptime(v, '%Y')").starts_with("Invalid Input Error: Could not parse string \"…\""));
  CHECK(safe("error('customer ' || v)") == "Invalid Input Error: …");
  CHECK(safe("error('a' || chr(10) || chr(10) || 'LINE 1: ' || v)").find("jane") ==
        std::string::npos);
  try {
    database.scalar("SELECT nothing_here FROM (VALUES ('Jane')) AS t(v)");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("nothing_here") != std::string::npos);
    CHECK(error.in_full.empty());
  }
}

TEST_CASE("lines are counted from where a person's SQL begins") {
  Database database = Database::open({});
  const auto told = [&](const std::string& sql) {
    try {
      database.scalar(sql);
    } catch (const Error& error) {
      const std::string text = error.what();
      return text.substr(std::min(text.find("LINE "), text.size()));
    }
    return std::string("accepted");
  };
  const std::string cast = "select 1 as a,\n  lower('JANE')::int as b";
  const std::string excerpt = "LINE 2:   lower('JANE')::int as b\n                       ^";
  CHECK(told(cast) == excerpt);
  CHECK(told("select b from (\n" + cast + "\n) as q").starts_with("LINE 3: "));
  const std::string marked = "/* millrace 0199 */ select b from (\n" + cast + "\n) as q";
  CHECK(told(marked) == excerpt);
  CHECK(told("select b from (\nselect b from (\n" + marked + "\n)\n)") == excerpt);
  const std::string lines(9, '\n');
  CHECK(told(lines + marked) == excerpt);  // "LINE 12" is one column wider.
}

TEST_CASE("a file that cannot be read is an error with its name, its line and what to do") {
  const ScratchFolder folder;
  Database database = Database::open({.allowed = {folder.path().string()}});
  const auto error_of = [&](const std::string& name, const std::string& text) {
    const std::string path = (folder.path() / name).string();
    std::ofstream(path) << text;
    try {
      database.each("select * from '" + path + "'", [](const engine::Row&) {});
    } catch (const Error& error) {
      CHECK_FALSE(error.advice.empty());
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
      return error.code + ": " + error.text(true);
    }
    return std::string("no error");
  };
  std::string numbers = "n\n";
  for (int i = 0; i < 30000; ++i) numbers += "1\n";
  CHECK(error_of("a.csv", numbers + "secret\n") ==
        "bad_value: " + folder.path().string() +
            "/a.csv, line 30002: Error when converting column \"n\". Could not convert string "
            "\"secret\" to 'BIGINT'");
  CHECK(
      error_of("b.csv", "n,m\n1,2\ncaf\xe9,2\n")
          .starts_with("bad_text: " + folder.path().string() + "/b.csv, line 3: Invalid unicode"));
  CHECK(error_of("c.json", "{\"n\": \"caf\xe9\"}\n").starts_with("bad_text: "));
  CHECK(error_of("d.json", "{\"n\": \n").starts_with("bad_value: "));
  CHECK(error_of("e.parquet", "PAR1").starts_with("bad_value: "));
}

TEST_CASE("an error carries the engine's own words") {
  Database database = Database::open({});
  try {
    database.execute("select nothing_here");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code == "sql_error");
    CHECK(std::string(error.what()).find("nothing_here") != std::string::npos);
  }
}
