#include <doctest/doctest.h>

#include "catalog/fixture.h"

namespace millrace::catalog {
namespace {

using namespace fixture;
using namespace std::chrono_literals;

std::vector<std::string> paths(const std::vector<Catalog::Garbage>& garbage) {
  std::vector<std::string> found;
  for (const Catalog::Garbage& entry : garbage) found.push_back(entry.path);
  return found;
}

/// A version that keeps the files of the one before and adds one.
std::string append(Catalog& catalog, const Ingestion& ingestion, const std::string& to) {
  const Lease lease = begin(catalog, ingestion);
  Version version = version_of(lease, ingestion, 3);
  version.kind = VersionKind::Append;
  const auto parent = catalog.version(to);
  version.files.insert(version.files.begin(), parent->files.begin(), parent->files.end());
  catalog.publish(lease, version, 0, "");
  return lease.load;
}

}  // namespace

TEST_CASE("a superseded version is garbage only after the retention") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string old = load_day(catalog, ingestion, 10);
  const std::string file = catalog.version(old)->files[0].path;
  clock.pass(48h);
  load_day(catalog, ingestion, 11);
  clock.pass(23h);
  CHECK(catalog.garbage(24h).empty());
  clock.pass(2h);
  const auto garbage = catalog.garbage(24h);
  REQUIRE(garbage.size() == 1);
  CHECK(garbage[0].load == old);
  CHECK(garbage[0].ingestion == ingestion.id);
  CHECK(garbage[0].dataset == Dataset::Events);
  CHECK(garbage[0].path == "default/events/" + file);
  CHECK_FALSE(garbage[0].staging);
}

TEST_CASE("a current version is never garbage, however old, and neither is one undone to") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const std::string second = load_day(catalog, ingestion, 11);
  catalog.undo(ingestion.id, kDay, first);
  clock.pass(24h * 1000);
  const auto garbage = catalog.garbage(24h);
  REQUIRE(garbage.size() == 1);
  CHECK(garbage[0].load == second);
}

TEST_CASE("files that a retained version shares are spared until it goes as well") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const std::string shared = catalog.version(first)->files[0].path;
  const std::string second = append(catalog, ingestion, first);
  clock.pass(48h);
  CHECK(catalog.condemn(24h).empty());

  load_day(catalog, ingestion, 12);
  clock.pass(48h);
  const auto garbage = catalog.condemn(24h);
  const std::string own = catalog.version(second)->files[1].path;
  CHECK(paths(garbage) ==
        std::vector<std::string>{"default/events/" + shared, "default/events/" + own});
  catalog.mark_swept({second});
  CHECK(catalog.garbage(24h).empty());
}

TEST_CASE("a path that two old versions name is listed once") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const std::string second = append(catalog, ingestion, first);
  load_day(catalog, ingestion, 12);
  clock.pass(48h);
  CHECK(catalog.garbage(24h).size() == 2);
  const auto garbage = catalog.condemn(24h);
  CHECK(garbage.size() == 2);
  CHECK(garbage[0].load == second);
  CHECK(garbage[1].load == second);
}

TEST_CASE("garbage is named again until it is marked as swept") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string old = load_day(catalog, ingestion, 10);
  load_day(catalog, ingestion, 11);
  clock.pass(48h);
  CHECK(catalog.condemn(24h).size() == 1);
  CHECK(catalog.condemn(24h).size() == 1);
  catalog.mark_swept({old});
  CHECK(catalog.condemn(24h).empty());
}

TEST_CASE(
    "nobody can undo to a version once it is condemned; looking at garbage condemns nothing") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string old = load_day(catalog, ingestion, 10);
  const std::string current = load_day(catalog, ingestion, 11);
  clock.pass(48h);
  CHECK(catalog.garbage(24h).size() == 1);

  SUBCASE("looked at") {
    CHECK_NOTHROW(catalog.undo(ingestion.id, kDay, old));
    CHECK(catalog.condemn(24h).empty());
  }
  SUBCASE("condemned") {
    catalog.condemn(24h);
    CHECK(code_of([&] { catalog.undo(ingestion.id, kDay, ""); }) == "version_swept");
    CHECK(catalog.day(ingestion.id, kDay)->current == current);
    CHECK(catalog.history(ingestion.id, kDay).size() == 2);
  }
}

TEST_CASE("the quarantine file of an old version goes with it") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  Version version = version_of(lease, ingestion, 0);
  version.quarantine = "default/quarantine/events/" + lease.load + ".parquet";
  catalog.publish(lease, version, 0, "");
  load_day(catalog, ingestion, 11);
  clock.pass(48h);
  const auto garbage = catalog.garbage(24h);
  REQUIRE(garbage.size() == 1);
  CHECK(garbage[0].path == version.quarantine);
}

TEST_CASE("a load that failed leaves garbage at once; open and held ones leave none") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease failed = begin(catalog, ingestion);
  catalog.fail_load(failed, Attempt::Failed, Error(Fault::Unavailable, "gone", "gone"));
  begin(catalog, ingestion);
  const Lease held = begin(catalog, ingestion, kDay.plus(1));
  catalog.hold_load(held, manifest_of(held, ingestion, 5), "look at it");
  clock.pass(24h * 1000);

  const auto garbage = catalog.garbage(24h);
  REQUIRE(garbage.size() == 1);
  CHECK(garbage[0].load == failed.load);
  CHECK(garbage[0].staging);
  CHECK(garbage[0].path == "default/_staged/events/" + failed.load);
  CHECK(catalog.is_leftover(failed.load));
  CHECK_FALSE(catalog.is_leftover(held.load));
  catalog.mark_swept({failed.load});
  CHECK(catalog.garbage(24h).empty());

  catalog.release(ingestion.id, kDay.plus(1));
  CHECK(catalog.garbage(24h).at(0).load == held.load);
}

TEST_CASE("a rejected load lies there to be looked at, until the next attempt or the retention") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease rejected = begin(catalog, ingestion);
  catalog.fail_load(rejected, Attempt::Rejected, Error(Fault::BadData, "rejected", "40 of 50"));
  CHECK(catalog.garbage(24h).empty());
  SUBCASE("the next attempt") { load_day(catalog, ingestion, 10); }
  SUBCASE("the retention") { clock.pass(48h); }
  const auto garbage = catalog.garbage(24h);
  REQUIRE(garbage.size() == 1);
  CHECK(garbage[0].load == rejected.load);
}

TEST_CASE("a held load that a later publish made pointless is garbage") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease held = begin(catalog, ingestion);
  catalog.hold_load(held, manifest_of(held, ingestion, 5), "look at it");
  load_day(catalog, ingestion, 10);
  CHECK(catalog.day(ingestion.id, kDay)->flags == 0);
  CHECK(catalog.garbage(24h).at(0).load == held.load);
}

TEST_CASE("removing an ingestion forgets its days at once and its files after the retention") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string version = load_day(catalog, ingestion, 10);
  catalog.remove_ingestion(ingestion.id);
  CHECK_FALSE(catalog.ingestion_by_id(ingestion.id).has_value());
  CHECK(catalog.days(ingestion.id).empty());
  CHECK(catalog.history(ingestion.id, kDay).empty());
  CHECK_FALSE(catalog.version(version).has_value());
  CHECK(catalog.current_files(Dataset::Events).second.empty());
  CHECK(catalog.garbage(24h).empty());
  CHECK(catalog.registered(version));
  CHECK(catalog.put_ingestion(flights()).id != ingestion.id);

  clock.pass(48h);
  const auto garbage = catalog.condemn(24h);
  REQUIRE(garbage.size() == 1);
  CHECK(garbage[0].load == version);
  catalog.mark_swept({version});
  CHECK(catalog.garbage(24h).empty());
}

TEST_CASE("an ingestion is not removed while it is being loaded") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  begin(catalog, ingestion);
  CHECK(code_of([&] { catalog.remove_ingestion(ingestion.id); }) == "day_busy");
  CHECK(catalog.ingestions().size() == 1);
}

}  // namespace millrace::catalog
