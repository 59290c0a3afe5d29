#include <doctest/doctest.h>

#include "catalog/fixture.h"

namespace millrace::catalog {

using namespace fixture;
using namespace std::chrono_literals;

namespace {

/// Loads a day for a run, as the service does it; the load's id.
std::string load_for(Catalog& catalog, const Ingestion& ingestion, const std::string& run,
                     std::int64_t rows, const std::string& trigger = "api") {
  const Lease lease =
      catalog.begin_load(ingestion.id, kDay, revision_of(ingestion.definition), run, trigger);
  catalog.publish(lease, version_of(lease, ingestion, rows), 0, "");
  return lease.load;
}

}  // namespace

TEST_CASE("asking for a day that waits joins its run, and a day that is done can be asked again") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  CHECK(catalog.ask("one", ingestion.id, {kDay}, "api").front() == "one");
  CHECK(catalog.ask("two", ingestion.id, {kDay}, "backfill").front() == "one");
  CHECK(catalog.ask("two", ingestion.id, {kDay.plus(1)}, "backfill").front() == "two");
  const auto asked = catalog.asked(10);
  REQUIRE(asked.size() == 2);
  catalog.end_asked(asked[0].id, {});
  CHECK(catalog.ask("three", ingestion.id, {kDay}, "api").front() == "three");
}

TEST_CASE("a call takes a day out of a backfill, which is done with it") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.ask("fill", ingestion.id, {kDay, kDay.plus(1)}, "backfill");
  const std::int64_t of_fill = catalog.asked(10).at(1).id;
  const std::int64_t newest = catalog.newest_asked();
  CHECK(catalog.is_asked(of_fill));
  CHECK(catalog.ask("call", ingestion.id, {kDay.plus(1)}, "api").front() == "call");
  CHECK(catalog.newest_asked() > newest);
  CHECK_FALSE(catalog.is_asked(of_fill));
  CHECK(catalog.asked(10, "call", ingestion.id).size() == 1);
  CHECK(catalog.asked(10, "fill", ingestion.id).at(0).day == kDay);
  const auto days = catalog.run_days("fill");
  REQUIRE(days.size() == 2);
  CHECK(days[1].ended_at.has_value());
  CHECK(days[1].error_code == "");
  // Neither a second call nor another backfill takes it away again.
  CHECK(catalog.ask("again", ingestion.id, {kDay.plus(1)}, "api").front() == "call");
  CHECK(catalog.ask("more", ingestion.id, {kDay.plus(1)}, "backfill").front() == "call");
}

TEST_CASE("runs with days that wait are told with their connection, calls before backfills") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Ingestion metrics = catalog.put_ingestion(delays());
  catalog.ask("fill", ingestion.id, {kDay, kDay.plus(1)}, "backfill");
  catalog.ask("both", metrics.id, {kDay}, "api");
  catalog.ask("both", ingestion.id, {kDay.plus(2)}, "api");
  const auto runs = catalog.asked_runs();
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].run == "both");
  CHECK(runs[0].ingestion == metrics.id);
  CHECK(runs[0].connection == metrics.connection);
  CHECK(runs[0].kind == metrics.kind);
  CHECK(runs[1].run == "both");
  CHECK(runs[2].run == "fill");
  CHECK(runs[2].trigger == "backfill");
  catalog.pause(ingestion.id, "for the test");
  CHECK(catalog.asked_runs().size() == 1);
}

TEST_CASE(
    "a day that was asked for by name was called, also when it is done; a backfill calls none") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.ask("one", ingestion.id, {kDay}, "backfill");
  CHECK_FALSE(catalog.was_called(ingestion.id, kDay));
  catalog.ask("two", ingestion.id, {kDay.plus(1)}, "api");
  catalog.end_asked(catalog.asked(10).front().id, {});
  CHECK(catalog.was_called(ingestion.id, kDay.plus(1)));
  CHECK_FALSE(catalog.was_called(ingestion.id, kDay.plus(2)));
}

TEST_CASE("calls are done before backfills, each in the order in which they were asked") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.ask("fill", ingestion.id, {kDay}, "backfill");
  catalog.ask("fill", ingestion.id, {kDay.plus(1)}, "backfill");
  catalog.ask("call", ingestion.id, {kDay.plus(5)}, "api");
  catalog.ask("hand", ingestion.id, {kDay.plus(4)}, "manual");
  std::string order;
  for (const Asked& one : catalog.asked(10)) order += one.run + " " + one.day.text() + "; ";
  CHECK(order == "call 2013-01-06; hand 2013-01-05; fill 2013-01-01; fill 2013-01-02; ");
}

TEST_CASE("a day that is put off is not done before its time") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.ask("one", ingestion.id, {kDay}, "api");
  catalog.put_off_asked(catalog.asked(1).at(0).id, clock.now() + 30s);
  CHECK(catalog.asked(1).empty());
  CHECK(catalog.ask("two", ingestion.id, {kDay}, "api").front() == "one");
  clock.pass(31s);
  CHECK(catalog.asked(1).size() == 1);
}

TEST_CASE("what its run published already is known, so that nobody loads it twice after a kill") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.ask("one", ingestion.id, {kDay}, "api");
  load_day(catalog, ingestion, 5);  // By another run.
  CHECK(catalog.asked(1).at(0).published == "");
  const std::string load = load_for(catalog, ingestion, "one", 10);
  CHECK(catalog.asked(1).at(0).published == load);
}

TEST_CASE(
    "two hours count from rows that a call published, not from empty, failed or other loads") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_for(catalog, ingestion, "by hand", 10, "manual");
  load_for(catalog, ingestion, "empty", 0);
  const Lease lease =
      catalog.begin_load(ingestion.id, kDay, revision_of(ingestion.definition), "failed", "api");
  catalog.fail_load(lease, Attempt::Failed, Error(Fault::Unavailable, "unreachable", "gone"));
  CHECK_FALSE(catalog.last_called_publish(ingestion.id, kDay).has_value());
  const Instant before = clock.now();
  load_for(catalog, ingestion, "called", 10);
  const auto last = catalog.last_called_publish(ingestion.id, kDay);
  REQUIRE(last.has_value());
  CHECK(*last > before);
  CHECK_FALSE(catalog.last_called_publish(ingestion.id, kDay.plus(1)).has_value());
}

TEST_CASE("the steps of loads are told newest first, by dataset, ingestion and page") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Ingestion metrics = catalog.put_ingestion(delays());
  const Instant start = clock.now();
  catalog.ask("one", ingestion.id, {kDay}, "api");
  load_for(catalog, ingestion, "one", 10);
  catalog.ask("two", metrics.id, {kDay}, "backfill");
  catalog.end_asked(catalog.asked(9).back().id,
                    Error(Fault::Misconfigured, "secret_missing", "no $X"));
  StepFilter all{.at = {start, clock.now() + 1h}};
  const auto steps = catalog.steps(all);
  REQUIRE(steps.size() == 5);
  CHECK(steps[0].what == Step::What::Ended);
  CHECK(steps[0].error_code == "secret_missing");
  CHECK(steps[0].source == "delays");
  CHECK(steps[1].what == Step::What::Asked);
  CHECK(steps[2].what == Step::What::Ended);
  CHECK(steps[2].attempt == Attempt::Loaded);
  CHECK(steps[2].rows == 10);
  CHECK(steps[3].what == Step::What::Started);
  CHECK(steps[4].trigger == "api");
  all.dataset = Dataset::Metrics;
  CHECK(catalog.steps(all).size() == 2);
  all.dataset = {};
  all.ingestion = ingestion.id;
  CHECK(catalog.steps(all).size() == 3);
  all.limit = 1;
  all.skip = 2;
  CHECK(catalog.steps(all).at(0).what == Step::What::Asked);
  all.at = {start - 1h, start};
  CHECK(catalog.steps(all).empty());
}

TEST_CASE("a failed load keeps its error's code") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  catalog.fail_load(lease, Attempt::Failed, Error(Fault::Misconfigured, "sql_error", "no column"));
  const auto days = catalog.run_days("run-1");
  REQUIRE(days.size() == 1);
  CHECK(days[0].error_code == "sql_error");
  CHECK(days[0].error_text == "no column");
}

TEST_CASE("an answer is given again to the same key for 24 hours, and to no other") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  catalog.remember_answer("key", "name", {"digest", 202, "body"});
  REQUIRE(catalog.given_answer("key", "name").has_value());
  CHECK(catalog.given_answer("key", "name")->body == "body");
  CHECK_FALSE(catalog.given_answer("key2", "name").has_value());
  CHECK_FALSE(catalog.given_answer("key", "name2").has_value());
  clock.pass(24h);
  CHECK_FALSE(catalog.given_answer("key", "name").has_value());
  catalog.remember_answer("key", "name", {"other", 202, "again"});
  CHECK(catalog.given_answer("key", "name")->body == "again");
}

TEST_CASE("more days than the service will ever do are not asked for") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const DayRange range{kDay, kDay.plus(static_cast<int>(kAskedMost) - 1)};
  catalog.ask("r", ingestion.id, range.days(), "backfill");
  const auto one_more = [&] { catalog.ask("r", ingestion.id, {kDay.plus(-1)}, "api"); };
  CHECK(code_of(one_more) == "too_much_asked");
}

}  // namespace millrace::catalog
