#include <doctest/doctest.h>

#include <map>

#include "catalog/fixture.h"
#include "catalog/record.h"

namespace millrace::catalog {
namespace {

using namespace fixture;
using namespace std::chrono_literals;

struct Told {
  Dataset dataset;
  std::int64_t seq;
  std::string record;
};

std::vector<Told> records_of(Catalog& catalog) {
  std::vector<Told> records;
  for (const Intent& intent : catalog.intents()) {
    if (intent.what == "publish_record") {
      records.push_back({intent.dataset, intent.seq, intent.record});
    }
  }
  return records;
}

std::string line_of(const DayRow& row) {
  const DayState& s = row.state;
  std::string line = s.day.text() + " " + s.current + " " + std::string(name_of(s.attempt));
  for (const std::string& text :
       {s.load, std::to_string(s.flags), s.held_load, s.hold_reason, s.error_code, s.error_text,
        std::to_string(row.rows), std::to_string(row.quarantined), row.revision, row.status,
        std::string(row.stale ? "stale" : ""), to_text(s.changed_at),
        row.loaded_at ? to_text(*row.loaded_at) : std::string()}) {
    line += " " + text;
  }
  return line;
}

/// Everything a person can ask a catalog about its ingestions and days, as text.
std::vector<std::string> picture(Catalog& catalog) {
  std::vector<std::string> lines;
  for (const Ingestion& i : catalog.ingestions(true)) {
    lines.push_back("ingestion " + i.id + " " + i.handle + " " + i.name + " " + i.connection + " " +
                    i.kind + " " + revision_of(i.definition) + " " + i.managed_by +
                    (i.archived ? " archived" : "") + " " + i.limits.max_rejected.text());
    for (const DayRow& row : catalog.days(i.id)) {
      lines.push_back(line_of(row));
      for (const Version& version : catalog.history(i.id, row.state.day)) {
        lines.push_back("version " + version.id + " after " + version.parent + " files " +
                        std::to_string(version.files.size()) + " sum " +
                        (version.fingerprint ? version.fingerprint->sum : "") + " at " +
                        to_text(version.published_at));
      }
      const auto token = catalog.known_token(i.id, row.state.day);
      lines.push_back("token " + (token ? token->text + " " + to_text(token->confirmed_at) : ""));
      const auto held = catalog.held_manifest(i.id, row.state.day);
      lines.push_back("held " + (held ? held->load + " " + held->files.at(0).path : ""));
    }
    for (const LedgerEntry& entry : catalog.ledger(i.id)) {
      lines.push_back("ledger " + entry.load + " " + std::to_string(entry.rows) + " " +
                      to_text(entry.at));
    }
  }
  for (const Dataset dataset : kDatasets) {
    const auto [seq, files] = catalog.current_files(dataset);
    lines.push_back(std::string(name_of(dataset)) + " " + std::to_string(seq));
    for (const FileEntry& file : files) lines.push_back("file " + file.path);
  }
  return lines;
}

/// A month in the life of a catalog: everything that a record can tell.
void live(Catalog& catalog, Clock& clock) {
  Project project;
  project.zone = Zone::named("UTC-8");
  catalog.set_project(project);
  Ingestion events = catalog.put_ingestion(flights());
  const Ingestion metrics = catalog.put_ingestion(delays());
  for (int day = 0; day < 3; ++day) load_day(catalog, events, 10 + day, kDay.plus(day));
  clock.pass(1h);
  load_day(catalog, events, 20);
  load_day(catalog, events, 0, kDay.plus(1));
  catalog.undo(events.id, kDay, "");
  const Lease held = begin(catalog, events, kDay.plus(2));
  catalog.hold_load(held, manifest_of(held, events, 1), "it shrank");
  const Ingestion before = events;
  events.definition.query += " where carrier = 'UA'";
  events.limits.max_rejected.percent = 30;
  events = catalog.put_ingestion(events);
  load_day(catalog, events, 7, kDay.plus(3));
  load_day(catalog, events, 8, kDay.plus(4));
  load_day(catalog, events, 9, kDay.plus(4));
  catalog.undo(events.id, kDay.plus(4), "");
  catalog.release(events.id, kDay.plus(4));
  Lease lease = begin(catalog, metrics);
  Version version = version_of(lease, metrics, 5);
  version.delivers = {{"delay", "carrier"}};
  catalog.publish(lease, version, kNotRepeatable, "carrier changes between reads");
  Ingestion gone = flights();
  gone.handle = gone.name = "gone";
  gone = catalog.put_ingestion(gone);
  load_day(catalog, gone, 3);
  catalog.remove_ingestion(gone.id);
  catalog.archive_ingestion(metrics.id);
}

}  // namespace

TEST_CASE("replayed records give the same ingestions, days, history, holds, tokens and ledger") {
  const Folder folder, other;
  Clock clock;
  Catalog lived({.path = folder.catalog()}, clock);
  live(lived, clock);
  const auto records = records_of(lived);
  CHECK(records.size() == 20);

  Catalog rebuilt({.path = other.catalog()}, clock);
  rebuilt.set_project(lived.project());
  for (const Told& told : records) rebuilt.replay(told.dataset, told.seq, told.record);
  CHECK(picture(rebuilt) == picture(lived));
  CHECK(rebuilt.unit_types_ever() == std::vector<std::string>{"tailnum", "carrier"});
}

TEST_CASE("datasets may be replayed one after the other, and twice") {
  const Folder folder, other;
  Clock clock;
  Catalog lived({.path = folder.catalog()}, clock);
  live(lived, clock);
  Catalog rebuilt({.path = other.catalog()}, clock);
  rebuilt.set_project(lived.project());
  for (int round = 0; round < 2; ++round) {
    for (const Dataset dataset : {Dataset::Metrics, Dataset::Events}) {
      for (const Told& told : records_of(lived)) {
        if (told.dataset == dataset) rebuilt.replay(told.dataset, told.seq, told.record);
      }
    }
  }
  CHECK(picture(rebuilt) == picture(lived));
}

TEST_CASE("a rebuilt catalog goes on: it accepts what was held, refuses doubles, knows its loads") {
  const Folder folder, other;
  Clock clock;
  Catalog lived({.path = folder.catalog()}, clock);
  live(lived, clock);
  Catalog rebuilt({.path = other.catalog()}, clock);
  for (const Told& told : records_of(lived)) rebuilt.replay(told.dataset, told.seq, told.record);

  const Ingestion events = rebuilt.ingestion("flights");
  const Lease lease = rebuilt.accept_load(events.id, kDay.plus(2));
  const Version version = version_of(lease, events, 1);
  CHECK(rebuilt.publish(lease, version, 0, "").seq == lived.highest_publish(Dataset::Events) + 1);
  CHECK(rebuilt.open_loads().empty());
  for (const Version& old : rebuilt.history(events.id, kDay)) CHECK(rebuilt.registered(old.id));
  CHECK(rebuilt.published_seq(rebuilt.history(events.id, kDay).at(0).id).has_value());

  const Ingestion revived = rebuilt.put_ingestion(delays());
  Ingestion second = delays();
  second.handle = second.name = "delays_too";
  second = rebuilt.put_ingestion(second);
  const Lease twice = begin(rebuilt, second);
  Version delivering = version_of(twice, second, 5);
  delivering.delivers = {{"delay", "carrier"}};
  CHECK(code_of([&] { rebuilt.publish(twice, delivering, 0, ""); }) == "metric_delivered_twice");
}

TEST_CASE("replaying owes one Delta commit a dataset and no publish record") {
  const Folder folder, other;
  Clock clock;
  Catalog lived({.path = folder.catalog()}, clock);
  live(lived, clock);
  Catalog rebuilt({.path = other.catalog()}, clock);
  for (const Told& told : records_of(lived)) rebuilt.replay(told.dataset, told.seq, told.record);
  std::map<Dataset, std::int64_t> owed;
  for (const Intent& intent : rebuilt.intents()) {
    CHECK(intent.what == "delta");
    CHECK(owed.emplace(intent.dataset, intent.seq).second);
  }
  CHECK(owed.size() == 2);
  CHECK(owed[Dataset::Events] == lived.highest_publish(Dataset::Events));
}

TEST_CASE("a record under a wrong number, or that cannot be read, is refused and changes nothing") {
  const Folder folder, other;
  Clock clock;
  Catalog lived({.path = folder.catalog()}, clock);
  lived.put_ingestion(flights());
  const Told told = records_of(lived).at(0);
  Catalog rebuilt({.path = other.catalog()}, clock);
  CHECK(code_of([&] { rebuilt.replay(told.dataset, 5, told.record); }) == "bad_record");
  CHECK(code_of([&] { rebuilt.replay(told.dataset, 1, "{"); }) == "bad_json");
  CHECK(code_of([&] { rebuilt.replay(told.dataset, 1, "{}"); }) == "bad_json");
  CHECK(rebuilt.ingestions().empty());
  CHECK(rebuilt.highest_publish(Dataset::Events) == 0);
}

TEST_CASE("a record read and written again is the same text") {
  const Folder folder;
  Clock clock;
  Catalog lived({.path = folder.catalog()}, clock);
  live(lived, clock);
  for (const Told& told : records_of(lived)) {
    CHECK(catalog::text_of(record_in(told.record)) == told.record);
  }
}

}  // namespace millrace::catalog
