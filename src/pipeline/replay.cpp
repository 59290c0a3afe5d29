#include "pipeline/replay.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/letters.h"
#include "base/log.h"
#include "pipeline/days.h"
#include "pipeline/judge.h"
#include "pipeline/mapping.h"
#include "pipeline/quarantine.h"
#include "pipeline/tell.h"
#include "pipeline/worker.h"

namespace millrace::pipeline {
namespace {

Error refusal(const std::string& code, const Ingestion& ingestion, Day day, const std::string& why,
              const std::string& verb) {
  return Error(Fault::Misconfigured, code,
               fmt::format("could not replay {} {}: {}", ingestion.handle, day.text(), why),
               fmt::format("Use `millrace {} {} --day {}`", verb, ingestion.handle, day.text()));
}

/// A row is kept with the columns that its mapping read; the mapping of today must do with them.
void require_columns(House& house, const Ingestion& ingestion, const Version& base) {
  const std::string file = house.store.objects().address(base.quarantine);
  engine::Database database =
      engine::Database::open({.allowed = {std::filesystem::path(file).parent_path().string()}});
  const std::vector<Column> columns = quarantined_columns(database, file, {});
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  for (const std::string& wanted : columns_of(ingestion.definition)) {
    const auto is_it = [&](const std::string& name) { return same_name(name, wanted); };
    if (std::ranges::any_of(names, is_it)) continue;
    throw Error(Fault::BadData, "not_replayable",
                fmt::format("could not replay {} {}: the rejected rows were kept without column "
                            "{}: the mapping of then read {}",
                            ingestion.handle, base.day.text(), wanted, fmt::join(names, ", ")),
                "Load the day again");
  }
  map_sql(ingestion.definition, quarantined_rows(file, columns), {base.day, {base.id}, {}},
          house.project.unit_types);
}

/// The version whose rejects are replayed. What is refused here leaves the day as it is.
Version base_of(House& house, const Ingestion& ingestion, Day day) {
  const auto state = house.catalog.day(ingestion.id, day);
  if (!state || state->current.empty()) {
    throw refusal("nothing_to_replay", ingestion, day, "the day was never loaded", "load");
  }
  if (state->flags & kHeld) {
    throw refusal("day_held", ingestion, day, "the day is held", "release");
  }
  Version version = house.catalog.version(state->current).value();
  if (version.quarantine.empty()) {
    throw refusal("nothing_to_replay", ingestion, day, "none of its rows was rejected",
                  "certificate");
  }
  if (!ingestion.definition.mapping.dedupe.empty()) {
    throw refusal("replay_needs_load", ingestion, day,
                  "`dedupe` needs all rows of the day, not only the rejected ones", "load");
  }
  require_quarantine(house, ingestion, version);
  require_columns(house, ingestion, version);
  return version;
}

DayOrder order_of(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                  const Version& base) {
  const Dataset dataset = ingestion.definition.dataset;
  const std::string table = house.store.layout().table(dataset) + "/";
  Replayed replayed;
  replayed.quarantine = house.store.objects().address(base.quarantine);
  for (const FileEntry& file : base.files) {
    replayed.files.push_back(house.store.objects().address(table + file.path));
  }
  replayed.certificate = base.certificate;
  DayOrder order;
  order.load = lease.load;
  order.day = lease.day;
  order.staging = house.store.stage(dataset, {lease.load}).front();
  order.replayed = std::move(replayed);
  return order;
}

Manifest mapped_again(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                      const Version& base, const OnProgress& progress, std::stop_token stop) {
  WorkOrder work = order_for(house, ingestion, Verb::Replay);
  work.settings.clear();  // No session, no secrets.
  work.days.push_back(order_of(house, ingestion, lease, base));
  const auto reply = [&](const json::Value& line) {
    if (progress && line.contains("progress")) progress(json::progress(line["progress"]));
  };
  return json::manifest(run_worker(work, reply, stop));
}

/// Of the rows that were rejected.
bool any_fits(const Certificate& replayed, const Certificate& before) {
  return replayed.loaded > before.loaded || replayed.excluded > before.excluded;
}

}  // namespace

DayOutcome replay(House& house, const Ingestion& ingestion, Day day, const OnProgress& progress,
                  std::stop_token stop) {
  const std::string where = fmt::format("replay of {} {}", ingestion.handle, day.text());
  const Version base = [&] {
    try {
      return base_of(house, ingestion, day);
    } catch (const Error& error) {
      throw error.at(where);
    }
  }();
  const catalog::Lease lease = house.catalog.begin_load(
      ingestion.id, day, revision_of(ingestion.definition), new_id(house.env), "replay");
  const auto leave_as_it_was = [&] {
    house.store.discard(ingestion.definition.dataset, lease.load);
    house.catalog.give_back(lease);
  };
  DayOutcome outcome;
  outcome.day = day;
  outcome.load = lease.load;
  outcome.attempt = Attempt::Loaded;
  try {
    if (lease.current != base.id) {
      throw Error(Fault::Conflict, "lost_lease", "the day's current version changed meanwhile",
                  "Try again");
    }
    const Manifest manifest = mapped_again(house, ingestion, lease, base, progress, stop);
    outcome.certificate = manifest.certificate;
    if (any_fits(manifest.certificate, base.certificate)) {
      publish_manifest(house, ingestion, lease, manifest, base);
    } else {
      outcome.load.clear();
    }
  } catch (const Error& error) {
    leave_as_it_was();
    throw error.at(where);
  }
  if (outcome.load.empty()) leave_as_it_was();
  try_to_tell_others(house);
  return outcome;
}

}  // namespace millrace::pipeline
