#include "schedule/freshness.h"

#include <doctest/doctest.h>

namespace millrace::schedule {

TEST_CASE("a day that has not ended by its time is late, wherever it lies since the first") {
  const Zone zone = Zone::named("UTC-8");
  Schedule schedule;
  schedule.fresh_by_minutes = 12 * 60;
  const Day first = *Day::parse("2026-11-16");
  std::vector<Day> ended{first, first.plus(1), first.plus(3)};
  const auto late = [&](const std::string& now) {
    std::string text;
    for (const Day day : late_days(schedule, zone, first, ended, instant_from_text(now))) {
      text += (text.empty() ? "" : " ") + day.text();
    }
    return text;
  };
  CHECK(late("2026-11-20T20:00:00.000000Z") == "2026-11-18");
  CHECK(late("2026-11-21T19:59:00.000000Z") == "2026-11-18");
  CHECK(late("2026-11-21T20:00:00.000000Z") == "2026-11-18 2026-11-20");
  ended.insert(ended.begin() + 2, first.plus(2));
  CHECK(late("2026-11-21T19:59:00.000000Z") == "");
  CHECK(late("2027-01-21T20:00:00.000000Z").starts_with("2026-12-21 2026-12-22"));
  schedule.fresh_by_minutes.reset();
  CHECK(late("2026-12-22T20:00:00.000000Z") == "");
}

TEST_CASE("of an ingestion that has no day yet the newest is late") {
  Schedule schedule;
  schedule.fresh_by_minutes = 12 * 60;
  const Instant now = instant_from_text("2026-11-22T12:00:00.000000Z");
  CHECK(late_days(schedule, Zone::named("UTC"), {}, {}, now) ==
        std::vector{*Day::parse("2026-11-21")});
}

}  // namespace millrace::schedule
