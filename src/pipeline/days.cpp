#include "pipeline/days.h"

#include <fmt/format.h>

#include "pipeline/judge.h"
#include "pipeline/tell.h"

namespace millrace::pipeline {
namespace {

DayState known_day(House& house, const Ingestion& ingestion, Day day) {
  const auto state = house.catalog.day(ingestion.id, day);
  if (state) return *state;
  throw Error(
      Fault::Misconfigured, "unknown_day",
      fmt::format("{} has never been loaded for {}", ingestion.handle, day.text()),
      fmt::format("Load it with `millrace load {} --day {}`", ingestion.handle, day.text()));
}

/// What the current version replaced. Not the newest before it: that one may have been taken back.
std::string version_before(House& house, const Ingestion& ingestion, const DayState& state) {
  const auto current = house.catalog.version(state.current);
  if (current && !current->parent.empty()) return current->parent;
  throw Error(
      Fault::Misconfigured, "nothing_to_undo",
      fmt::format("{} of {} has no older version", state.day.text(), ingestion.handle),
      fmt::format("See `millrace history {} --day {}`", ingestion.handle, state.day.text()));
}

void require_files(House& house, const Ingestion& ingestion, const Version& version) {
  const std::string table = house.store.layout().table(ingestion.definition.dataset);
  for (const FileEntry& file : version.files) {
    if (house.store.objects().exists(table + "/" + file.path)) continue;
    throw Error(Fault::BadData, "version_gone",
                fmt::format("version {} of {} is gone: its file {} was deleted", version.id,
                            version.day.text(), file.path),
                fmt::format("Load the day again with `millrace load {} --day {}`", ingestion.handle,
                            version.day.text()));
  }
}

}  // namespace

DayOutcome accept(House& house, const Ingestion& ingestion, Day day) {
  const DayState state = known_day(house, ingestion, day);
  const Dataset dataset = ingestion.definition.dataset;
  const auto manifest =
      state.held_load.empty() ? std::nullopt : house.store.sealed(dataset, state.held_load);
  if (!manifest) {
    throw Error(
        Fault::Misconfigured, "nothing_held",
        fmt::format("no load of {} waits for {}", ingestion.handle, day.text()),
        fmt::format("Load it with `millrace load {} --day {}`", ingestion.handle, day.text()));
  }
  const catalog::Lease lease = house.catalog.accept_load(ingestion.id, day);
  try {
    publish_manifest(house, ingestion, lease, *manifest);
  } catch (const Error& error) {
    house.catalog.fail_load(lease, Attempt::Failed, error);
    throw;
  }
  try_to_tell_others(house);
  DayOutcome outcome;
  outcome.day = day;
  outcome.load = manifest->load;
  outcome.certificate = manifest->certificate;
  outcome.attempt = manifest->certificate.output_rows > 0 ? Attempt::Loaded : Attempt::Empty;
  return outcome;
}

void undo(House& house, const Ingestion& ingestion, Day day, const std::string& to) {
  const DayState state = known_day(house, ingestion, day);
  const std::string target = to.empty() ? version_before(house, ingestion, state) : to;
  const auto version = house.catalog.version(target);
  if (!version || version->ingestion != ingestion.id || version->day != day) {
    throw Error(Fault::Misconfigured, "unknown_version",
                fmt::format("{} is no version of {} {}", target, ingestion.handle, day.text()),
                fmt::format("See `millrace history {} --day {}`", ingestion.handle, day.text()));
  }
  require_files(house, ingestion, *version);
  house.catalog.undo(ingestion.id, day, target);
  try_to_tell_others(house);
}

void release(House& house, const Ingestion& ingestion, Day day) {
  const DayState state = known_day(house, ingestion, day);
  house.catalog.release(ingestion.id, day);
  if (!state.held_load.empty()) {
    house.store.discard(ingestion.definition.dataset, state.held_load);
  }
  try_to_tell_others(house);
}

std::optional<std::string> quarantine_file(House& house, const Ingestion& ingestion, Day day) {
  const DayState state = known_day(house, ingestion, day);
  const Dataset dataset = ingestion.definition.dataset;
  const bool last_waits = state.attempt == Attempt::Rejected || state.load == state.held_load;
  if (last_waits && !state.load.empty()) {
    const auto manifest = house.store.sealed(dataset, state.load);
    if (manifest && !manifest->quarantine.empty()) {
      const store::Layout& layout = house.store.layout();
      const std::string staged = layout.staging(dataset, state.load) + "/" + manifest->quarantine;
      // An accept that failed may have settled it already.
      const std::string settled = layout.quarantine(dataset, ingestion.id, day, state.load);
      store::Objects& objects = house.store.objects();
      return objects.address(objects.exists(staged) ? staged : settled);
    }
  }
  const auto version = state.current.empty() ? std::nullopt : house.catalog.version(state.current);
  if (!version || version->quarantine.empty()) return {};
  require_quarantine(house, ingestion, *version);
  return house.store.objects().address(version->quarantine);
}

void require_quarantine(House& house, const Ingestion& ingestion, const Version& version) {
  if (house.store.objects().exists(version.quarantine)) return;
  throw Error(
      Fault::Misconfigured, "quarantine_swept",
      fmt::format("the {} rejected rows of {} {} are gone: a sweep removes them when they "
                  "are older than `quarantine_days` of [retention]",
                  version.certificate.rejected + version.certificate.partly_loaded,
                  ingestion.handle, version.day.text()),
      fmt::format("Their counts by reason stay: `millrace certificate {0} --day {1}`; to see "
                  "them again, load the day: `millrace load {0} --day {1}`",
                  ingestion.handle, version.day.text()));
}

}  // namespace millrace::pipeline
