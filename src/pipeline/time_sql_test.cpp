#include <doctest/doctest.h>
#include <fmt/format.h>

#include "pipeline/day_fixture.h"
#include "pipeline/time_sql.h"

using namespace millrace;
using namespace millrace::pipeline;
using fixture::Lines;

namespace {

/// The instants of one column's values, as the mapping reads them for 2026-11-20.
Lines instants(const std::string& values, ColumnType type, const std::string& column_zone,
               const std::string& project_zone, std::optional<TimeUnit> unit = {},
               const std::string& day = "2026-11-20") {
  const TimeSql time = time_sql("x", type, Zone::named(column_zone), unit, *Day::parse(day),
                                Zone::named(project_zone));
  fixture::Day any(Dataset::Events);
  return any.texts(
      fmt::format("SELECT {}, coalesce({} >= {} AND {} < {}, false) FROM (VALUES {}) t(x)",
                  time.instant, time.compared, time.start, time.compared, time.end, values));
}

}  // namespace

TEST_CASE("a column with a zone is its instant; the project's zone decides the day") {
  CHECK(
      instants(
          "(timestamptz '2026-11-20 07:59:59.999999+00'), (timestamptz '2026-11-20 08:00:00+00'), "
          "(timestamptz '2026-11-21 07:59:00+00'), (timestamptz '2026-11-21 08:00:00+00')",
          ColumnType::TimestampTz, "UTC",
          "UTC-8") == Lines{"2026-11-20 07:59:59.999999+00|false", "2026-11-20 08:00:00+00|true",
                            "2026-11-21 07:59:00+00|true", "2026-11-21 08:00:00+00|false"});
}

TEST_CASE("a naive column is read in its own zone") {
  CHECK(instants("(timestamp '2026-11-20 09:00'), (timestamp '2026-11-20 08:59')",
                 ColumnType::Timestamp, "UTC+1",
                 "UTC-8") == Lines{"2026-11-20 08:00:00+00|true", "2026-11-20 07:59:00+00|false"});
  CHECK(instants("(timestamp '2026-11-20 00:00'), (timestamp '2026-11-21 00:00')",
                 ColumnType::Timestamp, "UTC-8",
                 "UTC-8") == Lines{"2026-11-20 08:00:00+00|true", "2026-11-21 08:00:00+00|false"});
}

TEST_CASE("a naive time that comes twice is the first one, one that is skipped is the jump") {
  // New York goes back at 06:00 UTC on 2026-11-01 and forward at 07:00 UTC on 2026-03-08.
  CHECK(instants("(timestamp '2026-11-01 00:30'), (timestamp '2026-11-01 01:30'), "
                 "(timestamp '2026-11-01 02:00'), (timestamp '2026-11-02 00:00')",
                 ColumnType::Timestamp, "America/New_York", "America/New_York", {}, "2026-11-01") ==
        Lines{"2026-11-01 04:30:00+00|true", "2026-11-01 05:30:00+00|true",
              "2026-11-01 07:00:00+00|true", "2026-11-02 05:00:00+00|false"});
  CHECK(instants("(timestamp '2026-03-08 01:59'), (timestamp '2026-03-08 02:30'), "
                 "(timestamp '2026-03-08 03:00')",
                 ColumnType::Timestamp, "America/New_York", "America/New_York", {}, "2026-03-08") ==
        Lines{"2026-03-08 06:59:00+00|true", "2026-03-08 07:00:00+00|true",
              "2026-03-08 07:00:00+00|true"});
}

TEST_CASE("a date is the label of its day and stands for the day's first instant") {
  CHECK(instants("(date '2026-11-20'), (date '2026-11-19')", ColumnType::Date, "UTC", "UTC-8") ==
        Lines{"2026-11-20 08:00:00+00|true", "2026-11-19 08:00:00+00|false"});
}

TEST_CASE("an epoch is read in its unit, in seconds when none is given") {
  const Lines expected{"2026-11-20 08:00:00+00|true", "2026-11-20 07:59:59+00|false"};
  CHECK(instants("(1795161600), (1795161599)", ColumnType::Integer, "UTC", "UTC-8") == expected);
  CHECK(instants("(1795161600000), (1795161599000)", ColumnType::Integer, "UTC", "UTC-8",
                 TimeUnit::Milliseconds) == expected);
  CHECK(instants("(1795161600000000), (1795161599000000)", ColumnType::Integer, "UTC", "UTC-8",
                 TimeUnit::Microseconds) == expected);
  CHECK(instants("(1795161600::HUGEINT)", ColumnType::Integer, "UTC", "UTC-8") ==
        Lines{"2026-11-20 08:00:00+00|true"});
  CHECK(instants("(1795161600.25::DOUBLE), ('nan'::DOUBLE)", ColumnType::Double, "UTC", "UTC-8") ==
        Lines{"2026-11-20 08:00:00.25+00|true", "-|false"});
  CHECK(instants("('1795161600.250000')", ColumnType::Decimal, "UTC", "UTC-8") ==
        Lines{"2026-11-20 08:00:00.25+00|true"});
}

TEST_CASE("numbers that no calendar has are no time, and stop nothing") {
  CHECK(instants("(9223372036854775807), (-9223372036854775808), (NULL)", ColumnType::Integer,
                 "UTC", "UTC-8") == Lines{"-|false", "-|false", "-|false"});
  CHECK(instants("('infinity'::TIMESTAMP), ('-infinity'::TIMESTAMP), "
                 "(timestamp '290000-01-01 00:00:00')",
                 ColumnType::Timestamp, "UTC-8",
                 "UTC-8") == Lines{"-|false", "-|false", "-|false"});
}

TEST_CASE("text is ISO 8601: its own offset wins, else the column's zone") {
  CHECK(
      instants("('2026-11-20T10:00:00+02:00'), ('2026-11-20 08:00:00Z'), ('2026-11-20 00:00:00'), "
               "('2026-11-20'), ('2026-11-20 08:00:00-0000'), ('soon'), (''), (NULL)",
               ColumnType::Text, "UTC-8",
               "UTC-8") == Lines{"2026-11-20 08:00:00+00|true", "2026-11-20 08:00:00+00|true",
                                 "2026-11-20 08:00:00+00|true", "2026-11-20 08:00:00+00|true",
                                 "2026-11-20 08:00:00+00|true", "-|false", "-|false", "-|false"});
  CHECK(instants("('1795161600')", ColumnType::Text, "UTC", "UTC-8", TimeUnit::Seconds) ==
        Lines{"2026-11-20 08:00:00+00|true"});
}
