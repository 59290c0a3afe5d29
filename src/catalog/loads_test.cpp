#include <doctest/doctest.h>

#include <sys/wait.h>

#include "catalog/database.h"
#include "catalog/fixture.h"

namespace millrace::catalog {

using namespace fixture;

TEST_CASE("a load is registered, with its holder, before anything is read") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  CHECK(lease.current == "");
  CHECK(catalog.registered(lease.load));
  const auto load = catalog.load(lease.load);
  REQUIRE(load.has_value());
  CHECK(load->ingestion == ingestion.id);
  CHECK(load->day == kDay);
  CHECK(load->run == "run-1");
  CHECK(load->trigger == "manual");
  CHECK(load->holder == this_process());
  CHECK_FALSE(load->closed_at.has_value());
  CHECK(catalog.day(ingestion.id, kDay)->attempt == Attempt::Loading);
  CHECK(catalog.open_loads().size() == 1);
}

TEST_CASE("of two loads of one day one wins, and the other is told who has it and since when") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  Catalog other({.path = folder.catalog()}, clock);
  const auto second = [&] { begin(other, ingestion); };
  CHECK(code_of(second) == "day_busy");
  const std::string text = text_of(second);
  CHECK(text.find("flights 2013-01-01") != std::string::npos);
  CHECK(text.find("process " + std::to_string(::getpid()) + " on " + this_process().host) !=
        std::string::npos);
  CHECK(text.find("since 2026-11-24T09:30:00") != std::string::npos);
  CHECK(text.find(lease.load) != std::string::npos);
  CHECK(other.open_loads().size() == 1);
  CHECK(begin(other, ingestion, kDay.plus(1)).day == kDay.plus(1));
}

TEST_CASE("a load that came to nothing is given back: the day shows what it showed") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease first = begin(catalog, ingestion);
  catalog.give_back(first);
  CHECK_FALSE(catalog.day(ingestion.id, kDay).has_value());
  CHECK_FALSE(catalog.registered(first.load));

  const Lease failed = begin(catalog, ingestion);
  catalog.fail_load(failed, Attempt::Failed, Error(Fault::Unavailable, "gone", "it was gone"));
  const Lease again = begin(catalog, ingestion);
  CHECK(catalog.day(ingestion.id, kDay)->error_text.empty());
  catalog.give_back(again);
  const auto state = catalog.day(ingestion.id, kDay).value();
  CHECK(state.attempt == Attempt::Failed);
  CHECK(state.load == failed.load);
  CHECK(state.error_text == "it was gone");
  catalog.give_back(again);
  CHECK(catalog.registered(failed.load));

  const std::string version = load_day(catalog, ingestion, 5);
  catalog.give_back(begin(catalog, ingestion));
  CHECK(catalog.day(ingestion.id, kDay)->attempt == Attempt::Loaded);
  CHECK(catalog.day(ingestion.id, kDay)->current == version);
}

TEST_CASE("the lease of a process that died is taken over at once, and its load closed") {
  const Folder folder;
  Clock clock;
  Ingestion ingestion;
  {
    Catalog catalog({.path = folder.catalog()}, clock);
    ingestion = catalog.put_ingestion(flights());
  }
  CHECK(in_child([&] {
          Catalog catalog({.path = folder.catalog()}, real_env());
          begin(catalog, ingestion);
          ::_exit(0);
        }) == 0);
  Catalog catalog({.path = folder.catalog()}, clock);
  const std::string dead = catalog.open_loads().at(0).id;
  const Lease lease = begin(catalog, ingestion);
  CHECK(lease.load != dead);
  CHECK(catalog.load(dead)->closed_at.has_value());
  CHECK(catalog.load(dead)->attempt == Attempt::Failed);
  CHECK(catalog.load(dead)->error_text.find("ended while it loaded the day") != std::string::npos);
  CHECK(catalog.day(ingestion.id, kDay)->attempt == Attempt::Loading);
  CHECK(catalog.publish(lease, version_of(lease, ingestion, 5), 0, "").seq == 2);
}

TEST_CASE("closing dead loads returns them once and shows the failure on the day") {
  const Folder folder;
  Clock clock;
  Ingestion ingestion;
  {
    Catalog catalog({.path = folder.catalog()}, clock);
    ingestion = catalog.put_ingestion(flights());
  }
  CHECK(in_child([&] {
          Catalog catalog({.path = folder.catalog()}, real_env());
          begin(catalog, ingestion);
          ::_exit(0);
        }) == 0);
  Catalog catalog({.path = folder.catalog()}, clock);
  const Lease living = begin(catalog, ingestion, kDay.plus(1));
  const auto closed = catalog.close_dead_loads();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].day == kDay);
  CHECK(catalog.close_dead_loads().empty());
  const auto state = catalog.day(ingestion.id, kDay);
  CHECK(state->attempt == Attempt::Failed);
  CHECK(state->error_code == "process_died");
  CHECK(catalog.open_loads().at(0).id == living.load);
}

TEST_CASE("a day whose load dies a second time says so, until one ends otherwise") {
  const Folder folder;
  Clock clock;
  Ingestion ingestion;
  {
    Catalog catalog({.path = folder.catalog()}, clock);
    ingestion = catalog.put_ingestion(flights());
  }
  const auto code_after_death = [&] {
    CHECK(in_child([&] {
            Catalog catalog({.path = folder.catalog()}, real_env());
            begin(catalog, ingestion);
            ::_exit(0);
          }) == 0);
    Catalog catalog({.path = folder.catalog()}, clock);
    catalog.close_dead_loads();
    return catalog.day(ingestion.id, kDay)->error_code;
  };
  CHECK(code_after_death() == kProcessDied);
  CHECK(code_after_death() == kProcessDiedAgain);
  CHECK(code_after_death() == kProcessDiedAgain);
  {
    Catalog catalog({.path = folder.catalog()}, real_env());
    catalog.fail_load(begin(catalog, ingestion), Attempt::Failed,
                      Error(Fault::Unavailable, "unreachable", "gone"));
  }
  CHECK(code_after_death() == kProcessDied);
}

TEST_CASE("a lease on another machine is respected until its holder was silent for too long") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease elsewhere = begin(catalog, ingestion);
  const auto move_to = [&](const std::string& host) {
    Database database({.path = folder.catalog()}, clock);
    database.run("UPDATE load SET host = :host", {host});
  };
  move_to("db2");
  clock.pass(kLeaseLasts - std::chrono::minutes(1));
  const auto take_over = [&] { return begin(catalog, ingestion); };
  CHECK(code_of(take_over) == "day_busy");
  CHECK(catalog.close_dead_loads().empty());

  move_to(this_process().host);
  catalog.renew_leases({elsewhere.load});
  move_to("db2");
  clock.pass(kLeaseLasts - std::chrono::minutes(1));
  CHECK(code_of(take_over) == "day_busy");
  clock.pass(std::chrono::minutes(2));
  const Lease here = take_over();
  CHECK(catalog.load(elsewhere.load)->error_text.find("process ") == 0);
  CHECK(catalog.load(elsewhere.load)->error_text.find("on db2 has given no sign of life since ") !=
        std::string::npos);
  CHECK(code_of([&] { catalog.publish(elsewhere, version_of(elsewhere, ingestion, 9), 0, ""); }) ==
        "lost_lease");
  CHECK_NOTHROW(catalog.publish(here, version_of(here, ingestion, 10), 0, ""));
}

TEST_CASE("a load that its own process could not close is given up by it when it stays silent") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease unclosed = begin(catalog, ingestion);
  clock.pass(kLeaseLasts - std::chrono::minutes(1));
  CHECK(code_of([&] { begin(catalog, ingestion); }) == "day_busy");
  catalog.renew_leases({unclosed.load});
  clock.pass(kLeaseLasts - std::chrono::minutes(1));
  CHECK(catalog.close_dead_loads().empty());
  clock.pass(std::chrono::minutes(2));
  CHECK(begin(catalog, ingestion).load != unclosed.load);
}

TEST_CASE("a load is renewed only by the process that holds it") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  const Instant begun = catalog.load(lease.load)->renewed_at;
  {
    Database database({.path = folder.catalog()}, clock);
    database.run("UPDATE load SET process_start = process_start + 1");
  }
  catalog.renew_leases({lease.load});
  CHECK(catalog.load(lease.load)->renewed_at == begun);
}

TEST_CASE("a failed load says why, frees the day and leaves the current version") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string version = load_day(catalog, ingestion, 10);
  const Lease lease = begin(catalog, ingestion);
  catalog.fail_load(
      lease, Attempt::Rejected,
      Error(Fault::BadData, "too_many_rejected", "40 of 50 rows were rejected", "Look at them"));
  const auto state = catalog.day(ingestion.id, kDay);
  CHECK(state->current == version);
  CHECK(state->attempt == Attempt::Rejected);
  CHECK(state->load == lease.load);
  CHECK(state->error_code == "too_many_rejected");
  CHECK(state->error_text == "40 of 50 rows were rejected");
  CHECK(state->error_advice == "Look at them");
  CHECK(catalog.load(lease.load)->error_text == "40 of 50 rows were rejected");
  CHECK(catalog.days(ingestion.id).at(0).status == "failed");
  CHECK(begin(catalog, ingestion).current == version);
  CHECK(catalog.day(ingestion.id, kDay)->error_code == "");
}

TEST_CASE("failing a load whose lease was lost changes nothing") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  Lease stale = begin(catalog, ingestion);
  stale.token = "of another life";
  catalog.fail_load(stale, Attempt::Failed, Error(Fault::Unavailable, "gone", "gone"));
  CHECK(catalog.day(ingestion.id, kDay)->attempt == Attempt::Loading);
  CHECK(catalog.open_loads().size() == 1);
}

TEST_CASE("a held load waits with its manifest until it is accepted under the same id") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string before = load_day(catalog, ingestion, 100);
  const Lease lease = begin(catalog, ingestion);
  const Manifest manifest = manifest_of(lease, ingestion, 20);
  catalog.hold_load(lease, manifest, "the day shrank from 100 to 20 rows");

  auto state = catalog.day(ingestion.id, kDay);
  CHECK(state->current == before);
  CHECK((state->flags & kHeld) != 0);
  CHECK(state->held_load == lease.load);
  CHECK(state->hold_reason == "the day shrank from 100 to 20 rows");
  CHECK(catalog.days(ingestion.id).at(0).status == "held");
  CHECK(catalog.held_manifest(ingestion.id, kDay)->files == manifest.files);

  const Lease accepted = catalog.accept_load(ingestion.id, kDay);
  CHECK(accepted.load == lease.load);
  CHECK(accepted.token != lease.token);
  catalog.publish(accepted, version_of(accepted, ingestion, 20), 0, "");
  state = catalog.day(ingestion.id, kDay);
  CHECK(state->current == lease.load);
  CHECK(state->flags == 0);
  CHECK(state->held_load == "");
  CHECK_FALSE(catalog.held_manifest(ingestion.id, kDay).has_value());
}

TEST_CASE("accepting where nothing waits is refused") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 100);
  CHECK(code_of([&] { catalog.accept_load(ingestion.id, kDay); }) == "nothing_held");
}

TEST_CASE("a held load survives an accept that fails and one whose process dies") {
  const Folder folder;
  Clock clock;
  Ingestion ingestion;
  std::string held;
  {
    Catalog catalog({.path = folder.catalog()}, clock);
    ingestion = catalog.put_ingestion(flights());
    const Lease lease = begin(catalog, ingestion);
    held = lease.load;
    catalog.hold_load(lease, manifest_of(lease, ingestion, 20), "look at it");
    const Lease accepted = catalog.accept_load(ingestion.id, kDay);
    catalog.fail_load(accepted, Attempt::Failed, Error(Fault::Unavailable, "disk_full", "full"));
    CHECK(catalog.days(ingestion.id).at(0).status == "held");
  }
  CHECK(in_child([&] {
          Catalog catalog({.path = folder.catalog()}, real_env());
          catalog.accept_load(ingestion.id, kDay);
          ::_exit(0);
        }) == 0);
  Catalog catalog({.path = folder.catalog()}, clock);
  CHECK(catalog.close_dead_loads().empty());
  CHECK(catalog.garbage(std::chrono::seconds(0)).empty());
  CHECK(catalog.days(ingestion.id).at(0).status == "held");
  CHECK(catalog.accept_load(ingestion.id, kDay).load == held);
}

}  // namespace millrace::catalog
