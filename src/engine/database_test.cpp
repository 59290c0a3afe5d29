#include "engine/database.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "engine/syntax.h"

using namespace millrace;
using engine::Database;

namespace {

/// A driver's stream: `batches` times 1,000 numbers from 0 on; then it ends, or fails as drivers do
/// that forget their error text.
struct Numbers {
  int batches = 0;
  int code_at_end = 0;
  std::int64_t next = 0;

  static Numbers& of(ArrowArrayStream* stream) {
    return *static_cast<Numbers*>(stream->private_data);
  }
  static int schema(ArrowArrayStream*, ArrowSchema* out) {
    *out = {};
    out->format = "+s";
    out->name = "";
    out->n_children = 1;
    out->children = new ArrowSchema*[1]{new ArrowSchema{}};
    out->children[0]->format = "l";
    out->children[0]->name = "n";
    out->children[0]->flags = ARROW_FLAG_NULLABLE;
    out->children[0]->release = [](ArrowSchema* self) { self->release = nullptr; };
    out->release = [](ArrowSchema* self) {
      delete self->children[0];
      delete[] self->children;
      self->release = nullptr;
    };
    return 0;
  }
  static int batch(ArrowArrayStream* stream, ArrowArray* out) {
    *out = {};
    Numbers& state = of(stream);
    if (state.batches-- == 0) return state.code_at_end;
    auto* values = new std::int64_t[1000];
    for (int i = 0; i < 1000; ++i) values[i] = state.next++;
    auto* column = new ArrowArray{};
    column->length = 1000;
    column->n_buffers = 2;
    column->buffers = new const void*[2]{nullptr, values};
    column->release = [](ArrowArray* self) { self->release = nullptr; };
    out->length = 1000;
    out->n_buffers = 1;
    out->buffers = new const void*[1]{nullptr};
    out->n_children = 1;
    out->children = new ArrowArray*[1]{column};
    out->release = [](ArrowArray* self) {
      delete[] static_cast<const std::int64_t*>(self->children[0]->buffers[1]);
      delete[] self->children[0]->buffers;
      delete self->children[0];
      delete[] self->children;
      delete[] self->buffers;
      self->release = nullptr;
    };
    return 0;
  }
  arrow::Stream stream() {
    ArrowArrayStream raw{};
    raw.private_data = this;
    raw.get_schema = schema;
    raw.get_next = batch;
    raw.get_last_error = [](ArrowArrayStream*) -> const char* { return nullptr; };
    raw.release = [](ArrowArrayStream* self) { self->release = nullptr; };
    return arrow::Stream(raw);
  }
};

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code;
  }
  return "no error";
}

}  // namespace

TEST_CASE("rows arrive as text, null apart from empty") {
  Database database = Database::open({});
  std::vector<std::string> seen;
  database.each("select 1::bigint as a, null as b, '' as c, [1,2] as d",
                [&](const engine::Row& row) {
                  for (const auto& cell : row) seen.push_back(cell ? std::string(*cell) : "NULL");
                });
  CHECK(seen == std::vector<std::string>{"1", "NULL", "", "[1, 2]"});
}

TEST_CASE("a row as JSON keeps the order of its columns") {
  Database database = Database::open({});
  std::string row;
  database.each_json("select 2 as b, 'x' as a", [&](std::string_view text) { row = text; });
  CHECK(row == R"({"b":2,"a":"x"})");
}

TEST_CASE("numbers that JSON has no word for are texts in a row as JSON, wherever they stand") {
  Database database = Database::open({});
  const auto row_of = [&](const std::string& select) {
    std::string row;
    database.each_json(select, [&](std::string_view text) { row = text; });
    return row;
  };
  CHECK(row_of("select 'nan'::double as a, '-inf'::float as b, ['inf'::double, 1] as c") ==
        R"({"a":"NaN","b":"-Infinity","c":["Infinity",1.0]})");
  CHECK(row_of(R"(select {'d': 'nan'::double} as "NaN", 'say \"NaN, -Infinity\' as t)") ==
        R"({"NaN":{"d":"NaN"},"t":"say \\\"NaN, -Infinity\\"})");
}

TEST_CASE("a written file reports its rows, and nulls and bounds of each column") {
  const ScratchFolder folder;
  Database database = Database::open({.allowed = {folder.path().string()}});
  const auto files = database.copy(
      R"(select i as "a ""b""", case when i > 2 then 'x' end as t from range(5) r(i))",
      folder.path() / "f.parquet", "COMPRESSION zstd");
  REQUIRE(files.size() == 1);
  CHECK(files[0].rows == 5);
  CHECK(files[0].bytes > 0);
  REQUIRE(files[0].columns.size() == 2);
  CHECK(files[0].columns[0].column == "a \"b\"");
  CHECK(files[0].columns[0].max == "4");
  CHECK(files[0].columns[1].nulls == 3);
}

TEST_CASE("the sandbox reads nothing outside its folders and keeps its settings") {
  const ScratchFolder folder;
  Database database = Database::open({.allowed = {folder.path().string()}});
  CHECK(code_of([&] { database.execute("select * from read_text('/etc/passwd')"); }) ==
        "not_allowed");
  CHECK(code_of([&] { database.execute("select * from glob('/etc/*')"); }) == "not_allowed");
  CHECK(code_of([&] { database.execute("copy (select 1) to '/tmp/millrace-escape.csv'"); }) ==
        "not_allowed");
  CHECK(code_of([&] { database.execute("attach '/tmp/x.db'"); }) != "no error");
  CHECK(code_of([&] { database.execute("install spatial"); }) != "no error");
  CHECK(code_of([&] { database.execute("set enable_external_access = true"); }) != "no error");
  CHECK(code_of([&] {
          database.execute("select * from read_text('" + folder.path().string() +
                           "/../../etc/passwd')");
        }) == "not_allowed");
}

TEST_CASE("a stream is read once, in batches, as a table") {
  Numbers numbers{.batches = 50};
  arrow::Flow flow;
  Database database = Database::open({});
  database.scan("source", arrow::observed(numbers.stream(), flow, {}));
  CHECK(database.describe("select * from source")[0].type == ColumnType::Integer);
  CHECK(database.scalar("select sum(n) || ' ' || count(*) from source") == "1249975000 50000");
  CHECK(flow.rows == 50000);
  CHECK(flow.bytes == 400000);
  Numbers others{.batches = 1};
  database.scan("source", arrow::observed(others.stream(), flow, {}));
  CHECK(database.scalar("select sum(n) from source") == "499500");
}

TEST_CASE("any columns of a stream, in any order, under any condition, are those that were asked") {
  const std::string rows =
      "SELECT 'k' || i AS kind, 1795564800 + i AS ep, i * 0.5 AS half, 'u' || i AS u, "
      "CASE WHEN i % 2 = 0 THEN DATE '2026-11-20' + CAST(i AS INTEGER) END AS \"a \"\"day\"\"\", "
      "i AS KIND FROM range(5000) AS r(i)";
  Database database = Database::open({});
  const auto answer = [&](const std::string& select) {
    database.scan("rows", database.stream(rows));
    std::string cells;
    database.each(select, [&](const engine::Row& row) {
      for (const auto& cell : row) cells += std::string(cell.value_or("NULL")) + " ";
    });
    return cells;
  };
  CHECK(answer("SELECT min(ep), max(ep) FROM rows") == "1795564800 1795569799 ");
  CHECK(answer("SELECT u, ep FROM rows WHERE kind = 'k7'") == "u7 1795564807 ");
  CHECK(answer("SELECT u FROM rows WHERE ep > 1795569797 ORDER BY u DESC") == "u4999 u4998 ");
  CHECK(answer("SELECT half, kind FROM (SELECT * FROM rows WHERE ep < 1795564801)") == "0.0 k0 ");
  CHECK(answer("SELECT count(*) FROM rows") == "5000 ");
  CHECK(answer("SELECT count(*) FROM rows WHERE \"a \"\"day\"\"\" IS NULL") == "2500 ");
  CHECK(answer("SELECT sum(half) FROM rows SEMI JOIN (SELECT 'u3' AS u UNION ALL SELECT 'u5') "
               "USING (u)") == "4.0 ");
  CHECK(answer("SELECT kind_1 FROM rows WHERE u IN ('u3', 'u4998') AND half < 9") == "3 ");
}

TEST_CASE("a stream that fails in the middle fails the statement, with its own words") {
  Numbers numbers{.batches = 3, .code_at_end = EPIPE};
  arrow::Flow flow;
  Database database = Database::open({});
  database.scan("source", arrow::observed(numbers.stream(), flow, {}));
  try {
    database.scalar("select sum(n) from source");
    FAIL("a sum over half the rows was given");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "Broken pipe");
    CHECK(error.code == "source_failed");
  }
  CHECK(std::string(flow.failure()->what()) == "Broken pipe");
}

TEST_CASE("a copy whose source dies, or that is stopped, is an error and never a count") {
  const ScratchFolder folder;
  Database database = Database::open({.allowed = {folder.path().string()}});
  Numbers numbers{.batches = 300, .code_at_end = EIO};
  arrow::Flow flow;
  database.scan("source", arrow::observed(numbers.stream(), flow, {}));
  CHECK(code_of([&] { database.copy("select * from source", folder.path() / "f.parquet", ""); }) !=
        "no error");
  std::stop_source source;
  source.request_stop();
  CHECK(code_of([&] {
          database.copy("select * from range(1000000000)", folder.path() / "g.parquet", "",
                        source.get_token());
        }) == "cancelled");
}

TEST_CASE("only one SELECT passes") {
  CHECK(engine::single_select("select 1 -- one\n;") == "select 1 -- one");
  CHECK(engine::single_select("with a as (select 1) select * from a") ==
        "with a as (select 1) select * from a");
  CHECK(engine::single_select("from range(3)") == "from range(3)");
  for (const char* hostile :
       {"select 1; select 2", "copy (select 1) to '/tmp/x'", "attach 'x.db'", "install spatial",
        "set threads = 1", "pragma version", "create table t (a int)", "",
        "select 1) as q; copy (select 2", "select 1) as a, (select 2", "drop table x", "load 'x'",
        "explain select 1", "call pragma_version()", "export database 'x'"}) {
    CAPTURE(hostile);
    CHECK(code_of([&] { engine::single_select(hostile); }) != "no error");
  }
}

TEST_CASE("semicolons and comments at the end are cut, those inside stay") {
  CHECK(engine::single_select("select ';' ; ; -- end ;") == "select ';'");
  CHECK(engine::single_select("select 1 /* a;b */") == "select 1 /* a;b */");
  CHECK(engine::single_select("select $$;$$ -- x;y") == "select $$;$$ -- x;y");
}

TEST_CASE("a SELECT that would change the engine is refused") {
  for (const char* hostile :
       {"select * from enable_logging('QueryLog')", "select * from ENABLE_PROFILING()",
        "select (select count(*) from duckdb_secrets())", "select * from query('select 1')",
        "with a as (from checkpoint()) from a", "select write_log('x')",
        "select * from json_execute_serialized_sql('x')", "from arrow_scan(1, 2, 3)",
        "from main.\"enable_logging\"('x')"}) {
    CAPTURE(hostile);
    CHECK(code_of([&] { engine::single_select(hostile); }) == "function_not_allowed");
  }
}

TEST_CASE("a syntax error is pointed at") {
  try {
    engine::single_select("select a,\n  b frm t where x");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code == "sql_error");
    CHECK(std::string(error.what()) ==
          "syntax error at or near \"t\"\n\nLINE 2:   b frm t where x\n                ^");
  }
}

TEST_CASE("the files that a SELECT reads are found where it names them") {
  const std::string sql =
      "with \"c.x\" as (select 'no/file.csv' as ü) select * from \"c.x\", 'a/*.parquet' "
      "join read_csv(['b''s.csv', 'c.csv'], delim = ',') using (ü) "
      "where exists (from \"d.json\")";
  const auto reads = engine::file_reads(sql);
  std::vector<std::string> texts;
  for (const auto& read : reads) texts.push_back(read.path + " " + sql.substr(read.at, read.size));
  CHECK(texts == std::vector<std::string>{"a/*.parquet 'a/*.parquet'", "b's.csv 'b''s.csv'",
                                          "c.csv 'c.csv'", "d.json \"d.json\""});
}

TEST_CASE("a path that is computed is refused, so that the list of files is complete") {
  for (const char* computed :
       {"from read_csv('a' || '.csv')", "from read_parquet(getvariable('x'))",
        "from read_text(E'a\\x41')", "from glob(lower('/'))"}) {
    CAPTURE(computed);
    CHECK(code_of([&] { engine::file_reads(computed); }) == "path_not_text");
  }
}

TEST_CASE("a SELECT is streamed into another statement, with its types and in UTC") {
  Database database = Database::open({});
  database.scan("rows", database.stream("SELECT i, CAST(i AS VARCHAR) AS text, "
                                        "TIMESTAMPTZ '2026-11-20 08:00:00+00' AS ts, "
                                        "CASE WHEN i % 2 = 0 THEN i * 0.5 END AS half "
                                        "FROM range(5000) AS r(i)"));
  std::vector<std::string> cells;
  database.each(
      "SELECT count(*), sum(i), max(strlen(text)), min(ts), typeof(min(ts)), count(half) FROM rows",
      [&](const engine::Row& row) {
        for (const auto& cell : row) cells.emplace_back(cell.value_or("NULL"));
      });
  CHECK(cells == std::vector<std::string>{"5000", "12497500", "4", "2026-11-20 08:00:00+00",
                                          "TIMESTAMP WITH TIME ZONE", "2500"});
}

TEST_CASE("a streamed SELECT that fails half-way fails the statement that reads it") {
  Database database = Database::open({});
  database.scan("rows",
                database.stream("SELECT CASE WHEN i = 900000 THEN error('row 900000 is bad') "
                                "ELSE i END AS i FROM range(1000000) AS r(i)"));
  try {
    database.scalar("SELECT sum(i) FROM rows");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.text(true).find("row 900000 is bad") != std::string::npos);
    CHECK(std::string(error.what()).find("row 900000 is bad") == std::string::npos);
  }
}

TEST_CASE("a statement ends soon after it is asked to stop") {
  Database database = Database::open({});
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  CHECK(code_of([&] {
          database.scalar("select count(*) from range(100000000000) a(i) where i % 7 = 3",
                          source.get_token());
        }) == "cancelled");
}
