#include "notify/decide.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "notify/life_fixture.h"

namespace millrace::notify {

using namespace fixture;

TEST_CASE("a failure is told once, and once more when it is over") {
  Life life;
  life.add("purchases");
  life.fails("purchases", kNoColumn);
  life.look();
  CHECK(life.told.empty());  // What fails together has some seconds to do so.
  life.pass(minutes(1));
  REQUIRE(life.kinds_for(kAna) == Kinds{Kind::Failed});
  CHECK(life.told[0].lines.at(0).error->code == "missing_column");
  for (int hour = 0; hour < 30; ++hour) life.pass(hours(1));
  CHECK(life.told.size() == 1);
  life.ends("purchases", Attempt::Loaded);
  life.look();
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed, Kind::Recovered});
  CHECK(life.told[1].lines.at(0).outcome == "succeeded");
  CHECK(life.told[0].thread == life.told[1].thread);
  CHECK(life.told[0].key != life.told[1].key);
  life.pass(hours(1));
  CHECK(life.told.size() == 2);
  CHECK(life.world.open.empty());
}

TEST_CASE("what fails and is well again before anybody was told is told to nobody") {
  Life life;
  life.add("purchases");
  life.fails("purchases", kUnreachable);
  life.look();
  life.now += std::chrono::seconds(5);
  life.ends("purchases", Attempt::Loaded);
  life.look();
  life.pass(hours(1));
  CHECK(life.told.empty());
  CHECK(life.world.open.empty());
}

TEST_CASE("a day that died with its process is told only when it does so again") {
  Life life;
  life.add("purchases");
  life.fails("purchases", Error(Fault::Unavailable, catalog::kProcessDied, "ended"));
  life.look();
  life.pass(hours(1));
  CHECK(life.told.empty());
  life.fails("purchases", Error(Fault::Unavailable, catalog::kProcessDiedAgain, "ended"));
  life.look();
  life.pass(hours(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed});
}

TEST_CASE("200 ingestions and an outage of six hours are two mails for each person") {
  Life life;
  const auto id = [](int number) { return "ingestion-" + std::to_string(number); };
  for (int i = 0; i < 200; ++i) {
    life.add(id(i), i % 2 == 0 ? std::set{kAna} : std::set{kAna, kBen});
  }
  const Instant ends = life.now + hours(6);
  // Each is due at its own minute, and tries again every half hour.
  for (; life.now < ends; life.pass(minutes(1))) {
    const auto minute = std::chrono::duration_cast<minutes>(life.now - kTen).count();
    for (int i = 0; i < 200; ++i) {
      if (minute >= i && (minute - i) % 30 == 0) {
        life.fails(id(i), i % 7 == 0 ? Error(Fault::Unavailable, "connection_lost", "broke")
                                     : kUnreachable);
      }
    }
  }
  for (int minute = 0; minute < 30; ++minute, life.pass(minutes(1))) {
    for (int i = minute; i < 200; i += 30) life.ends(id(i), Attempt::Loaded);
  }
  for (int minute = 0; minute < 200; ++minute) life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed, Kind::Recovered});
  CHECK(life.kinds_for(kBen) == Kinds{Kind::Failed, Kind::Recovered});
  const auto& end = life.told.back();
  CHECK(static_cast<std::int64_t>(end.lines.size()) + end.more >= 100);
}

TEST_CASE("a backfill of a year, with days that fail, is one mail") {
  Life life;
  life.add("purchases");
  Backfill backfill{"run-1", {}};
  for (int i = 0; i < 365; ++i) {
    const Day day = Day::parse("2025-01-01")->plus(i);
    catalog::RunDay& one = backfill.days.emplace_back();
    one.run = "run-1";
    one.ingestion = "purchases";
    one.trigger = "backfill";
    one.day = day;
    one.attempt = i % 100 == 99 ? Attempt::Failed : i % 50 == 0 ? Attempt::Empty : Attempt::Loaded;
    one.rows = one.attempt == Attempt::Loaded ? 1000 : 0;
    if (one.attempt == Attempt::Failed) {
      one.error_code = "unreachable";
      one.error_text = "connecting failed";
      one.error_fault = Fault::Unavailable;
      life.fails("purchases", kUnreachable, day, "backfill");
    } else {
      life.ends("purchases", one.attempt, day, "backfill");
    }
    life.pass(minutes(2));
  }
  CHECK(life.told.empty());
  life.world.backfills.push_back(backfill);
  life.pass(minutes(1));
  for (int hour = 0; hour < 30; ++hour) life.pass(hours(1));
  REQUIRE(life.kinds_for(kAna) == Kinds{Kind::Backfill});
  const Counts& counts = life.told[0].counts;
  CHECK(counts.succeeded == 354);
  CHECK(counts.no_data == 8);
  CHECK(counts.failed == 3);
  CHECK(life.told[0].lines.size() == 3);
}

TEST_CASE("what needs a person is told again for further ingestions, at most hourly") {
  Life life;
  for (const char* id : {"a", "b", "c"}) life.add(id);
  life.fails("a", kNoColumn);
  life.pass(minutes(1));
  life.fails("b", kNoColumn);
  life.pass(minutes(1));
  life.fails("c", kNoColumn);
  life.pass(minutes(1));
  CHECK(life.told.size() == 1);
  life.pass(hours(1));
  REQUIRE(life.told.size() == 2);
  CHECK(life.told[1].lines.size() == 2);
  CHECK(life.told[1].lines[0].ingestion == "b");
  life.pass(hours(5));
  CHECK(life.told.size() == 2);
}

TEST_CASE("another owner is told at once when a known incident hits their ingestion") {
  Life life;
  life.add("a", {kAna});
  life.add("b", {kBen});
  life.fails("a", kUnreachable);
  life.pass(minutes(1));
  life.fails("b", kUnreachable);
  life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed});
  CHECK(life.kinds_for(kBen) == Kinds{Kind::Failed});
  CHECK(life.told[1].lines.at(0).ingestion == "b");
  CHECK(life.told[1].lines.size() == 1);
}

TEST_CASE("a held day is told when it stays held, and its end is told") {
  Life life;
  life.add("purchases");
  SUBCASE("a second look that is well tells nobody") {
    life.holds("purchases");
    life.pass(minutes(31));
    life.ends("purchases", Attempt::Loaded);
    life.pass(hours(1));
    CHECK(life.told.empty());
  }
  SUBCASE("a day that stays held is told") {
    life.holds("purchases");
    life.pass(minutes(41));
    REQUIRE(life.kinds_for(kAna) == Kinds{Kind::Held});
    CHECK(life.told[0].lines.at(0).note == "the day shrank from 100 to 10 rows");
    life.ends("purchases", Attempt::Loaded, kDay, "manual").watched = true;
    life.pass(minutes(1));
    CHECK(life.kinds_for(kAna) == Kinds{Kind::Held, Kind::Recovered});
  }
}

TEST_CASE("only the first of several days without data is told at once") {
  Life life;
  life.add("purchases");
  life.ends("purchases", Attempt::Empty);
  life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::NoData});
  life.now += hours(24);
  life.ends("purchases", Attempt::Empty, kDay.plus(1)).empty_again = true;
  life.pass(minutes(1));
  CHECK(life.told.size() == 1);
  life.now += hours(24);
  life.ends("purchases", Attempt::Loaded, kDay.plus(2));
  life.pass(minutes(1));
  life.now += hours(24);
  life.ends("purchases", Attempt::Empty, kDay.plus(3));
  life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::NoData, Kind::NoData});
}

TEST_CASE("who works at a terminal is not told what they saw; what they mended is") {
  Life life;
  life.add("purchases");
  life.ends("purchases", Attempt::Failed, kDay, "manual").watched = true;
  life.world.ended.back().error = kNoColumn;
  life.pass(minutes(1));
  CHECK(life.told.empty());
  life.fails("purchases", kNoColumn);
  life.pass(minutes(1));
  life.ends("purchases", Attempt::Loaded, kDay, "manual").watched = true;
  life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed, Kind::Recovered});
}

TEST_CASE("a day that fails for another reason moves to another incident") {
  Life life;
  life.add("purchases");
  life.fails("purchases", kUnreachable);
  life.pass(minutes(1));
  life.fails("purchases", kNoColumn);
  life.pass(minutes(1));
  CHECK(life.kinds_for(kAna) == Kinds{Kind::Failed, Kind::Failed});
  REQUIRE(life.world.open.size() == 1);
  CHECK(life.world.open[0].cause == "failed/misconfigured/shop");
}

TEST_CASE("what was removed, stopped or taken over is nobody's trouble") {
  Life life;
  life.add("purchases");
  life.fails("purchases", Error(Fault::Cancelled, "cancelled", "stopped"));
  life.fails("purchases", Error(Fault::Conflict, "lost_lease", "taken over"), kDay.plus(-1));
  life.fails("gone", kNoColumn);
  life.pass(minutes(1));
  CHECK(life.told.empty());
  life.fails("purchases", kNoColumn);
  life.pass(minutes(1));
  life.world.subjects.erase("purchases");
  life.pass(minutes(1));
  CHECK(life.told.size() == 1);
  CHECK(life.world.open.empty());
}

TEST_CASE("a digest counts each day once, by how it ended") {
  Life life;
  life.add("a", {kAna});
  life.add("b", {kAna, kBen});
  life.settings.digest_minutes = 8 * 60;
  life.fails("a", kUnreachable);
  life.ends("a", Attempt::Loaded).was_failing = true;
  life.ends("a", Attempt::Empty, kDay.plus(-1));
  life.fails("b", kNoColumn);
  life.ends("b", Attempt::Waiting, kDay.plus(-1));
  life.ends("b", Attempt::Loaded, kDay.plus(-2), "backfill");
  life.world.digest = DigestWindow{kDay.plus(1), life.world.ended};
  life.world.ended.clear();
  life.look();
  REQUIRE(life.told.size() == 2);
  const Counts& ana = life.told[0].counts;
  CHECK(ana.succeeded == 1);
  CHECK(ana.recovered == 1);
  CHECK(ana.no_data == 1);
  CHECK(ana.failed == 1);
  CHECK(life.told[0].lines.at(0).outcome == "failed");
  CHECK(life.told[1].target == kBen);
  CHECK(life.told[1].counts.total() == 1);
}

TEST_CASE("a digest reminds of days that are held since before it") {
  Life life;
  life.add("a");
  life.holds("a");
  life.pass(minutes(41));
  life.told.clear();
  life.world.digest = DigestWindow{kDay.plus(2), {}};
  life.pass(hours(48));
  REQUIRE(life.kinds_for(kAna) == Kinds{Kind::Digest});
  CHECK(life.told[0].counts.held == 1);
  CHECK(life.told[0].lines.at(0).outcome == "held");
}

TEST_CASE("a digest is due once a day, at its hour in the project's zone") {
  NotifySettings settings;
  settings.digest_minutes = 8 * 60;
  const Zone zone = Zone::named("UTC-8");
  const auto at = [](const char* text) { return instant_from_text(text); };
  CHECK(!digest_due(settings, zone, at("2026-11-24T16:00:00Z"), at("2026-11-25T15:59:59Z")));
  CHECK(digest_due(settings, zone, at("2026-11-24T16:00:00Z"), at("2026-11-25T16:00:00Z")) ==
        at("2026-11-25T16:00:00Z"));
  CHECK(digest_due(settings, zone, at("2026-11-20T00:00:00Z"), at("2026-11-25T15:00:00Z")) ==
        at("2026-11-24T16:00:00Z"));
  settings.digest_minutes = -1;
  CHECK(!digest_due(settings, zone, at("2026-11-20T00:00:00Z"), at("2026-11-25T16:00:00Z")));
}

}  // namespace millrace::notify
