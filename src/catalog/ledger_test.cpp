#include <doctest/doctest.h>

#include "catalog/fixture.h"

namespace millrace::catalog {

using namespace fixture;

TEST_CASE("a publish that would pass its budget changes nothing") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const RowBudget budget{{clock.now(), clock.now() + std::chrono::hours(1)}, 100};
  const auto load_within = [&](int day, std::int64_t rows) {
    const Lease lease = begin(catalog, ingestion, kDay.plus(day));
    const std::string code =
        code_of([&] { catalog.publish(lease, version_of(lease, ingestion, rows), 0, "", budget); });
    if (!code.empty())
      catalog.fail_load(lease, Attempt::Failed, Error(Fault::Misconfigured, code, ""));
    return code;
  };
  CHECK(load_within(0, 60) == "");
  CHECK(load_within(1, 41) == "over_budget");
  CHECK(catalog.day(ingestion.id, kDay.plus(1))->current.empty());
  CHECK(catalog.billed(ingestion.id, budget.published) == 60);
  CHECK(load_within(1, 40) == "");
  CHECK(load_within(0, 1) == "over_budget");  // A reload counts again.
  clock.pass(std::chrono::hours(1));
  CHECK(catalog.billed(ingestion.id, {clock.now(), clock.now() + std::chrono::hours(1)}) == 0);
}

}  // namespace millrace::catalog
