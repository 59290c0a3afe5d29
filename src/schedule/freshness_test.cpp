#include "schedule/freshness.h"

#include <doctest/doctest.h>

namespace millrace::schedule {

TEST_CASE("a day that is not there by its time is missing, and one that nobody had is not") {
  const Zone zone = Zone::named("UTC-8");
  Schedule schedule;
  schedule.fresh_by_minutes = 12 * 60;
  const Day ended = *Day::parse("2026-11-19");
  const auto missing = [&](std::optional<Day> newest, const std::string& now) {
    return missing_day(schedule, zone, newest, instant_from_text(now));
  };
  CHECK(!missing(ended, "2026-11-21T19:59:00.000000Z"));
  CHECK(missing(ended, "2026-11-21T20:00:00.000000Z") == ended.plus(1));
  CHECK(!missing(ended.plus(1), "2026-11-22T19:59:00.000000Z"));
  CHECK(!missing({}, "2026-11-22T20:00:00.000000Z"));
  schedule.fresh_by_minutes.reset();
  CHECK(!missing(ended, "2026-12-22T20:00:00.000000Z"));
}

}  // namespace millrace::schedule
