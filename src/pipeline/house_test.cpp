#include "pipeline/house.h"

#include <doctest/doctest.h>

#include "pipeline/house_fixture.h"

namespace millrace::pipeline {
namespace {

using namespace fixture;

}  // namespace

TEST_CASE("each process that claims a store takes the next generation, and one catalog may again") {
  Home home;
  CHECK(home.store.generation()->number == 1);
  claim_store(home.catalog, home.store, home.clock);
  CHECK(home.store.generation()->number == 2);
}

TEST_CASE("a catalog of another home is refused, whether the store holds days yet or not") {
  Home home;
  const auto claim = [&] {
    catalog::Catalog other({.path = home.folder.path() / "other.db"}, home.clock);
    claim_store(other, home.store, home.clock);
  };
  CHECK(code_of(claim) == "not_the_latest_catalog");
  home.load(10);
  CHECK(code_of(claim) == "not_the_latest_catalog");
}

TEST_CASE("a catalog whose store was exchanged is refused and names both stores") {
  Home home;
  store::Store other(store::local_folder(home.folder.path() / "other"), "default", home.clock);
  const std::string text = text_of([&] { claim_store(home.catalog, other, home.clock); });
  CHECK(text == "the catalog belongs to store " + home.store.id() + ", but the store here is " +
                    other.id());
}

TEST_CASE("a catalog that has published nothing goes with its home to another root, once") {
  const ScratchFolder folder;
  const auto root = [&](const char* name) {
    return store::Store(store::local_folder(folder.path() / name), "default", real_env());
  };
  catalog::Catalog catalog({.path = folder.path() / "catalog.db"}, real_env());
  store::Store first = root("first"), second = root("second");
  claim_store(catalog, first, real_env());
  claim_store(catalog, first, real_env());
  claim_store(catalog, second, real_env());
  CHECK(catalog.store_id() == second.id());
  claim_store(catalog, second, real_env());
  CHECK(second.generation()->number == 2);
  CHECK(code_of([&] { claim_store(catalog, first, real_env()); }) == "not_the_latest_catalog");
}

TEST_CASE("a process whose store was taken over meanwhile publishes nothing more") {
  Home home;
  const std::string current = home.load(10);
  const catalog::Lease lease = home.begin();
  const Manifest manifest = home.stage(lease, 11);
  REQUIRE(home.store.put_generation({home.store.generation()->number + 1, "of another catalog"}));
  const auto publish = [&] { publish_manifest(home.house, home.ingestion, lease, manifest); };
  CHECK(code_of(publish) == "not_the_latest_catalog");
  CHECK(home.current() == current);
  CHECK(home.store.highest_publish(home.dataset()) == 2);  // Define, publish.
}

}  // namespace millrace::pipeline
