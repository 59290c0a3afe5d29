#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "catalog/fixture.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

using namespace fixture;

Version metrics_version(const Lease& lease, const Ingestion& ingestion) {
  Version version = version_of(lease, ingestion, 10);
  version.delivers = {{"delay", "carrier"}, {"delay", "tailnum"}};
  return version;
}

}  // namespace

TEST_CASE("a published version is current, with its files, certificate and fingerprint") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  Version put = version_of(lease, ingestion, 842);
  put.certificate.partly_loaded = 7;
  const Published published = catalog.publish(lease, put, kMovedDuringRead, "a note");
  CHECK(published.seq == 2);
  CHECK(published.dataset == Dataset::Events);

  const auto state = catalog.day(ingestion.id, kDay);
  CHECK(state->current == lease.load);
  CHECK(state->attempt == Attempt::Loaded);
  CHECK(state->flags == kMovedDuringRead);
  const auto got = catalog.version(lease.load);
  REQUIRE(got.has_value());
  CHECK(got->files == put.files);
  CHECK(got->certificate.rejected_by_reason == Reasons{{"no_id", 3}});
  CHECK(got->fingerprint == put.fingerprint);
  CHECK(got->token == "lsn:842");
  CHECK(got->parent == "");
  CHECK(got->published_at > instant_from_text("2026-11-24T09:30:00.000000Z"));
  const auto row = catalog.days(ingestion.id).at(0);
  CHECK(row.rows == 842);
  CHECK(row.quarantined == 3);
  CHECK(row.partly_loaded == 7);
  CHECK(row.status == "succeeded");
  CHECK(row.loaded_at == got->published_at);
  CHECK(row.revision == put.revision);
}

TEST_CASE("a day without rows succeeds without data") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 0);
  CHECK(catalog.day(ingestion.id, kDay)->attempt == Attempt::Empty);
  CHECK(catalog.days(ingestion.id).at(0).status == "succeeded, no data");
  CHECK(catalog.current_files(Dataset::Events).second.empty());
}

TEST_CASE("publishing the same load twice is the same result, told or not") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  const Version version = version_of(lease, ingestion, 10);
  CHECK_FALSE(catalog.published_seq(lease.load).has_value());
  const Published first = catalog.publish(lease, version, 0, "");
  const Published second = catalog.publish(lease, version, 0, "");
  CHECK(second.seq == first.seq);
  CHECK(second.record == first.record);
  CHECK(catalog.published_seq(lease.load) == first.seq);
  catalog.confirm(catalog.intents());
  CHECK(catalog.publish(lease, version, 0, "").seq == first.seq);
  CHECK(catalog.history(ingestion.id, kDay).size() == 1);
  CHECK(catalog.ledger(ingestion.id).size() == 1);
  CHECK(catalog.intents().empty());
}

TEST_CASE("a publish on top of a version that is no longer current changes nothing") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  load_day(catalog, ingestion, 11);
  const Lease lease = begin(catalog, ingestion);
  catalog.undo(ingestion.id, kDay, first);
  const auto publish = [&] { catalog.publish(lease, version_of(lease, ingestion, 12), 0, ""); };
  const std::int64_t seq = catalog.highest_publish(Dataset::Events);
  CHECK(code_of(publish) == "lost_lease");
  CHECK(text_of(publish).find("current version changed meanwhile") != std::string::npos);
  CHECK(catalog.day(ingestion.id, kDay)->current == first);
  CHECK(catalog.highest_publish(Dataset::Events) == seq);
  CHECK(catalog.history(ingestion.id, kDay).size() == 2);
  CHECK(catalog.ledger(ingestion.id).size() == 2);
}

TEST_CASE("a publish without the lease changes nothing") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  Lease lease = begin(catalog, ingestion);
  lease.token = "of another life";
  const auto publish = [&] { catalog.publish(lease, version_of(lease, ingestion, 12), 0, ""); };
  CHECK(code_of(publish) == "lost_lease");
  CHECK(text_of(publish).find("another process has taken the day over") != std::string::npos);
  CHECK(catalog.day(ingestion.id, kDay)->current == "");
  CHECK(catalog.highest_publish(Dataset::Events) == 1);
}

TEST_CASE("a reload names its parent and both stay in the history, newest first") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const std::string second = load_day(catalog, ingestion, 11);
  const auto history = catalog.history(ingestion.id, kDay);
  REQUIRE(history.size() == 2);
  CHECK(history[0].id == second);
  CHECK(history[0].parent == first);
  CHECK(history[1].id == first);
  CHECK(history[1].files.size() == 1);
}

TEST_CASE("the current files of a dataset are those of current versions, as of one sequence") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion events = catalog.put_ingestion(flights());
  const Ingestion metrics = catalog.put_ingestion(delays());
  load_day(catalog, events, 10);
  const std::string current = load_day(catalog, events, 11);
  load_day(catalog, metrics, 99);
  const auto [seq, files] = catalog.current_files(Dataset::Events);
  CHECK(seq == 3);
  REQUIRE(files.size() == 1);
  CHECK(files[0].path.find(current) != std::string::npos);
  CHECK(files[0].rows == 11);
  CHECK(files[0].stats == R"({"numRecords":11})");
}

TEST_CASE("each published load is billed once, also when it replaces another") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  load_day(catalog, ingestion, 10);
  load_day(catalog, ingestion, 11);
  const auto entries = catalog.ledger(ingestion.id);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].rows == 10);
  CHECK(entries[1].rows == 11);
  CHECK(entries[1].day == kDay);
}

TEST_CASE("a version that keeps its parent's files is billed for its own only") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const Lease lease = begin(catalog, ingestion);
  Version version = version_of(lease, ingestion, 3);
  version.kind = VersionKind::Append;
  version.files.insert(version.files.begin(), catalog.version(first)->files[0]);
  catalog.publish(lease, version, 0, "");
  CHECK(catalog.ledger(ingestion.id).at(1).rows == 3);
  CHECK(catalog.days(ingestion.id).at(0).rows == 13);
}

TEST_CASE("what follows a publish is owed, in the same transaction, until it is confirmed") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  catalog.confirm(catalog.intents());
  const Lease lease = begin(catalog, ingestion);
  const Published published = catalog.publish(lease, version_of(lease, ingestion, 10), 0, "");
  const auto intents = catalog.intents();
  REQUIRE(intents.size() == 2);
  CHECK(intents[0].what == "publish_record");
  CHECK(intents[0].seq == published.seq);
  CHECK(intents[0].record == published.record);
  CHECK(intents[1].what == "delta");
  CHECK(intents[1].dataset == Dataset::Events);
  catalog.confirm({&intents[0], 1});
  CHECK(catalog.intents().size() == 1);
}

TEST_CASE("each dataset counts its publishes by itself") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion events = catalog.put_ingestion(flights());
  const Ingestion metrics = catalog.put_ingestion(delays());
  load_day(catalog, events, 10);
  load_day(catalog, events, 10, kDay.plus(1));
  load_day(catalog, metrics, 10);
  CHECK(catalog.highest_publish(Dataset::Events) == 3);
  CHECK(catalog.highest_publish(Dataset::Metrics) == 2);
  CHECK(catalog.highest_publish(Dataset::Exposures) == 0);
}

TEST_CASE("a publish record holds the whole definition, and no setting of a connection") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  catalog.put_connection({"warehouse", "files", {{"secret_key", "env:HUSH"}}, "api"});
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease lease = begin(catalog, ingestion);
  const Published published = catalog.publish(lease, version_of(lease, ingestion, 10), 0, "why");
  CHECK(published.record.find("HUSH") == std::string::npos);
  const json::Value record = json::parse(published.record, "record");
  CHECK(record["what"] == "publish");
  CHECK(record["seq"] == 2);
  CHECK(record["note"] == "why");
  CHECK(record["ingestion"]["connection"] == "warehouse");
  CHECK(record["ingestion"]["kind"] == "files");
  CHECK(json::definition(record["ingestion"]["definition"]) == ingestion.definition);
  CHECK(record["version"]["files"].size() == 1);
  CHECK(record["ledger"]["rows"] == 10);
  CHECK(record["state"]["current"] == lease.load);
}

TEST_CASE("a metric that another ingestion delivers for the day is a Conflict naming both") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion first = catalog.put_ingestion(delays());
  Ingestion second = delays();
  second.handle = second.name = "delays_too";
  second = catalog.put_ingestion(second);
  const Lease one = begin(catalog, first);
  catalog.publish(one, metrics_version(one, first), 0, "");
  const Lease two = begin(catalog, second);
  const auto publish = [&] { catalog.publish(two, metrics_version(two, second), 0, ""); };
  CHECK(code_of(publish) == "metric_delivered_twice");
  CHECK(text_of(publish) ==
        "could not publish delays_too 2013-01-01: metric delay per carrier of this day is "
        "already delivered by delays");
  CHECK(catalog.day(second.id, kDay)->current == "");

  const Lease next_day = begin(catalog, second, kDay.plus(1));
  CHECK_NOTHROW(catalog.publish(next_day, metrics_version(next_day, second), 0, ""));
  const Lease again = begin(catalog, first);
  CHECK_NOTHROW(catalog.publish(again, metrics_version(again, first), 0, ""));
}

TEST_CASE("a metric is free again once the other ingestion's day no longer delivers it") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion first = catalog.put_ingestion(delays());
  Ingestion second = delays();
  second.handle = second.name = "delays_too";
  second = catalog.put_ingestion(second);
  Lease one = begin(catalog, first);
  catalog.publish(one, metrics_version(one, first), 0, "");
  load_day(catalog, first, 10);  // Delivers no metric any more.
  const Lease two = begin(catalog, second);
  CHECK_NOTHROW(catalog.publish(two, metrics_version(two, second), 0, ""));
  CHECK(code_of([&] { catalog.undo(first.id, kDay, one.load); }) == "metric_delivered_twice");

  SUBCASE("or it was removed with its data") {
    catalog.remove_ingestion(second.id);
    CHECK_NOTHROW(catalog.undo(first.id, kDay, one.load));
  }
}

TEST_CASE(
    "a removed ingestion whose days are kept still delivers its metrics, and says the way out") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion first = catalog.put_ingestion(delays());
  Ingestion second = delays();
  second.handle = second.name = "delays_too";
  second = catalog.put_ingestion(second);
  const Lease one = begin(catalog, first);
  catalog.publish(one, metrics_version(one, first), 0, "");
  catalog.archive_ingestion(first.id);
  const Lease two = begin(catalog, second);
  std::optional<Error> refused;
  try {
    catalog.publish(two, metrics_version(two, second), 0, "");
  } catch (const Error& error) {
    refused = error;
  }
  REQUIRE(refused);
  CHECK(refused->code == "metric_delivered_twice");
  CHECK(std::string(refused->what()) ==
        "could not publish delays_too 2013-01-01: metric delay per carrier of this day is "
        "already delivered by files/metrics/delays, which was removed but kept its days");
  CHECK(refused->advice ==
        "Remove those days with `millrace ingestion remove "
        "files/metrics/delays --with-data`, or drop the metric from the query");

  catalog.remove_ingestion(first.id);
  CHECK_NOTHROW(catalog.publish(two, metrics_version(two, second), 0, ""));
}

TEST_CASE("undo brings the replaced version back and holds the day until release") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const std::string second = load_day(catalog, ingestion, 11);
  catalog.undo(ingestion.id, kDay, "");
  auto state = catalog.day(ingestion.id, kDay);
  CHECK(state->current == first);
  CHECK(state->flags == kHeld);
  CHECK(state->hold_reason == "version " + second + " was taken back");
  CHECK(catalog.current_files(Dataset::Events).second.at(0).rows == 10);
  CHECK(catalog.history(ingestion.id, kDay).size() == 2);
  CHECK(catalog.known_token(ingestion.id, kDay)->text == "lsn:10");

  catalog.release(ingestion.id, kDay);
  state = catalog.day(ingestion.id, kDay);
  CHECK(state->flags == 0);
  CHECK(state->hold_reason == "");
  CHECK(state->current == first);
  CHECK(code_of([&] { catalog.release(ingestion.id, kDay); }) == "not_held");
}

TEST_CASE("undo after an undo and a reload goes to what the reload replaced") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string first = load_day(catalog, ingestion, 10);
  const std::string second = load_day(catalog, ingestion, 11);
  catalog.undo(ingestion.id, kDay, "");
  load_day(catalog, ingestion, 12);
  CHECK(catalog.day(ingestion.id, kDay)->flags == 0);
  catalog.undo(ingestion.id, kDay, "");
  CHECK(catalog.day(ingestion.id, kDay)->current == first);
  catalog.undo(ingestion.id, kDay, second);
  CHECK(catalog.day(ingestion.id, kDay)->current == second);
}

TEST_CASE("undo without an older version, or to another day's, is refused") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const std::string only = load_day(catalog, ingestion, 10);
  const std::string elsewhere = load_day(catalog, ingestion, 10, kDay.plus(1));
  CHECK(code_of([&] { catalog.undo(ingestion.id, kDay, ""); }) == "nothing_to_undo");
  CHECK(code_of([&] { catalog.undo(ingestion.id, kDay, only); }) == "nothing_to_undo");
  CHECK(code_of([&] { catalog.undo(ingestion.id, kDay, elsewhere); }) == "unknown_version");
  CHECK(code_of([&] { catalog.undo(ingestion.id, kDay.plus(9), ""); }) == "unknown_day");
}

TEST_CASE("a version's own flags come back with it") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  const Ingestion ingestion = catalog.put_ingestion(flights());
  const Lease moved = begin(catalog, ingestion);
  catalog.publish(moved, version_of(moved, ingestion, 10), kMovedDuringRead, "");
  load_day(catalog, ingestion, 11);
  CHECK(catalog.day(ingestion.id, kDay)->flags == 0);
  catalog.undo(ingestion.id, kDay, "");
  CHECK(catalog.day(ingestion.id, kDay)->flags == (kMovedDuringRead | kHeld));
}

TEST_CASE("a held load is accepted although the definition has changed since") {
  const Folder folder;
  Clock clock;
  Catalog catalog({.path = folder.catalog()}, clock);
  Ingestion ingestion = catalog.put_ingestion(flights());
  const Ingestion before = ingestion;
  const Lease lease = begin(catalog, ingestion);
  catalog.hold_load(lease, manifest_of(lease, ingestion, 20), "look at it");
  ingestion.definition.query += " limit 5";
  catalog.put_ingestion(ingestion);
  const Lease accepted = catalog.accept_load(ingestion.id, kDay);
  const auto published = catalog.publish(accepted, version_of(accepted, before, 20), 0, "");
  CHECK(catalog.days(ingestion.id).at(0).stale);
  const json::Value record = json::parse(published.record, "record");
  CHECK(json::definition(record["definition"]) == before.definition);
}

}  // namespace millrace::catalog
