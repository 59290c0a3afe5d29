#include <doctest/doctest.h>

#include <algorithm>

#include "catalog/fixture.h"

namespace millrace::catalog {

using namespace fixture;

TEST_CASE("a project's zone and unit types come back after reopening") {
  const Folder folder;
  {
    Catalog catalog({.path = folder.catalog()}, real_env());
    Project project;
    project.zone = Zone::named("UTC-8");
    project.unit_types = {"userID", "stableID"};
    catalog.set_project(project);
    catalog.set_store_id("store-1");
  }
  Catalog catalog({.path = folder.catalog(), .read_only = true}, real_env());
  CHECK(catalog.project().zone.name() == "UTC-8");
  CHECK(catalog.project().unit_types == std::vector<std::string>{"userID", "stableID"});
  CHECK(catalog.store_id() == "store-1");
}

TEST_CASE("a retired unit type is remembered, in the order of first use") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Project project;
  project.unit_types = {"userID", "stableID"};
  catalog.set_project(project);
  project.unit_types = {"companyID", "userID"};
  catalog.set_project(project);
  CHECK(catalog.project().unit_types == std::vector<std::string>{"companyID", "userID"});
  CHECK(catalog.unit_types_ever() == std::vector<std::string>{"userID", "stableID", "companyID"});
}

TEST_CASE("a unit type that differs from an earlier one only by case is refused") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Project project;
  project.unit_types = {"userID"};
  catalog.set_project(project);
  project.unit_types = {"userid"};
  CHECK(code_of([&] { catalog.set_project(project); }) == "unit_type_taken");
  CHECK(catalog.project().unit_types == std::vector<std::string>{"userID"});
}

TEST_CASE("a catalog keeps to one project") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Project project;
  catalog.set_project(project);
  project.id = "another";
  CHECK(code_of([&] { catalog.set_project(project); }) == "project_fixed");
}

TEST_CASE("a generation is known by its number and its nonce together") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  catalog.add_generation(7, "nonce-a");
  CHECK(catalog.knows_generation(7, "nonce-a"));
  CHECK_FALSE(catalog.knows_generation(7, "nonce-b"));
  CHECK_FALSE(catalog.knows_generation(8, "nonce-a"));
}

TEST_CASE("a connection is stored, replaced and removed") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Connection shop{"shop", "postgres", {{"host", "db1"}, {"password", "env:SHOP"}}, "api"};
  catalog.put_connection(shop);
  CHECK(catalog.connection("shop") == shop);
  shop.settings["host"] = "db2";
  catalog.put_connection(shop);
  CHECK(catalog.connections() == std::vector<Connection>{shop});
  catalog.remove_connection("shop");
  CHECK_FALSE(catalog.connection("shop").has_value());
}

TEST_CASE("a connection that an ingestion uses is not removed") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  catalog.put_connection({"warehouse", "files", {}, "api"});
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const auto remove = [&] { catalog.remove_connection("warehouse"); };
  CHECK(code_of(remove) == "connection_in_use");
  CHECK(text_of(remove) == "connection warehouse is used by flights");
  catalog.archive_ingestion(ingestion.id);
  CHECK(code_of(remove) == "");
}

TEST_CASE("an ingestion comes back as it was put, with an id that stays") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Ingestion put = flights();
  put.limits.max_rejected.percent = 30;
  put = catalog.put_ingestion(put);
  CHECK(put.id.size() == 36);
  const Ingestion got = catalog.ingestion("flights");
  CHECK(got.id == put.id);
  CHECK(got.definition == put.definition);
  CHECK(got.limits == put.limits);
  CHECK(got.managed_by == "file:flights.toml");

  put.definition.query = "select * from flights where carrier <> 'XX'";
  CHECK(catalog.put_ingestion(put).id == put.id);
  CHECK(catalog.ingestion("flights").definition.query == put.definition.query);
  CHECK(catalog.definition(revision_of(got.definition)) == got.definition);
}

TEST_CASE("a second ingestion of the same kind, dataset and name is a Conflict") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  catalog.put_ingestion(flights());
  Ingestion other = flights();
  other.handle = "flights_again";
  const auto put = [&] { catalog.put_ingestion(other); };
  CHECK(code_of(put) == "name_taken");
  CHECK(text_of(put) == "files/events/flights exists already: flights of file:flights.toml");
  other.name = "more flights";
  CHECK(code_of(put) == "");
}

TEST_CASE("putting an archived ingestion again revives its id, with its days") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  const Ingestion first = catalog.put_ingestion(flights());
  load_day(catalog, first, 10);
  catalog.archive_ingestion(first.id);
  CHECK(catalog.ingestions().empty());
  CHECK(catalog.ingestions(true).size() == 1);
  CHECK(catalog.days(first.id).size() == 1);
  CHECK(code_of([&] { begin(catalog, first); }) == "ingestion_archived");

  const Ingestion again = catalog.put_ingestion(flights());
  CHECK(again.id == first.id);
  CHECK(catalog.ingestions().size() == 1);
  CHECK(catalog.days(again.id).size() == 1);
}

TEST_CASE("renaming onto the name of an archived ingestion asks to remove its data first") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  const Ingestion archived = catalog.put_ingestion(flights());
  catalog.archive_ingestion(archived.id);
  Ingestion other = flights();
  other.handle = other.name = "departures";
  other = catalog.put_ingestion(other);
  other.name = "flights";
  CHECK(code_of([&] { catalog.put_ingestion(other); }) == "name_taken");
  catalog.remove_ingestion(archived.id);
  CHECK(code_of([&] { catalog.put_ingestion(other); }) == "");
}

TEST_CASE("the dataset of an ingestion never changes") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Ingestion ingestion = catalog.put_ingestion(flights());
  ingestion.definition.dataset = Dataset::Exposures;
  CHECK(code_of([&] { catalog.put_ingestion(ingestion); }) == "dataset_fixed");
}

TEST_CASE("an ingestion is found by handle, by name, or by kind/dataset/name") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Ingestion one = flights();
  one.handle = "flights_events";
  one = catalog.put_ingestion(one);
  Ingestion two = delays();
  two.name = "flights";
  two = catalog.put_ingestion(two);

  CHECK(catalog.ingestion("flights_events").id == one.id);
  CHECK(catalog.ingestion("delays").id == two.id);
  CHECK(catalog.ingestion("files/metrics/flights").id == two.id);
  const auto by_name = [&] { catalog.ingestion("flights"); };
  CHECK(code_of(by_name) == "ambiguous_ingestion");
  CHECK(text_of(by_name) == "flights may be any of files/events/flights, files/metrics/flights");
}

TEST_CASE("an unknown ingestion is answered with the nearest handle") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  catalog.put_ingestion(flights());
  catalog.put_ingestion(delays());
  const auto ask = [&] { catalog.ingestion("fligths"); };
  CHECK(code_of(ask) == "unknown_ingestion");
  CHECK(text_of(ask) == "there is no ingestion fligths; did you mean \"flights\"?");
}

TEST_CASE("only a change of an ingestion is told") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.put_ingestion(ingestion);
  CHECK(catalog.highest_publish(Dataset::Events) == 1);
  ingestion.limits.allow_empty = true;
  catalog.put_ingestion(ingestion);
  CHECK(catalog.highest_publish(Dataset::Events) == 2);
  CHECK(catalog.intents().size() == 2);
}

TEST_CASE("what is done atomically is done whole or not at all") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  const auto apply = [&](const std::string& second) {
    catalog.atomically([&] {
      catalog.put_ingestion(flights());
      Ingestion other = delays();
      other.name = second;
      catalog.put_ingestion(other);
      throw Error(Fault::BadData, "stop", "stop");
    });
  };
  CHECK(code_of([&] { apply("delays"); }) == "stop");
  CHECK(catalog.ingestions().empty());
  CHECK(catalog.intents().empty());
  CHECK(catalog.highest_publish(Dataset::Events) == 0);
}

TEST_CASE("changing a definition makes the days that carry the old one stale") {
  const Folder folder;
  Catalog catalog({.path = folder.catalog()}, real_env());
  Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 10);
  CHECK(catalog.stale_days(ingestion.id).empty());

  ingestion.definition.mapping.ids = {{"carrier", "carrier"}};
  catalog.put_ingestion(ingestion);
  CHECK(catalog.stale_days(ingestion.id) == std::vector<Day>{kDay});
  CHECK(catalog.days(ingestion.id).at(0).stale);

  load_day(catalog, ingestion, 10);
  CHECK(catalog.stale_days(ingestion.id).empty());
  CHECK_FALSE(catalog.days(ingestion.id).at(0).stale);
}

}  // namespace millrace::catalog
