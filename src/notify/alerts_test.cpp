#include <doctest/doctest.h>

#include <set>

#include "model/alert.h"
#include "notify/life_fixture.h"

namespace millrace::notify {

using namespace fixture;

TEST_CASE("alerts of one sort and connection are one message, and their end another") {
  Life life;
  for (const char* id : {"a", "b", "c"}) {
    life.add(id);
    life.alarms(id, kNotFresh);
  }
  life.look();
  life.pass(life.settings.gather);
  life.pass(hours(30));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Late});
  CHECK(life.told[0].lines.size() == 3);
  life.world.alerts.clear();
  life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Late, Kind::Recovered});
  CHECK(life.told[1].thread == life.told[0].thread);
}

TEST_CASE("a day that is told to have failed is not told to be late") {
  Life life;
  life.add("a");
  life.fails("a", kUnreachable);
  life.alarms("a", kNotFresh);
  life.alarms("a", kNotChecked, kDay.plus(-1));
  life.look();
  life.pass(hours(3));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed});
}

TEST_CASE("an ingestion that its budget paused is told of, also when the day failed before") {
  Life life;
  life.add("a");
  life.fails("a", kUnreachable);
  life.alarms("a", kOverBudget);
  life.alarms("a", kLeftOut);
  life.look();
  life.pass(life.settings.gather);
  life.pass(hours(30));
  const Kinds kinds = life.kinds_for(kAna);
  CHECK(std::multiset(kinds.begin(), kinds.end()) ==
        std::multiset{Kind::Failed, Kind::OverBudget, Kind::LeftOut});
}

TEST_CASE("checks that fail for less than an hour are told to nobody") {
  Life life;
  life.add("a");
  life.alarms("a", kNotChecked);
  life.look();
  life.pass(minutes(59));
  CHECK(life.told.empty());
  SUBCASE("and are over") {
    life.world.alerts.clear();
    life.pass(minutes(2));
    CHECK(life.told.empty());
  }
  SUBCASE("or go on") {
    life.pass(minutes(2));
    CHECK(life.kinds_for(kAna) == Kinds{Kind::NotChecked});
  }
}

}  // namespace millrace::notify
