#include "pipeline/sweep.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/days.h"
#include "pipeline/house_fixture.h"

namespace millrace::pipeline {
namespace {

using namespace fixture;
using namespace std::chrono_literals;

Swept sweep_now(Home& home) {
  home.clock.pass(1s);
  return sweep(home.house, false, false, {.versions = 0s});
}

}  // namespace

TEST_CASE("a swept version is gone with its quarantine, and nobody can undo to it") {
  Home home;
  const std::string old = home.load(10);
  const std::string now = home.load(11);
  CHECK(sweep(home.house, false, false, {}).removed.empty());
  const Swept swept = sweep_now(home);
  CHECK(swept.removed.size() == 2);
  CHECK(swept.bytes > 0);
  CHECK(swept.foreign.empty());
  CHECK(home.files_of(old) ==
        std::vector<std::string>{home.store.layout().manifest(home.dataset(), old)});
  CHECK(home.files_of(now).size() == 3);
  CHECK(code_of([&] { home.catalog.undo(home.ingestion.id, kDay, old); }) == "version_swept");
}

TEST_CASE("from the moment a sweep begins to delete, nobody can undo to what it deletes") {
  Home home;
  const std::string old = home.load(10);
  home.load(11);
  home.clock.pass(1s);
  // Where the quarantine file should be lies a folder, so that the sweep stops half-way.
  const auto quarantine = home.root() / home.catalog.version(old)->quarantine;
  std::filesystem::remove(quarantine);
  std::filesystem::create_directories(quarantine / "in the way");
  CHECK_THROWS(sweep(home.house, false, false, {.versions = 0s}));
  CHECK(code_of([&] { home.catalog.undo(home.ingestion.id, kDay, old); }) == "version_swept");

  std::filesystem::remove_all(quarantine);
  sweep_now(home);
  CHECK(home.files_of(old).size() == 1);
}

TEST_CASE("a dry run names what would go, and changes nothing, not even in the catalog") {
  Home home;
  const std::string old = home.load(10);
  home.load(11);
  home.clock.pass(1s);
  const Swept would = sweep(home.house, true, false, {.versions = 0s});
  CHECK(would.removed.size() == 2);
  std::int64_t bytes = 0;
  for (const std::string& path : would.removed) {
    bytes += static_cast<std::int64_t>(std::filesystem::file_size(home.root() / path));
  }
  CHECK(bytes > 0);
  CHECK(would.bytes == bytes);
  CHECK(home.files_of(old).size() == 3);
  CHECK_NOTHROW(home.catalog.undo(home.ingestion.id, kDay, old));
}

TEST_CASE("a load that was settled and never published leaves nothing behind") {
  Home home;
  const std::string current = home.load(10);
  const catalog::Lease lease = home.begin();
  const Manifest manifest = home.stage(lease, 11);
  home.store.settle(home.dataset(), home.ingestion.id, {&manifest});
  REQUIRE(home.files_of(lease.load).size() == 3);
  CHECK(sweep_now(home).removed.empty());  // It may still be published.

  home.catalog.fail_load(lease, Attempt::Failed, Error(Fault::Unavailable, "x", "killed"));
  CHECK(sweep(home.house, true, false, {.versions = 0s}).removed.size() == 3);
  CHECK(sweep_now(home).removed.size() == 3);
  CHECK(home.files_of(lease.load).empty());
  CHECK(home.files_of(current).size() == 3);
  CHECK(sweep_now(home).removed.empty());
}

TEST_CASE("a load that was killed while it settled leaves nothing behind") {
  Home home;
  const catalog::Lease lease = home.begin();
  const Manifest manifest = home.stage(lease, 11);
  const std::string staged = home.store.layout().staging(home.dataset(), lease.load) + "/";
  // As `settle` does, but only half of it.
  home.store.objects().put(home.store.layout().manifest(home.dataset(), lease.load),
                           *home.store.objects().get(staged + "manifest.json"));
  home.store.objects().move(
      {{staged + store::staged_name(manifest.files[0]),
        home.store.layout().table(home.dataset()) + "/" + manifest.files[0].path}});
  home.catalog.fail_load(lease, Attempt::Failed, Error(Fault::Unavailable, "x", "killed"));
  CHECK(sweep_now(home).foreign.empty());
  CHECK(home.files_of(lease.load).empty());
}

TEST_CASE("of an unpublished load only its own files go, whatever its manifest names") {
  Home home;
  const std::string current = home.load(10);
  const catalog::Lease lease = home.begin();
  Manifest manifest = home.stage(lease, 11);
  home.store.settle(home.dataset(), home.ingestion.id, {&manifest});
  manifest.files = home.catalog.version(current)->files;
  home.store.objects().put(home.store.layout().manifest(home.dataset(), lease.load),
                           json::from(manifest).dump());
  home.catalog.fail_load(lease, Attempt::Failed, Error(Fault::Unavailable, "x", "killed"));
  sweep_now(home);
  CHECK(home.files_of(current).size() == 3);
}

TEST_CASE("what a killed writer left half-written goes once it is an hour old") {
  Home home;
  const auto half = home.root() / "default/events/_publish/.tmp-1";
  home.load(10);
  std::ofstream(half) << "half a rec";
  const auto age = [&](std::chrono::seconds by) {
    std::filesystem::last_write_time(half, std::filesystem::file_time_type::clock::now() - by);
    // Files have the machine's time, so the sweep has as well.
    home.clock.pass(
        std::chrono::duration_cast<std::chrono::microseconds>(real_env().now() - home.clock.now()));
  };
  age(59min);
  CHECK(sweep_now(home).removed.empty());
  age(61min);
  CHECK(sweep_now(home).removed == std::vector<std::string>{"default/events/_publish/.tmp-1"});
}

TEST_CASE(
    "rejected rows of a current version go when they are old, and are not called never there") {
  Home home;
  const std::string load = home.load(10);
  const Retention retention{.quarantine = 24h};
  home.clock.pass(23h);
  CHECK(sweep(home.house, false, false, retention).removed.empty());
  home.clock.pass(2h);
  const std::string path = home.catalog.version(load)->quarantine;
  CHECK(sweep(home.house, true, false, retention).removed == std::vector{path});
  CHECK(sweep(home.house, false, false, retention).removed == std::vector{path});
  CHECK(sweep(home.house, false, false, retention).removed.empty());
  CHECK(home.current() == load);
  CHECK(code_of([&] { quarantine_file(home.house, home.ingestion, kDay); }) == "quarantine_swept");
}

TEST_CASE("a retention that foreign VACUUMs do not respect is refused") {
  Home home;
  CHECK(code_of([&] { sweep(home.house, true, false, {.versions = 91 * 24h}); }) ==
        "retention_too_long");
  CHECK_NOTHROW(sweep(home.house, true, false, {.versions = store::kForeignVacuumSpares}));
}

TEST_CASE("files of loads that this catalog does not know are reported and stay, unless told") {
  Home home;
  home.load(10);
  const std::string stranger =
      "default/events/ingestion=i/day=2013-01-01/" + new_id(home.clock) + "-0.parquet";
  home.store.objects().put(stranger, "somebody's");
  const Swept swept = sweep_now(home);
  CHECK(swept.foreign == std::vector<std::string>{stranger});
  CHECK(home.store.objects().exists(stranger));
  sweep(home.house, true, true, {.versions = 0s});
  CHECK(home.store.objects().exists(stranger));
  CHECK(sweep(home.house, false, true, {.versions = 0s}).removed ==
        std::vector<std::string>{stranger});
  CHECK_FALSE(home.store.objects().exists(stranger));
}

TEST_CASE("a staging folder that nobody registered is spared for a day: a validation may use it") {
  Home home;
  const std::string staged =
      home.store.stage(home.dataset(), {new_id(home.clock)}).front() + "/0.parquet";
  std::ofstream(staged) << "rows";
  home.clock.pass(
      std::chrono::duration_cast<std::chrono::microseconds>(real_env().now() - home.clock.now()));
  CHECK(sweep(home.house, false, true, {.versions = 0s}).foreign.size() == 1);
  CHECK(std::filesystem::exists(staged));
  home.clock.pass(25h);
  sweep(home.house, false, true, {.versions = 0s});
  CHECK_FALSE(std::filesystem::exists(staged));
}

TEST_CASE("a sweep whose store another catalog has taken over deletes nothing") {
  Home home;
  const std::string old = home.load(10);
  home.load(11);
  home.clock.pass(1s);
  REQUIRE(home.store.put_generation({home.store.generation()->number + 1, "of another catalog"}));
  CHECK(code_of([&] { sweep(home.house, false, true, {.versions = 0s}); }) ==
        "not_the_latest_catalog");
  CHECK(home.files_of(old).size() == 3);
}

}  // namespace millrace::pipeline
