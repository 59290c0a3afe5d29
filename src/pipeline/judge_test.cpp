#include "pipeline/judge.h"

#include <doctest/doctest.h>

#include "pipeline/house_fixture.h"

namespace millrace::pipeline {

using namespace fixture;

namespace {

std::vector<SealedDay> sealed_days(Home& home, int many) {
  std::vector<SealedDay> days;
  for (int i = 0; i < many; ++i) {
    const catalog::Lease lease = home.begin(kDay.plus(i));
    days.push_back({.lease = lease, .manifest = home.stage(lease, 10 + i)});
  }
  return days;
}

}  // namespace

TEST_CASE("days that are published together become current each") {
  Home home;
  std::vector<SealedDay> days = sealed_days(home, 3);
  publish_days(home.house, home.ingestion, days, {});
  tell_others(home.house);
  for (const SealedDay& day : days) {
    CHECK_FALSE(day.error);
    CHECK(home.current(day.lease.day) == day.lease.load);
    CHECK(home.catalog.version(day.lease.load)->certificate.output_rows ==
          day.manifest.certificate.output_rows);
  }
  CHECK(home.store.publish_records(home.dataset()).size() == 4);  // The definition is one, too.
  CHECK(home.catalog.intents().empty());
}

TEST_CASE("of days that are published together, the one that cannot be fails alone") {
  Home home;
  std::vector<SealedDay> days = sealed_days(home, 3);
  days[1].lease.token = "another";
  publish_days(home.house, home.ingestion, days, {});
  tell_others(home.house);
  CHECK_FALSE(days[0].error);
  REQUIRE(days[1].error);
  CHECK(days[1].error->code == "lost_lease");
  CHECK_FALSE(days[2].error);
  CHECK(home.current(kDay) == days[0].lease.load);
  CHECK(home.current(kDay.plus(1)) == "");
  CHECK(home.current(kDay.plus(2)) == days[2].lease.load);
}

}  // namespace millrace::pipeline
