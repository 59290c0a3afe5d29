#include <doctest/doctest.h>

#include "base/error.h"
#include "pipeline/day_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;
using fixture::Lines;

namespace {

const std::string kStored = "metric_name, unit_type, unit_id, value, numerator, denominator";

fixture::Day long_metrics() {
  fixture::Day day(Dataset::Metrics);
  day.mapping().date = "ds";
  day.mapping().metric_name = {"name", false};
  day.mapping().id_type = {"kind", false};
  day.mapping().unit_id = {"id", false};
  day.mapping().metric_value = "v";
  day.mapping().numerator = "n";
  day.mapping().denominator = "d";
  return day;
}

std::string long_rows(const std::string& values) {
  return "SELECT date '2026-11-20' AS ds, name, kind, id, v, n, d FROM (VALUES " + values +
         ") t(name, kind, id, v, n, d)";
}

fixture::Day wide_metrics() {
  fixture::Day day(Dataset::Metrics);
  day.mapping().date = "ds";
  day.mapping().units = {{"userID", "u"}, {"stableID", "s"}};
  day.mapping().metrics = {{"revenue", "rev", "", ""}, {"conversion", "", "orders", "visits"}};
  return day;
}

std::string wide_rows(const std::string& values) {
  return "SELECT date '2026-11-20' AS ds, u, s, rev, orders, visits FROM (VALUES " + values +
         ") t(u, s, rev, orders, visits)";
}

}  // namespace

TEST_CASE("long metrics are values or ratios; denominator 0 is accepted") {
  auto day = long_metrics();
  day.write(
      long_rows("('m', 'userID', 'a', 1.5, NULL, NULL), ('m', 'userID', 'b', 9, 1, 0), "
                "('m', 'stableID', 'c', NULL, 3, 4)"));
  CHECK(day.rows(kStored) ==
        Lines{"m|stableID|c|-|3.0|4.0", "m|userID|a|1.5|-|-", "m|userID|b|-|1.0|0.0"});
  CHECK(day.proof().loaded == 3);
  CHECK(day.manifest.delivers == Delivered{{"m", "stableID"}, {"m", "userID"}});
  using Sums = std::vector<std::pair<std::string, std::string>>;
  CHECK(day.proof().sums == Sums{{"value", "1.5"}, {"numerator", "4.0"}, {"denominator", "4.0"}});
}

TEST_CASE("each rule on long metrics rejects with its own reason") {
  auto day = long_metrics();
  day.write(long_rows(
      "('m', 'userID', 'a', '1', NULL, NULL), ('m', 'userID', 'b', 'x', NULL, NULL), "
      "('m', 'userID', 'c', 'NaN', NULL, NULL), ('m', 'userID', 'd', '-inf', NULL, NULL), "
      "('m', 'userID', 'e', NULL, NULL, NULL), ('m', 'userID', 'f', NULL, 1, NULL), "
      "('m', 'userID', 'g', '7', NULL, 2), ('m', 'userid', 'h', '1', NULL, NULL), "
      "('m', NULL, 'i', '1', NULL, NULL), ('m', 'userID', '', '1', NULL, NULL), "
      "('', 'userID', 'k', '1', NULL, NULL)"));
  CHECK(
      day.proof().rejected_by_reason ==
      Reasons{
          {"bad_value", 4}, {"half_ratio", 2}, {"unknown_unit", 2}, {"no_id", 1}, {"no_name", 1}});
  CHECK(day.rows("unit_id") == Lines{"a"});
  CHECK(day.rejects("original->>'id'").size() == 10);
}

TEST_CASE("every copy of a metric's key is rejected, with its row") {
  auto day = long_metrics();
  day.write(
      long_rows("('m', 'userID', 'a', 1, NULL, NULL), ('m', 'userID', 'a', 2, NULL, NULL), "
                "('m', 'stableID', 'a', 3, NULL, NULL), ('x', 'userID', 'a', 4, NULL, NULL)"));
  CHECK(day.rows("metric_name, unit_type") == Lines{"m|stableID", "x|userID"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"duplicate_key", 2}});
  CHECK(day.rejects("original->>'v'") == Lines{"1", "2"});
  CHECK(day.proof().adds_up());
}

TEST_CASE("on_duplicate sum adds copies up; every source row is loaded") {
  auto day = long_metrics();
  day.mapping().on_duplicate = OnDuplicate::Sum;
  day.write(
      long_rows("('m', 'userID', 'a', 1, NULL, NULL), ('m', 'userID', 'a', 2, NULL, NULL), "
                "('r', 'userID', 'a', NULL, 1, 2), ('r', 'userID', 'a', NULL, 3, 4), "
                "('m', 'userID', 'b', 5, NULL, NULL)"));
  CHECK(day.rows(kStored) ==
        Lines{"m|userID|a|3.0|-|-", "m|userID|b|5.0|-|-", "r|userID|a|-|4.0|6.0"});
  CHECK(day.proof().loaded == 5);
  CHECK(day.proof().output_rows == 3);
}

TEST_CASE("on_duplicate last keeps the row with the highest order, ties always the same") {
  auto day = long_metrics();
  day.mapping().on_duplicate = OnDuplicate::Last;
  day.mapping().order_by = "seq";
  day.write("SELECT *, [3, 9, NULL, 9, 1][row_number() OVER ()] AS seq FROM (" +
            long_rows("('m', 'userID', 'a', 1, NULL, NULL), ('m', 'userID', 'a', 4, NULL, NULL), "
                      "('m', 'userID', 'a', 9, NULL, NULL), ('m', 'userID', 'a', 2, NULL, NULL), "
                      "('m', 'userID', 'b', 7, NULL, NULL)") +
            ")");
  CHECK(day.rows("unit_id, value") == Lines{"a|2.0", "b|7.0"});
  CHECK(day.proof().excluded_by_rule == Reasons{{"on_duplicate", 3}});
  CHECK(day.proof().loaded == 2);
}

TEST_CASE("a wide row becomes a row for each unit and metric that it has") {
  auto day = wide_metrics();
  day.write(wide_rows(
      "('u1', 's1', 10.5, 1, 4), ('u2', NULL, NULL, 2, 8), ('u3', NULL, NULL, NULL, NULL)"));
  CHECK(day.rows(kStored) == Lines{"conversion|stableID|s1|-|1.0|4.0",
                                   "conversion|userID|u1|-|1.0|4.0",
                                   "conversion|userID|u2|-|2.0|8.0", "revenue|stableID|s1|10.5|-|-",
                                   "revenue|userID|u1|10.5|-|-"});
  CHECK(day.proof().read == 3);
  CHECK(day.proof().loaded == 3);
  CHECK(day.proof().output_rows == 5);
}

TEST_CASE("a wide row with one bad metric is partly loaded, with none good rejected") {
  auto day = wide_metrics();
  day.write(wide_rows(
      "('u1', NULL, '5', 1, 4), ('u2', NULL, 'x', 1, 4), ('u3', NULL, '5', 1, NULL), "
      "('u4', NULL, 'x', NULL, NULL), ('u5', NULL, NULL, NULL, 2), (NULL, '', '5', 1, 4)"));
  CHECK(day.proof().loaded == 1);
  CHECK(day.proof().partly_by_reason == Reasons{{"bad_value", 1}, {"half_ratio", 1}});
  CHECK(day.proof().rejected_by_reason ==
        Reasons{{"bad_value", 1}, {"half_ratio", 1}, {"no_id", 1}});
  CHECK(day.rejects("reason, detail, partly_loaded, original->>'u'") ==
        Lines{"bad_value|revenue|false|u4", "bad_value|revenue|true|u2",
              "half_ratio|conversion|false|u5", "half_ratio|conversion|true|u3",
              "no_id|-|false|-"});
  CHECK(day.proof().output_rows == 4);
  CHECK(day.proof().adds_up());
}

TEST_CASE("copies in a wide table cost the outputs that collide, not the whole row") {
  auto day = wide_metrics();
  day.write(
      wide_rows("('u1', 's1', 1, NULL, NULL), ('u1', 's2', 2, NULL, NULL), "
                "('u2', NULL, 3, NULL, NULL), ('u2', NULL, NULL, 1, 2), "
                "('u3', NULL, 5, 1, 1), ('u3', NULL, 6, NULL, NULL)"));
  CHECK(day.rows("metric_name, unit_type, unit_id") ==
        Lines{"conversion|userID|u2", "conversion|userID|u3", "revenue|stableID|s1",
              "revenue|stableID|s2", "revenue|userID|u2"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"duplicate_key", 1}});
  CHECK(day.proof().partly_by_reason == Reasons{{"duplicate_key", 3}});
  CHECK(day.proof().loaded == 2);
  CHECK(day.proof().adds_up());
}

TEST_CASE("a metric column that never holds a number fails the load and is named") {
  auto day = wide_metrics();
  try {
    day.write(wide_rows("('u1', NULL, 'x', 1, 4), ('u2', NULL, 'y', 1, 4)"));
    FAIL("the load must fail");
  } catch (const Error& error) {
    CHECK(error.code == "cast_failed");
    CHECK(std::string(error.what()) == "no value of column rev could be read as a finite number");
  }
}

TEST_CASE("a date is the label of its day and is never shifted") {
  for (const char* date : {"date '2026-11-20'", "'2026-11-20'", "timestamp '2026-11-20 00:00:00'",
                           "timestamptz '2026-11-20 00:00:00+00'", "20261120"}) {
    auto day = wide_metrics();
    day.write(std::string("SELECT ") + date +
              " AS ds, 'u' AS u, NULL AS s, 1 AS rev, 1 AS orders, "
              "2 AS visits");
    INFO(date);
    CHECK(day.proof().loaded == 1);
  }
}

TEST_CASE("another day's date is excluded, no date is bad_time") {
  auto day = wide_metrics();
  day.write(
      "SELECT ds, 'u' || n AS u, NULL AS s, 1 AS rev, 1 AS orders, 2 AS visits FROM (VALUES "
      "(1, '2026-11-20'), (2, '2026-11-21'), (3, 'soon'), (4, NULL)) t(n, ds)");
  CHECK(day.proof().excluded_by_rule == Reasons{{"outside_day", 1}});
  CHECK(day.proof().rejected_by_reason == Reasons{{"bad_time", 2}});
  CHECK(day.manifest.note == "25 % of rows lie outside the day: their date is another day's");
}

TEST_CASE("properties become one row per unit, with a time only where one is mapped") {
  fixture::Day day(Dataset::EntityProperties);
  day.mapping().ids = {{"userID", "u"}, {"stableID", "s"}};
  day.mapping().properties = {{"plan", "plan"}};
  day.write(
      "SELECT * FROM (VALUES ('u1', 's1', 'pro'), ('u2', NULL, NULL), (NULL, NULL, 'x')) "
      "t(u, s, plan)");
  CHECK(day.rows("unit_type, unit_id, ts, properties") == Lines{"stableID|s1|-|{\"plan\":\"pro\"}",
                                                                "userID|u1|-|{\"plan\":\"pro\"}",
                                                                "userID|u2|-|{\"plan\":null}"});
  CHECK(day.proof().loaded == 2);
  CHECK(day.proof().rejected_by_reason == Reasons{{"no_id", 1}});
}

TEST_CASE("exposures need an experiment and a group") {
  fixture::Day day(Dataset::Exposures);
  day.mapping().experiment = {"e", false};
  day.mapping().group_id = {"g", false};
  day.mapping().timestamp = "ts";
  day.mapping().ids = {{"userID", "u"}};
  day.write(
      "SELECT *, timestamp '2026-11-20 12:00:00' AS ts FROM (VALUES ('x', 'control', 1), "
      "('x', NULL, 2), ('', 'control', 3)) t(e, g, u)");
  CHECK(day.rows("experiment, group_id, unit_userID, metadata") == Lines{"x|control|1|-"});
  CHECK(day.proof().rejected_by_reason == Reasons{{"no_name", 2}});
}
