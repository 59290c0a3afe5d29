#include "pipeline/replay.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "pipeline/days.h"
#include "pipeline/judge.h"
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

/// The version whose rejects are replayed.
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
  order.staging = house.store.stage(dataset, lease.load);
  order.replayed = std::move(replayed);
  return order;
}

Manifest replay_under(House& house, const Ingestion& ingestion, const catalog::Lease& lease,
                      const Version& base, const OnProgress& progress, std::stop_token stop) {
  WorkOrder work = order_for(house, ingestion, Verb::Replay);
  work.settings.clear();  // No session, no secrets.
  work.days.push_back(order_of(house, ingestion, lease, base));
  const auto reply = [&](const json::Value& line) {
    if (progress && line.contains("progress")) progress(json::progress(line["progress"]));
  };
  Manifest manifest = json::manifest(run_worker(work, reply, stop));
  publish_manifest(house, ingestion, lease, manifest, base);
  return manifest;
}

}  // namespace

DayOutcome replay(House& house, const Ingestion& ingestion, Day day, const OnProgress& progress,
                  std::stop_token stop) {
  const Version base = base_of(house, ingestion, day);
  const catalog::Lease lease = house.catalog.begin_load(
      ingestion.id, day, revision_of(ingestion.definition), new_id(house.env), "replay");
  DayOutcome outcome;
  try {
    if (lease.current != base.id) {
      throw Error(Fault::Conflict, "lost_lease", "the day's current version changed meanwhile",
                  "Try again");
    }
    const Manifest manifest = replay_under(house, ingestion, lease, base, progress, stop);
    outcome.certificate = manifest.certificate;
  } catch (const Error& error) {
    house.catalog.fail_load(lease, Attempt::Failed, error);
    house.store.discard(ingestion.definition.dataset, lease.load);
    throw error.at(fmt::format("replay of {} {}", ingestion.handle, day.text()));
  }
  try_to_tell_others(house);
  outcome.day = day;
  outcome.load = lease.load;
  outcome.attempt = Attempt::Loaded;
  return outcome;
}

}  // namespace millrace::pipeline
