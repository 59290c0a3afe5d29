#include "schedule/missing.h"

#include <doctest/doctest.h>

#include "catalog/fixture.h"
#include "model/alert.h"

namespace millrace::schedule {
namespace {

using namespace catalog::fixture;

Ingestion enabled() {
  Ingestion ingestion = flights();
  ingestion.upkeep.enabled = true;
  ingestion.upkeep.schedule.hour = 0;
  return ingestion;
}

/// kDay lies before everything that is loaded here.
Instant noon_after(int days) {
  return Zone().bounds(kDay.plus(days)).start + std::chrono::hours(12);
}

std::string shown(const std::vector<DayRow>& rows) {
  std::string text;
  for (const DayRow& row : rows) {
    text += (text.empty() ? "" : ", ") +
            std::to_string((row.state.day.sys() - kDay.sys()).count()) +
            (row.status == kMissing ? " missing" : "");
  }
  return text;
}

}  // namespace

TEST_CASE("days that nobody loaded are shown since the first that ended, up to the newest due") {
  const Folder folder;
  Clock clock;
  catalog::Catalog catalog({.path = folder.catalog()}, clock);
  Ingestion ingestion = catalog.put_ingestion(enabled());
  CHECK(days_with_missing(catalog, ingestion, {}, noon_after(6)).empty());
  load_day(catalog, ingestion, 10, kDay.plus(1));
  load_day(catalog, ingestion, 10, kDay.plus(4));
  CHECK(shown(days_with_missing(catalog, ingestion, {}, noon_after(7))) ==
        "1, 2 missing, 3 missing, 4, 5 missing, 6 missing");
  CHECK(shown(days_with_missing(catalog, ingestion, DayRange{kDay, kDay.plus(3)}, noon_after(7))) ==
        "1, 2 missing, 3 missing");
  catalog.ask("run", ingestion.id, {kDay.plus(3), kDay.plus(5)}, "backfill");
  CHECK(shown(days_with_missing(catalog, ingestion, {}, noon_after(7))) ==
        "1, 2 missing, 4, 6 missing");
  ingestion.upkeep.schedule.mode = ScheduleMode::Manual;
  CHECK(shown(days_with_missing(catalog, ingestion, {}, noon_after(7))) == "1, 4");
}

TEST_CASE("what lies too far back is an alert for each gap, until it is loaded") {
  const Folder folder;
  Clock clock;
  catalog::Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(enabled());
  for (const int day : {0, 1, 3, 4}) load_day(catalog, ingestion, 10, kDay.plus(day));
  CHECK(watch_left_out(catalog, noon_after(33)).empty());
  const auto first = watch_left_out(catalog, noon_after(36));
  REQUIRE(first.size() == 1);
  CHECK(first[0].days.first == kDay.plus(2));
  CHECK(first[0].text ==
        "flights lacks 2013-01-03, which lies further back than the 31 days that are loaded by "
        "themselves: `millrace load flights --day 2013-01-03` loads it");
  CHECK(watch_left_out(catalog, noon_after(36)).empty());

  catalog.ask("run", ingestion.id, {kDay.plus(2)}, "backfill");
  CHECK(watch_left_out(catalog, noon_after(36)).empty());
  CHECK(catalog.open_alerts().empty());
  catalog.end_asked(1, Error(Fault::Unavailable, "unreachable", "no"));
  CHECK(watch_left_out(catalog, noon_after(36)).size() == 1);

  // A gap that grows is told once, and another one again.
  const auto second = watch_left_out(catalog, noon_after(37));
  REQUIRE(second.size() == 1);
  CHECK(second[0].days.first == kDay.plus(5));
  CHECK(watch_left_out(catalog, noon_after(39)).empty());
  REQUIRE(catalog.open_alerts().size() == 1);
  CHECK(catalog.open_alerts()[0].text.find("3 days, 2013-01-06 to 2013-01-08") !=
        std::string::npos);

  catalog.pause(ingestion.id, "a move");
  CHECK(watch_left_out(catalog, noon_after(60)).empty());
  catalog.resume(ingestion.id);
  for (const int day : {2, 5, 6, 7}) load_day(catalog, ingestion, 10, kDay.plus(day));
  CHECK(watch_left_out(catalog, noon_after(39)).empty());
  CHECK(catalog.open_alerts().empty());
}

}  // namespace millrace::schedule
