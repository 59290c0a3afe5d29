#include "pipeline/days.h"

#include <doctest/doctest.h>

#include "pipeline/house_fixture.h"

namespace millrace::pipeline {
namespace {

using namespace fixture;

}  // namespace

TEST_CASE("undo after an undo and a reload does not bring back what a person took back") {
  Home home;
  const std::string first = home.load(10);
  const std::string taken_back = home.load(11);
  undo(home.house, home.ingestion, kDay, "");
  REQUIRE(home.current() == first);
  home.load(12);

  undo(home.house, home.ingestion, kDay, "");
  CHECK(home.current() == first);
  CHECK(code_of([&] { undo(home.house, home.ingestion, kDay, ""); }) == "nothing_to_undo");
  undo(home.house, home.ingestion, kDay, taken_back);
  CHECK(home.current() == taken_back);
}

TEST_CASE("undo to a version whose files somebody deleted is refused and names the file") {
  Home home;
  const std::string first = home.load(10);
  const std::string second = home.load(11);
  const std::string file = home.catalog.version(first)->files.at(0).path;
  std::filesystem::remove(home.root() / "default/events" / file);
  CHECK(code_of([&] { undo(home.house, home.ingestion, kDay, ""); }) == "version_gone");
  CHECK(text_of([&] { undo(home.house, home.ingestion, kDay, ""); }).find(file) !=
        std::string::npos);
  CHECK(home.current() == second);
}

TEST_CASE("an accept that fails leaves the load waiting, and the next accept may go on") {
  Home home;
  const std::string first = home.load(10);
  const std::string held = home.hold(2);
  const auto manifest = home.catalog.held_manifest(home.ingestion.id, kDay);
  const auto in_the_way = home.root() / "default/events" / manifest->files.at(0).path;
  std::ofstream(in_the_way) << "somebody else's";
  CHECK(code_of([&] { accept(home.house, home.ingestion, kDay); }) == "object_exists");

  const auto state = home.catalog.day(home.ingestion.id, kDay);
  CHECK(state->current == first);
  CHECK(state->attempt == Attempt::Waiting);
  CHECK(state->error_code == "object_exists");
  CHECK(home.catalog.open_loads().empty());

  std::filesystem::remove(in_the_way);
  CHECK(accept(home.house, home.ingestion, kDay).load == held);
  CHECK(home.current() == held);
}

TEST_CASE("rejected rows of a held load are found also after an accept that failed half-way") {
  Home home;
  home.load(10);
  const std::string held = home.hold(2);
  const Manifest manifest = *home.catalog.held_manifest(home.ingestion.id, kDay);
  home.store.settle(home.dataset(), home.ingestion.id, {&manifest});
  const auto file = quarantine_file(home.house, home.ingestion, kDay);
  REQUIRE(file);
  CHECK(std::filesystem::exists(*file));
}

}  // namespace millrace::pipeline
