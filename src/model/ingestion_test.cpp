#include "model/ingestion.h"

#include <doctest/doctest.h>

namespace millrace {
namespace {

Definition purchases() {
  Definition definition;
  definition.query = "select * from purchases";
  definition.mapping.event_name = {.text = "kind", .literal = false};
  definition.mapping.timestamp = "ts";
  definition.mapping.ids = {{"userID", "user_id"}, {"stableID", "device_id"}};
  definition.mapping.metadata = {{"page", "page"}, {"who", "user_id"}};
  definition.zone = "UTC-8";
  return definition;
}

TEST_CASE("a dataset has one word, read and written") {
  for (const Dataset dataset : kDatasets) CHECK(dataset_named(name_of(dataset)) == dataset);
  CHECK(name_of(Dataset::EntityProperties) == "entity_properties");
  CHECK(!dataset_named("Events"));
}

TEST_CASE("a limit in percent counts against the rows read and allows exactly its share") {
  const RejectLimit one_percent;
  CHECK(one_percent.allows(0, 0));
  CHECK(one_percent.allows(10, 1000));
  CHECK(!one_percent.allows(11, 1000));
  const RejectLimit odd{.percent = 2.3, .rows = {}};
  CHECK(odd.allows(2300, 100000));
  CHECK(!odd.allows(2301, 100000));
  CHECK(odd.text() == "2.3%");
  const RejectLimit none{.percent = 0, .rows = {}};
  CHECK(none.allows(0, 10));
  CHECK(!none.allows(1, 1000000000));
}

TEST_CASE("a limit in rows does not look at how many were read") {
  const RejectLimit limit{.percent = 1, .rows = 5};
  CHECK(limit.allows(5, 5));
  CHECK(!limit.allows(6, 1000000));
  CHECK(limit.text() == "5 rows");
}

TEST_CASE("a mapping reads each column once, in a fixed order") {
  CHECK(columns_of(purchases()) ==
        std::vector<std::string>{"kind", "ts", "user_id", "device_id", "page"});
}

TEST_CASE("literals are not columns") {
  Definition definition = purchases();
  definition.mapping.event_name = {.text = "purchase", .literal = true};
  CHECK(columns_of(definition).front() == "ts");
}

TEST_CASE("a wide metric table reads its date, units and values") {
  Definition definition;
  definition.dataset = Dataset::Metrics;
  definition.mapping.date = "ds";
  definition.mapping.units = {{"userID", "user_id"}};
  definition.mapping.metrics = {
      {.name = "revenue", .value = "rev", .numerator = "", .denominator = ""},
      {.name = "conversion", .value = "", .numerator = "orders", .denominator = "visits"}};
  definition.mapping.order_by = "loaded_at";
  CHECK(columns_of(definition) ==
        std::vector<std::string>{"ds", "user_id", "rev", "orders", "visits", "loaded_at"});
}

TEST_CASE("a mapping of every column names none") {
  Definition definition = purchases();
  definition.mapping.metadata_all = true;
  CHECK(columns_of(definition).empty());
}

TEST_CASE("a revision is the same for equal definitions and for every build of Millrace") {
  CHECK(revision_of(purchases()) == revision_of(purchases()));
  // The start of the SHA-256 of the definition's JSON, as sha256sum says it.
  CHECK(revision_of(purchases()) == "r-fd0ea5e6b97b4b4d");
}

TEST_CASE("whatever changes what a day means changes the revision") {
  const std::string revision = revision_of(purchases());
  Definition other = purchases();
  other.query += " ";
  CHECK(revision_of(other) != revision);
  other = purchases();
  other.zone = "UTC";
  CHECK(revision_of(other) != revision);
  other = purchases();
  other.mapping.event_name.literal = true;
  CHECK(revision_of(other) != revision);
  other = purchases();
  std::swap(other.mapping.ids[0].second, other.mapping.ids[1].second);
  CHECK(revision_of(other) != revision);
  other = purchases();
  other.partition = Partition{};
  CHECK(revision_of(other) != revision);
}

}  // namespace
}  // namespace millrace
