#include <doctest/doctest.h>

#include "definition/test_home.h"

namespace millrace::definition {

TEST_CASE("an empty millrace.toml means the defaults") {
  const TestHome home;
  home.write("millrace.toml", "");

  const Configuration configuration = home.configuration();

  CHECK(configuration.home == home.path());
  CHECK(configuration.project.id == "default");
  CHECK(configuration.project.zone.name() == "UTC-8");
  CHECK(configuration.project.unit_types == std::vector<std::string>{"userID", "stableID"});
  CHECK(configuration.store_root == (home.path() / "store").string());
  CHECK(configuration.catalog_url == (home.path() / "catalog.db").string());
  CHECK(configuration.file_roots.empty());
}

TEST_CASE("paths are relative to the home, or absolute") {
  const TestHome home;
  home.write("millrace.toml",
             "[store]\nroot = \"data/../rows\"\n[catalog]\nurl = \"sqlite:///srv/catalog.db\"\n"
             "[files]\nroots = [\"/exports\", \"inbox\"]\n");

  const Configuration configuration = home.configuration();

  CHECK(configuration.store_root == (home.path() / "rows").string());
  CHECK(configuration.catalog_url == "/srv/catalog.db");
  CHECK(configuration.file_roots ==
        std::vector<std::string>{"/exports", (home.path() / "inbox").string()});
}

TEST_CASE("a new home gets a commented file that reads back as what was asked for") {
  const TestHome home;
  std::filesystem::remove(home.path() / "millrace.toml");
  Configuration wanted;
  wanted.home = home.path();
  wanted.project.zone = Zone::named("Europe/Berlin");
  wanted.project.unit_types = {"tailnum", "carrier"};
  wanted.file_roots = {"/exports"};

  write_configuration(wanted);

  CHECK(
      file::read(home.path() / "millrace.toml") ==
      "[project]\n"
      "zone = \"Europe/Berlin\"                  # a day begins at its midnight; or an IANA name\n"
      "unit_types = [\"tailnum\", \"carrier\"]     # what ids are of; a name is never used again\n"
      "\n[files]\nroots = [\"/exports\"]\n");
  CHECK(home.configuration().project.unit_types == wanted.project.unit_types);
  CHECK(home.configuration().store_root == (home.path() / "store").string());
}

TEST_CASE("writing keeps comments, other tables and what is not asked to change") {
  const TestHome home;
  home.write("millrace.toml",
             "# Owned by the data team\n[project]\nzone = \"UTC\" # like the warehouse\n\n"
             "[connection.shop] # stays\nkind = \"postgres\"\n");
  Configuration wanted = home.configuration();
  wanted.project.unit_types = {"userID", "stableID", "companyID"};
  wanted.store_root = (home.path() / "rows").string();

  write_configuration(wanted);

  CHECK(file::read(home.path() / "millrace.toml") ==
        "# Owned by the data team\n[project]\n"
        "unit_types = [\"userID\", \"stableID\", \"companyID\"]\n"
        "zone = \"UTC\" # like the warehouse\n\n"
        "[connection.shop] # stays\nkind = \"postgres\"\n\n[store]\nroot = \"rows\"\n");
}

TEST_CASE("a file that cannot be edited safely is left alone") {
  const TestHome home;
  const std::string dotted = "project.zone = \"UTC\"\n";
  home.write("millrace.toml", dotted);
  Configuration wanted = home.configuration();
  wanted.project.unit_types = {"companyID"};

  CHECK(refusal([&] { write_configuration(wanted); }) != "");
  CHECK(file::read(home.path() / "millrace.toml") == dotted);
}

TEST_CASE("a home without millrace.toml is no home") {
  const TestHome home;
  std::filesystem::remove(home.path() / "millrace.toml");
  CHECK(refusal([&] { home.configuration(); }) == "there is no " +
                                                      (home.path() / "millrace.toml").string() +
                                                      "\nMake a home with `millrace init`");
}

}  // namespace millrace::definition
