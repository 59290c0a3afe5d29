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

}  // namespace millrace::pipeline
