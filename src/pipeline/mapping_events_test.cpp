#include <doctest/doctest.h>

#include "base/error.h"
#include "pipeline/day_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;
using fixture::Lines;

namespace {

/// One good event; `columns` replaces or adds expressions.
std::string event(const std::string& kind, const std::string& user,
                  const std::string& ts = "timestamp '2026-11-20 12:00:00'") {
  return "SELECT " + kind + " AS kind, " + user + " AS user_id, " + ts + " AS ts";
}

template <class Run>
Error thrown(const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  FAIL("nothing was thrown");
  return Error(Fault::Conflict, "", "");
}

}  // namespace

TEST_CASE("a good day is one file whose helper columns are empty") {
  auto day = fixture::events();
  day.mapping().event_value = "amount";
  day.mapping().metadata = {{"page", "page"}, {"n", "n"}};
  day.write(
      "SELECT 'buy' AS kind, 7 AS user_id, timestamp '2026-11-20 12:00:00.25' AS ts, "
      "1.5::DOUBLE AS amount, 'home' AS page, 123.0::DOUBLE AS n");
  CHECK(
      day.rows(
          "event_name, ts, unit_userID, value, value_text, metadata, _load, _reject, _original") ==
      Lines{"buy|2026-11-20 12:00:00.25+00|7|1.5|-|{\"page\":\"home\",\"n\":\"123\"}|load|-|-"});
  CHECK(day.proof().read == 1);
  CHECK(day.proof().loaded == 1);
  CHECK(day.proof().output_rows == 1);
  CHECK(day.proof().sums == std::vector<std::pair<std::string, std::string>>{{"value", "1.5"}});
  CHECK(day.manifest.files.at(0).path == "ingestion=ing/day=2026-11-20/load-0.parquet");
  CHECK(day.manifest.quarantine == "");
}

TEST_CASE("each rule on names rejects with its own reason and keeps the row as JSON") {
  auto day = fixture::events();
  day.write(event("NULL::VARCHAR", "'a'") + " UNION ALL " + event("''", "'b'") + " UNION ALL " +
            event("repeat('é', 128)", "'c'") + " UNION ALL " + event("repeat('é', 127)", "'good'") +
            " UNION ALL " + event("repeat('x', 128)", "'d'") + " UNION ALL " +
            event("'a;b'", "'e'") + " UNION ALL " + event("'a' || chr(0)", "'f'") + " UNION ALL " +
            event("'a' || chr(10)", "'g'") + " UNION ALL " + event("'log in: ok/now'", "'good2'"));
  CHECK(day.proof().rejected_by_reason ==
        Reasons{{"no_name", 2}, {"name_too_long", 2}, {"bad_name", 3}});
  CHECK(day.rows("unit_userID") == Lines{"good", "good2"});
  CHECK(day.rejects("original").at(0) ==
        "{\"kind\":\"\",\"user_id\":\"b\",\"ts\":\"2026-11-20T12:00:00\"}");
  CHECK(day.proof().adds_up());
}

TEST_CASE("every forbidden character is one that names must not have") {
  const std::string characters = "\"\\[]{}<>#=;&$%|";
  for (const char c : characters) {
    auto day = fixture::events();
    day.write(event("'a' || chr(" + std::to_string(static_cast<int>(c)) + ")", "'u'"));
    INFO(c);
    CHECK(day.proof().rejected_by_reason == Reasons{{"bad_name", 1}});
  }
}

TEST_CASE("a row is rejected for its ids only when all of them are null or empty") {
  auto day = fixture::events();
  day.mapping().ids = {{"userID", "user_id"}, {"stableID", "device"}};
  day.write(
      "SELECT 'k' AS kind, timestamp '2026-11-20 12:00:00' AS ts, u AS user_id, d AS device "
      "FROM (VALUES ('u1', ''), (NULL, 'd2'), ('', NULL), (NULL, NULL)) t(u, d)");
  CHECK(day.rows("unit_userID, unit_stableID") == Lines{"u1|-", "-|d2"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"no_id", 2}});
}

TEST_CASE("rows outside the day are excluded, not rejected, and the note says whose day it is") {
  auto day = fixture::events();
  day.write(
      "SELECT 'k' AS kind, 'u' AS user_id, timestamp '2026-11-20 00:00:00' + "
      "to_hours(i::INTEGER) AS ts FROM range(24) t(i)");
  CHECK(day.proof().excluded_by_rule == Reasons{{"outside_day", 8}});
  CHECK(day.proof().loaded == 16);
  CHECK(day.proof().rejected == 0);
  CHECK(day.manifest.quarantine == "");
  CHECK(day.manifest.note ==
        "33 % of rows lie outside the day, all 00:00–08:00 UTC: your query's day is UTC");
}

TEST_CASE("a row of another day is excluded whatever else is wrong with it") {
  auto day = fixture::events();
  day.write(event("''", "''", "timestamp '2026-11-25 12:00:00'") + " UNION ALL " +
            event("'k'", "'u'"));
  CHECK(day.proof().excluded == 1);
  CHECK(day.proof().rejected == 0);
  CHECK(day.manifest.note ==
        "50 % of rows lie outside the day, from 2026-11-25T12:00:00.000000Z to "
        "2026-11-25T12:00:00.000000Z");
}

TEST_CASE("a null or infinite time is bad_time") {
  auto day = fixture::events();
  day.write(event("'k'", "'a'", "NULL::TIMESTAMP") + " UNION ALL " +
            event("'k'", "'b'", "'infinity'::TIMESTAMP") + " UNION ALL " + event("'k'", "'c'"));
  CHECK(day.proof().rejected_by_reason == Reasons{{"bad_time", 2}});
}

TEST_CASE("a time column that is never a time fails the load and is named") {
  auto day = fixture::events();
  const Error error = thrown([&] { day.write(event("'k'", "'a'", "'yesterday'")); });
  CHECK(error.fault == Fault::BadData);
  CHECK(error.code == "cast_failed");
  CHECK(std::string(error.what()) == "no value of column ts could be read as a time");
}

TEST_CASE("an epoch whose magnitude contradicts its unit is refused with the fix") {
  auto day = fixture::events();
  const Error error = thrown([&] { day.write(event("'k'", "'a'", "1795176000000")); });
  CHECK(error.code == "timestamp_unit");
  CHECK(error.text(true) ==
        "values of column ts such as 1795176000000 are read as s, which is no time near the day");
  CHECK(std::string(error.what()).find("1795") == std::string::npos);
  CHECK(error.advice == "Write timestamp_unit = \"ms\" in the mapping");
}

TEST_CASE("events before 1970 and huge finite numbers are loaded") {
  auto day = fixture::events();
  day.manifest.day = *Day::parse("1969-07-20");
  day.mapping().event_value = "v";
  day.write(
      "SELECT 'k' AS kind, 'u' AS user_id, timestamp '1969-07-20 20:17:40' AS ts, "
      "-1.7e308::DOUBLE AS v");
  CHECK(day.rows("ts, value") == Lines{"1969-07-20 20:17:40+00|-1.7e+308"});
}

TEST_CASE("an event value that is no finite number is kept as text") {
  auto day = fixture::events();
  day.mapping().event_value = "v";
  day.write(
      "SELECT 'k' AS kind, 'u' AS user_id, timestamp '2026-11-20 12:00:00' AS ts, v FROM "
      "(VALUES ('12.50'), ('blue'), ('NaN'), (''), (NULL)) t(v)");
  CHECK(day.rows("value, value_text") == Lines{"12.5|-", "-|NaN", "-|blue", "-|-", "-|-"});
  CHECK(day.proof().rejected == 0);

  auto numbers = fixture::events();
  numbers.mapping().event_value = "v";
  numbers.write(
      "SELECT 'k' AS kind, 'u' AS user_id, timestamp '2026-11-20 12:00:00' AS ts, v FROM "
      "(VALUES (2.0::DOUBLE), ('inf'::DOUBLE)) t(v)");
  CHECK(numbers.rows("value, value_text") == Lines{"2.0|-", "-|inf"});
}

TEST_CASE("a metadata object is stored as compact JSON; what is not an object is bad_metadata") {
  auto day = fixture::events();
  day.mapping().metadata_object = "props";
  day.write(
      "SELECT 'k' AS kind, u AS user_id, timestamp '2026-11-20 12:00:00' AS ts, props FROM "
      "(VALUES ('a', '{ \"n\" : {\"x\": [1, 2]}, \"t\": \"é\" }'), ('b', NULL), ('c', ''), "
      "('d', '{broken'), ('e', '[1]'), ('f', '12'), ('g', 'null')) t(u, props)");
  CHECK(day.rows("unit_userID, metadata, metadata->>'n'") ==
        Lines{"a|{\"n\":{\"x\":[1,2]},\"t\":\"é\"}|{\"x\":[1,2]}", "b|-|-", "c|-|-", "g|-|-"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"bad_metadata", 3}});
  CHECK(day.rejects("original->>'props'") == Lines{"12", "[1]", "{broken"});
}

TEST_CASE("a mapped column wins over the same key of the object, unless it is null") {
  auto day = fixture::events();
  day.mapping().metadata_object = "props";
  day.mapping().metadata = {{"page", "page"}};
  day.write(
      "SELECT 'k' AS kind, u AS user_id, timestamp '2026-11-20 12:00:00' AS ts, props, page "
      "FROM (VALUES ('a', '{\"page\":\"old\",\"n\":1}', 'new'), ('b', '{\"page\":\"old\"}', "
      "NULL), ('c', NULL, 'alone')) t(u, props, page)");
  CHECK(day.rows("unit_userID, metadata->>'page', metadata->>'n'") ==
        Lines{"a|new|1", "b|old|-", "c|alone|-"});
}

TEST_CASE("metadata \"*\" takes every column that is not mapped elsewhere") {
  auto day = fixture::events();
  day.mapping().metadata_all = true;
  day.write(
      "SELECT 'k' AS kind, 'u' AS user_id, timestamp '2026-11-20 12:00:00' AS ts, "
      "true AS b, 1.50::DECIMAL(10, 2) AS d, date '2026-01-02' AS day");
  CHECK(day.rows("metadata") == Lines{"{\"b\":\"true\",\"d\":\"1.5\",\"day\":\"2026-01-02\"}"});
}

TEST_CASE("a row of more than 16 MiB is too_large, 10 MB of metadata are not") {
  auto day = fixture::events();
  day.mapping().metadata_object = "props";
  const std::string file = (day.folder.path() / "source.parquet").string();
  for (const auto& [user, bytes] : {std::pair("a", 10'000'000), std::pair("b", 17'000'000)}) {
    day.open().copy("SELECT 'k' AS kind, '" + std::string(user) +
                        "' AS user_id, "
                        "timestamp '2026-11-20 12:00:00' AS ts, '{\"x\":\"' || repeat('y', " +
                        std::to_string(bytes) + ") || '\"}' AS props",
                    file + user, "");
  }
  day.write("SELECT * FROM read_parquet(['" + file + "a', '" + file + "b'])");
  CHECK(day.rows("unit_userID, strlen(metadata)") == Lines{"a|10000008"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"too_large", 1}});
  CHECK(day.rejects("strlen(original->>'props')") == Lines{"17000008"});
}

TEST_CASE("dedupe keeps the earliest event, and of equal times always the same one") {
  const std::string rows =
      "(VALUES ('x', 3, 'late'), ('x', 1, 'b'), ('x', 1, 'a'), ('y', 2, 'only'), (NULL, 1, 'p'), "
      "(NULL, 1, 'q')) t(id, minute, user_id)";
  for (const char* order : {"minute", "-minute", "user_id DESC"}) {
    auto day = fixture::events();
    day.mapping().dedupe = {"id"};
    day.write(std::string("SELECT 'k' AS kind, user_id, timestamp '2026-11-20 12:00:00' + "
                          "to_minutes(minute) AS ts, id FROM ") +
              rows + " ORDER BY " + order);
    CHECK(day.rows("unit_userID") == Lines{"a", "only", "p", "q"});
    CHECK(day.proof().excluded_by_rule == Reasons{{"dedupe", 2}});
    CHECK(day.proof().read == 6);
    CHECK(day.proof().adds_up());
  }
}

TEST_CASE("a day without rows is a version without files") {
  auto day = fixture::events();
  day.write(event("'k'", "'u'") + " WHERE false");
  CHECK(day.manifest.files.empty());
  CHECK(day.proof().read == 0);
  CHECK(day.proof().adds_up());
}

TEST_CASE("a mapped column that is missing or given twice is refused, naming the nearest") {
  auto day = fixture::events();
  const Error missing = thrown([&] { day.write("SELECT 'k' AS kind, 1 AS userid, now() AS ts"); });
  CHECK(missing.code == "missing_column");
  CHECK(std::string(missing.what()) ==
        "the mapping names column user_id, which the query does not "
        "give; did you mean \"userid\"?");
  engine::Database database = day.open();
  const engine::Relation twice{"SELECT 1", {{"kind"}, {"ts"}, {"user_id"}, {"USER_ID"}}};
  CHECK(thrown([&] { day.write(database, twice); }).code == "duplicate_column");
}

TEST_CASE("a literal name is judged before anything runs") {
  auto day = fixture::events();
  day.mapping().event_name = {"a;b", true};
  CHECK(thrown([&] { day.write(event("'k'", "'u'")); }).code == "bad_name");
}

TEST_CASE("a folder decides the day of its rows, whatever their time says") {
  auto day = fixture::events();
  day.work.definition.folder = "sales";
  day.write(event("'k'", "'u'", "timestamp '2026-11-25 12:00:00'"));
  CHECK(day.proof().loaded == 1);
}
