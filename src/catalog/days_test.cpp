#include <doctest/doctest.h>

#include "catalog/fixture.h"

namespace millrace::catalog {

using namespace fixture;

TEST_CASE("days come in order, within the range asked for, with their two instants") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  Project project;
  project.zone = Zone::named("UTC-8");
  catalog.set_project(project);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  for (const int day : {3, 0, 2, 1}) load_day(catalog, ingestion, 10 + day, kDay.plus(day));

  const auto all = catalog.days(ingestion.id);
  REQUIRE(all.size() == 4);
  CHECK(all[0].state.day == kDay);
  CHECK(all[3].rows == 13);
  CHECK(to_text(all[0].bounds.start) == "2013-01-01T08:00:00.000000Z");
  CHECK(to_text(all[0].bounds.end) == "2013-01-02T08:00:00.000000Z");
  const auto some = catalog.days(ingestion.id, DayRange{kDay.plus(1), kDay.plus(2)});
  REQUIRE(some.size() == 2);
  CHECK(some[0].state.day == kDay.plus(1));
  CHECK(some[1].state.day == kDay.plus(2));
}

TEST_CASE("a version has the instants of the zone that it was loaded by") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  Ingestion ingestion = catalog.put_ingestion(flights());
  for (const int day : {0, 1}) load_day(catalog, ingestion, 10, kDay.plus(day));
  Project project;
  project.zone = Zone::named("UTC");
  catalog.set_project(project);
  ingestion.definition.zone = "UTC";
  ingestion = catalog.put_ingestion(ingestion);
  load_day(catalog, ingestion, 10, kDay.plus(1));

  const auto days = catalog.days(ingestion.id);
  CHECK(days.at(0).stale);
  CHECK(to_text(days.at(0).bounds.start) == "2013-01-01T08:00:00.000000Z");
  CHECK_FALSE(days.at(1).stale);
  CHECK(to_text(days.at(1).bounds.start) == "2013-01-02T00:00:00.000000Z");
}

TEST_CASE("a day that was only tried has no version") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  CHECK_FALSE(catalog.day(ingestion.id, kDay).has_value());
  const Lease lease = begin(catalog, ingestion);
  CHECK(catalog.days(ingestion.id).at(0).status == "loading");
  catalog.fail_load(lease, Attempt::Failed, Error(Fault::Misconfigured, "wrong_password", "no"));
  const auto row = catalog.days(ingestion.id).at(0);
  CHECK(row.status == "failed");
  CHECK(row.state.current == "");
  CHECK_FALSE(row.loaded_at.has_value());
  CHECK_FALSE(row.stale);
}

TEST_CASE("of days further back those are kept that no check has seen, or that are not settled") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  Ingestion ingestion = flights();
  ingestion.upkeep.enabled = true;
  ingestion = catalog.put_ingestion(ingestion);
  const Instant before = clock.now();
  for (int day = 0; day < 6; ++day) load_day(catalog, ingestion, 10, kDay.plus(day));
  clock.pass(std::chrono::hours(24));
  const Instant hour = clock.now();
  const auto check_day = [&](int day, std::optional<Error> error = {}) {
    CheckResult result;
    result.day = kDay.plus(day);
    result.by = error ? "" : "count";
    result.error = std::move(error);
    catalog.record_check(ingestion.id, result, {}, false);
  };
  check_day(1);
  check_day(2, Error(Fault::BadData, "bad_value", "no number"));
  check_day(3);
  const Lease lease = begin(catalog, ingestion, kDay.plus(3));
  catalog.fail_load(lease, Attempt::Failed, Error(Fault::Unavailable, "unreachable", "no"));

  const auto kept = [&](Interval ended) {
    std::string days;
    for (const auto& [id, all] : catalog.unsettled_days(kDay.plus(5), {{ended, hour}})) {
      for (const KeptDay& day : all) days += day.state.day.text().substr(9);
    }
    return days;
  };
  CHECK(kept({before, hour}) == "1345");  // 2013-01-01, -03 …; -02 was checked.
  CHECK(kept({hour, hour + std::chrono::hours(24)}) == "");
  CHECK(catalog.has_failed_check(ingestion.id));
  CHECK(catalog.days(ingestion.id)[2].known_difference == "could not be checked: no number");
  check_day(2);
  CHECK(!catalog.has_failed_check(ingestion.id));
  CHECK(kept({before, hour}) == "145");
}

TEST_CASE("whoever remembers days is told of which ingestion one was changed") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  CHECK(catalog.day_changes().empty());
  load_day(catalog, ingestion, 10);
  Ingestion other = flights();
  other.handle = other.name = "other";
  other = catalog.put_ingestion(other);
  load_day(catalog, other, 10);
  auto known = catalog.day_changes();
  const auto changed = [&] {
    std::string names;
    const auto now = catalog.day_changes();
    for (const Ingestion& one : {ingestion, other}) {
      if (now.at(one.id) != known.at(one.id)) names += one.handle + " ";
    }
    known = now;
    return names;
  };
  CHECK(changed() == "");
  const Lease lease = begin(catalog, other, kDay.plus(1));
  CHECK(changed() == "other ");
  catalog.give_back(lease);  // The day is gone again.
  CHECK(changed() == "other ");
  CheckResult result;
  result.day = kDay;
  result.by = "count";
  catalog.record_check(ingestion.id, result, {}, false);
  CHECK(changed() == "flights ");
  catalog.put_connection({"more", "files", {}, "api"});
  CHECK(changed() == "");
}

TEST_CASE("a source moves since the first of the versions that all met it moving") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const auto load = [&](unsigned flags) {
    clock.pass(std::chrono::hours(1));
    const Lease lease = begin(catalog, ingestion);
    catalog.publish(lease, version_of(lease, ingestion, 10), flags, "");
    return catalog.kept_days(ingestion.id, kDay).at(0);
  };
  load(kMovedDuringRead);
  CHECK(!load(0).moving_since);
  const Instant first = *load(kMovedDuringRead).loaded_at;
  const KeptDay again = load(kMovedDuringRead | kNotRepeatable);
  CHECK(again.moving_since == first);
  CHECK(*again.loaded_at > first);
}

TEST_CASE("the first and last days that ended, and how many") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  CHECK(catalog.ended_days().empty());
  for (const int day : {1, 3, 4}) load_day(catalog, ingestion, 10, kDay.plus(day));
  const Lease lease = begin(catalog, ingestion, kDay.plus(9));
  catalog.publish(lease, version_of(lease, ingestion, 10), kProvisional, "");
  const EndedDays ended = catalog.ended_days().at(ingestion.id);
  CHECK(ended.first == kDay.plus(1));
  CHECK(ended.last == kDay.plus(4));
  CHECK(catalog.ended_days(ingestion.id, {kDay.plus(2), kDay.plus(9)}) ==
        std::vector{kDay.plus(3), kDay.plus(4)});
  CHECK(catalog.count_ended(kDay.plus(4)).at(ingestion.id) == 2);
}

TEST_CASE("an exact check that found nothing refreshes the token; any other check does not") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string version = load_day(catalog, ingestion, 10);
  const Instant loaded = catalog.version(version)->published_at;
  CHECK(catalog.known_token(ingestion.id, kDay)->text == "lsn:10");
  CHECK(catalog.known_token(ingestion.id, kDay)->confirmed_at == loaded);

  clock.pass(std::chrono::hours(24));
  CheckResult result;
  result.day = kDay;
  result.by = "fingerprint";

  SUBCASE("exact and unchanged") {
    catalog.record_check(ingestion.id, result, "lsn:99", true);
    CHECK(catalog.known_token(ingestion.id, kDay)->text == "lsn:99");
    CHECK(catalog.known_token(ingestion.id, kDay)->confirmed_at > loaded + std::chrono::hours(23));
  }
  SUBCASE("exact and changed: the new token would hide the difference for ever") {
    result.changed = true;
    catalog.record_check(ingestion.id, result, "lsn:99", true);
    CHECK(catalog.known_token(ingestion.id, kDay)->text == "lsn:10");
  }
  SUBCASE("not exact") {
    catalog.record_check(ingestion.id, result, "lsn:99", false);
    CHECK(catalog.known_token(ingestion.id, kDay)->text == "lsn:10");
    CHECK(catalog.known_token(ingestion.id, kDay)->confirmed_at == loaded);
  }
  CHECK(catalog.last_check(ingestion.id, kDay)->result.by == "fingerprint");
}

TEST_CASE(
    "every check of a day is kept, newest first: the last hundred, until they are forgotten") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 10);
  load_day(catalog, ingestion, 10, kDay.plus(1));
  const auto check_day = [&](Day day, std::int64_t rows_now) {
    clock.pass(std::chrono::minutes(1));
    catalog.record_check(ingestion.id,
                         {.day = day,
                          .by = "count",
                          .rows_then = 10,
                          .rows_now = rows_now,
                          .took_ms = 7,
                          .bytes = 4096},
                         {}, false);
  };
  check_day(kDay.plus(1), 10);
  const Instant since = clock.now();
  for (int check = 0; check < kChecksMost + 20; ++check) check_day(kDay, check);
  const std::vector<Checked> kept = catalog.checks(ingestion.id, kDay);
  REQUIRE(kept.size() == kChecksMost);
  CHECK(kept.front().result.rows_now == kChecksMost + 19);
  CHECK(kept.back().result.rows_now == 20);
  CHECK(kept.front().at > kept.back().at + std::chrono::minutes(98));
  CHECK(kept.front().result.took_ms == 7);
  CHECK(kept.front().result.bytes == 4096);
  CHECK(catalog.checks(ingestion.id, kDay.plus(1)).size() == 1);
  catalog.forget_checks(since + std::chrono::minutes(50));
  CHECK(catalog.checks(ingestion.id, kDay).size() == 71);
  CHECK(catalog.checks(ingestion.id, kDay.plus(1)).empty());
  CHECK(catalog.last_check(ingestion.id, kDay.plus(1))->result.rows_now == 10);
  catalog.remove_ingestion(ingestion.id);
  CHECK(catalog.checks(ingestion.id, kDay).empty());
}

TEST_CASE("a day whose source has no token knows none") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 10);
  const Lease lease = begin(catalog, ingestion);
  Version version = version_of(lease, ingestion, 10);
  version.token.reset();
  catalog.publish(lease, version, 0, "");
  CHECK_FALSE(catalog.known_token(ingestion.id, kDay).has_value());
}

TEST_CASE("after an undo the older version's token is the one to compare with, and stays it") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  load_day(catalog, ingestion, 11);
  catalog.undo(ingestion.id, kDay, "");
  CheckResult result;
  result.day = kDay;
  result.by = "fingerprint";
  catalog.record_check(ingestion.id, result, "lsn:11", true);
  CHECK(catalog.known_token(ingestion.id, kDay)->text == "lsn:10");
  CHECK(catalog.known_token(ingestion.id, kDay)->confirmed_at ==
        catalog.version(first)->published_at);
}

TEST_CASE("a check that finds a query not repeatable says so on the day, and takes it back") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 10);
  CheckResult result;
  result.day = kDay;
  result.repeatable = false;
  catalog.record_check(ingestion.id, result, {}, false);
  CHECK(catalog.day(ingestion.id, kDay)->flags == kNotRepeatable);
  result.repeatable.reset();
  catalog.record_check(ingestion.id, result, {}, false);
  CHECK(catalog.day(ingestion.id, kDay)->flags == kNotRepeatable);
  result.repeatable = true;
  catalog.record_check(ingestion.id, result, {}, false);
  CHECK(catalog.day(ingestion.id, kDay)->flags == 0);
}

TEST_CASE("what gates saw is known of the last load before an instant that looked") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const auto load = [&](Day day, const std::string& saw) {
    const Lease lease = begin(catalog, ingestion, day);
    Version version = version_of(lease, ingestion, 10);
    if (!saw.empty()) version.certificate.upstream = {{"raw.flights", saw}};
    catalog.publish(lease, version, 0, "");
    clock.pass(std::chrono::hours(1));
    return clock.now();
  };
  const Instant after_first = load(kDay, "one");
  load(kDay.plus(1), "two");
  const Instant after_all = load(kDay.plus(2), "");
  CHECK(catalog.upstream_before(ingestion.id, after_first - std::chrono::hours(2)).empty());
  CHECK(catalog.upstream_before(ingestion.id, after_first).at(0).second == "one");
  CHECK(catalog.upstream_before(ingestion.id, after_all).at(0).second == "two");
  CHECK(catalog.upstream_before("another", after_all).empty());
}

}  // namespace millrace::catalog
