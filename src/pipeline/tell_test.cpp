#include "pipeline/tell.h"

#include <doctest/doctest.h>

#include "pipeline/house_fixture.h"

namespace millrace::pipeline {
namespace {

using namespace fixture;

/// What another writer would put, as the table's next version.
void put_foreign_commit(Home& home, const std::string& operation) {
  const auto next = home.delta().read().version + 1;
  const auto log = home.root() / "default/events/_delta_log";
  std::ofstream(log / fmt::format("{:020}.json", next))
      << fmt::format(R"({{"commitInfo":{{"operation":"{}","engineInfo":"other-1"}}}})", operation);
}

}  // namespace

TEST_CASE("a commit of another writer is noticed although nothing is owed, and told once") {
  Home home;
  home.load(10);
  put_foreign_commit(home, "VACUUM START");
  CHECK(tell_others(home.house) ==
        std::vector<std::string>{"events: version 1: VACUUM START by other-1"});
  CHECK(tell_others(home.house).empty());
}

TEST_CASE("looking at tables where nothing has happened commits nothing") {
  Home home;
  CHECK(tell_others(home.house).empty());
  CHECK(home.delta().read().version == -1);
  home.load(10);
  const auto version = home.delta().read().version;
  tell_others(home.house);
  CHECK(home.delta().read().version == version);
}

TEST_CASE("a log that somebody moved away is written again from the catalog") {
  Home home;
  home.load(10);
  std::filesystem::remove_all(home.root() / "default/events/_delta_log");
  tell_others(home.house);
  CHECK(home.delta().read().files.size() == 1);
}

TEST_CASE("a current file that another writer has deleted is named") {
  Home home;
  const std::string load = home.load(10);
  const std::string file = home.catalog.version(load)->files.at(0).path;
  std::filesystem::remove(home.root() / "default/events" / file);
  put_foreign_commit(home, "VACUUM END");
  const auto news = tell_others(home.house);
  REQUIRE(news.size() == 2);
  CHECK(news[1] == "events: the current file " + file + " is gone; load its day again");
}

TEST_CASE("what was committed stays true, and owed, where the Delta log cannot be read") {
  Home home;
  home.load(10);
  const auto garbage = home.root() / "default/events/_delta_log/00000000000000000001.json";
  std::ofstream(garbage) << "not a commit";
  const catalog::Lease lease = home.begin();
  publish_manifest(home.house, home.ingestion, lease, home.stage(lease, 11));
  CHECK(code_of([&] { tell_others(home.house); }) == "delta_log_unreadable");
  CHECK_NOTHROW(try_to_tell_others(home.house));
  CHECK(home.current() == lease.load);
  CHECK(home.catalog.intents().size() == 1);

  std::filesystem::remove(garbage);
  tell_others(home.house);
  CHECK(home.catalog.intents().empty());
  CHECK(home.delta().read().files.begin()->second.rows == 11);
}

}  // namespace millrace::pipeline
