#include "warehouse/text_values.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace millrace;
using namespace millrace::warehouse;

TEST_CASE("dates are days since 1970, also far from it") {
  CHECK(days_from_text("1970-01-01") == 0);
  CHECK(days_from_text("1969-12-31") == -1);
  CHECK(days_from_text("2000-02-29") == 11016);
  CHECK(days_from_text("2026-11-20") == 20777);
  CHECK(days_from_text("0001-01-01") == -719162);
  CHECK(days_from_text("0001-12-31 BC") == -719163);
  CHECK(days_from_text("20000-01-01") == 6585322);
}

TEST_CASE("timestamps are microseconds, in UTC where they name an offset") {
  CHECK(micros_from_text("1970-01-01 00:00:00") == 0);
  CHECK(micros_from_text("1970-01-01 00:00:00.000001") == 1);
  CHECK(micros_from_text("1970-01-01 00:00:00.5") == 500'000);
  CHECK(micros_from_text("1969-12-31 23:59:59.999999") == -1);
  CHECK(micros_from_text("1970-01-01 02:00:00+02") == 0);
  CHECK(micros_from_text("1969-12-31 20:30:00-03:30") == 0);
  CHECK(micros_from_text("1970-01-01 01:23:45+01:23:45") == 0);
  CHECK(micros_from_text("2026-11-20 08:00:00+00") == 1'795'161'600'000'000);
  CHECK(micros_from_text("0001-12-31 23:00:00 BC") == -62'135'600'400'000'000);
}

TEST_CASE("infinite times have no number") {
  CHECK_FALSE(days_from_text("infinity"));
  CHECK_FALSE(micros_from_text("-infinity"));
}

TEST_CASE("anything else is bad data, not a wrong number") {
  for (const char* text : {"", "now", "2026-11", "2026-11-20T08:00:00Z", "2026-11-20 08:00",
                           "2026-11-20 08:00:00 PST", "2026--1-20 08:00:00"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(micros_from_text(text), Error);
  }
  CHECK_THROWS_AS(days_from_text("20/11/2026"), Error);
}
