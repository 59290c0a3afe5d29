#include <algorithm>

#include <fmt/format.h>

#include "catalog/record.h"
#include "catalog/session.h"
#include "model/alert.h"

namespace millrace::catalog {
namespace {

/// The fence: only who holds the day's lease, on top of the version that it started from, passes.
void give_up_lease(Session& session, const Lease& lease) {
  const auto freed = session.db.run(
      R"(UPDATE day SET lease_load = '', lease_token = ''
         WHERE project_id = :project AND ingestion = :ingestion AND day = :day
           AND lease_token = :token AND COALESCE(current, '') = :current)",
      {session.project, lease.ingestion, lease.day, lease.token, lease.current});
  if (freed > 0) return;
  const auto state = find_day(session, lease.ingestion, lease.day);
  throw Error(Fault::Conflict, "lost_lease",
              fmt::format("could not publish load {} of {} {}: {}", lease.load,
                          handle_of(session, lease.ingestion), lease.day.text(),
                          state && state->current != lease.current
                              ? "the day's current version changed meanwhile"
                              : "another process has taken the day over"),
              "Look at the day, and load it again if it is not what you want");
}

/// What the record of an earlier, equal call said; its text is kept only until it was told.
Published published_before(Session& session, Dataset dataset, std::int64_t seq) {
  Published published{seq, dataset, {}};
  session.db.one(R"(SELECT record FROM intent WHERE project_id = :project AND dataset = :dataset
                    AND seq = :seq AND what = 'publish_record')",
                 {session.project, name_of(dataset), seq}, published.record);
  return published;
}

Ingestion ingestion_of(Session& session, const std::string& id) {
  auto ingestion = find_ingestion(session, id);
  if (ingestion) return *std::move(ingestion);
  throw Error(Fault::Conflict, "lost_lease",
              fmt::format("ingestion {} was removed with its data meanwhile", id));
}

/// The version's definition, where it is not the ingestion's of today.
std::optional<Definition> other_definition(Catalog& catalog, const Ingestion& ingestion,
                                           const std::string& revision) {
  if (revision == revision_of(ingestion.definition)) return {};
  return catalog.definition(revision);
}

/// Rows that this load added: what it shares with its parent was counted when the parent came.
std::int64_t billable_rows(Session& session, const Version& version) {
  std::vector<FileEntry> before;
  if (const auto parent = find_version(session, version.parent)) before = parent->files;
  std::int64_t rows = 0;
  for (const FileEntry& file : version.files) {
    const bool shared = std::any_of(before.begin(), before.end(), [&](const FileEntry& known) {
      return known.path == file.path;
    });
    if (!shared) rows += file.rows;
  }
  return rows;
}

DayState state_of(Session& session, const std::string& ingestion, Day day) {
  if (auto state = find_day(session, ingestion, day)) return *std::move(state);
  const std::string handle = handle_of(session, ingestion);
  throw Error(Fault::Misconfigured, "unknown_day",
              fmt::format("{} has never been loaded for {}", handle, day.text()),
              fmt::format("Load it with `millrace load {} --day {}`", handle, day.text()));
}

/// The version that an undo brings back: the one asked for, else what the current one replaced.
Version undo_target(Session& session, const DayState& state, const std::string& to) {
  const std::string handle = handle_of(session, state.ingestion);
  const std::string day = state.day.text();
  const std::string advice = fmt::format("See `millrace history {} --day {}`", handle, day);
  std::string wanted = to;
  if (wanted.empty()) {
    const auto current = find_version(session, state.current);
    if (current) wanted = current->parent;
    if (wanted.empty()) {
      throw Error(Fault::Misconfigured, "nothing_to_undo",
                  fmt::format("{} of {} has no older version", day, handle), advice);
    }
  }
  auto version = find_version(session, wanted);
  if (!version || version->ingestion != state.ingestion || version->day != state.day) {
    throw Error(Fault::Misconfigured, "unknown_version",
                fmt::format("{} is no version of {} {}", wanted, handle, day), advice);
  }
  if (wanted == state.current) {
    throw Error(Fault::Misconfigured, "nothing_to_undo",
                fmt::format("{} is the current version of {} {} already", wanted, handle, day),
                advice);
  }
  if (is_swept(session, wanted)) {
    throw Error(Fault::Misconfigured, "version_swept",
                fmt::format("version {} of {} {} cannot come back: the sweep has taken its files",
                            wanted, handle, day),
                fmt::format("Load the day again with `millrace load {} --day {}`", handle, day));
  }
  return *std::move(version);
}

unsigned flags_of_version(Session& session, const std::string& version) {
  unsigned flags = 0;
  session.db.one("SELECT flags FROM version WHERE project_id = :project AND id = :id",
                 {session.project, version}, flags);
  return flags;
}

/// Metrics: no other ingestion may deliver one of these on this day, not even a removed one whose
/// days were kept: they are in the table, and the metric would count twice.
void require_delivered_once(Session& session, const Version& version) {
  for (const auto& [metric, unit_type] : version.delivers) {
    std::string other, full_name;
    bool archived = false;
    if (!session.db.one(R"(SELECT i.handle, i.kind || '/' || i.dataset || '/' || i.name, i.archived
                           FROM delivered d JOIN ingestion i
                             ON i.project_id = d.project_id AND i.id = d.ingestion
                           WHERE d.project_id = :project AND d.day = :day AND d.metric = :metric
                             AND d.unit_type = :unit_type AND d.ingestion <> :ingestion
                           ORDER BY i.archived, i.handle)",
                        {session.project, version.day, metric, unit_type, version.ingestion}, other,
                        full_name, archived)) {
      continue;
    }
    throw Error(
        Fault::Conflict, "metric_delivered_twice",
        fmt::format("could not publish {} {}: metric {} per {} of this day is already "
                    "delivered by {}",
                    handle_of(session, version.ingestion), version.day.text(), metric, unit_type,
                    archived ? full_name + ", which was removed but kept its days" : other),
        archived ? fmt::format("Remove those days with `millrace ingestion remove {} "
                               "--with-data`, or drop the metric from the query",
                               full_name)
                 : "Let one of the two deliver it: drop the metric from one query, or "
                   "remove an ingestion with its data");
  }
}

void require_within(Catalog& catalog, const Ingestion& ingestion, std::int64_t rows,
                    const RowBudget& budget) {
  const std::int64_t so_far = catalog.billed(ingestion.id, budget.published);
  if (so_far + rows <= budget.rows_most) return;
  throw Error(Fault::Misconfigured, kOverBudget,
              fmt::format("could not publish {} rows of {}: {} were added already, and {} may be",
                          rows, ingestion.handle, so_far, budget.rows_most));
}

}  // namespace

Published Catalog::publish(const Lease& lease, const Version& given, unsigned flags,
                           const std::string& note, const std::optional<RowBudget>& budget) {
  Session& session = *session_;
  check(given.id == lease.load && given.ingestion == lease.ingestion && given.day == lease.day,
        "a version is published under the lease of its own load");
  Transaction transaction(session.db);
  const Ingestion ingestion = ingestion_of(session, lease.ingestion);
  if (const auto seq = published_seq(lease.load)) {
    return published_before(session, ingestion.definition.dataset, *seq);
  }
  give_up_lease(session, lease);
  require_delivered_once(session, given);

  Record record{.what = What::Publish, .at = session.env.now(), .ingestion = ingestion};
  record.definition = other_definition(*this, ingestion, given.revision);
  record.load = find_load(session, lease.load);
  record.version = given;
  record.version->parent = lease.current;
  record.version->published_at = record.at;
  record.version_flags = flags & ~static_cast<unsigned>(kHeld);
  record.billable = billable_rows(session, *record.version);
  if (budget) require_within(*this, ingestion, *record.billable, *budget);
  record.note = note;
  DayState state;
  state.ingestion = lease.ingestion;
  state.day = lease.day;
  state.current = state.load = given.id;
  state.attempt = given.files.empty() ? Attempt::Empty : Attempt::Loaded;
  state.flags = record.version_flags;
  state.changed_at = record.at;
  record.state = state;
  const Published published = announce(session, std::move(record));
  transaction.commit();
  return published;
}

Published Catalog::hold_load(const Lease& lease, const Manifest& manifest,
                             const std::string& reason) {
  Session& session = *session_;
  check(manifest.load == lease.load && manifest.day == lease.day,
        "a load is held under its own lease");
  Transaction transaction(session.db);
  const Ingestion ingestion = ingestion_of(session, lease.ingestion);
  give_up_lease(session, lease);

  Record record{.what = What::Hold, .at = session.env.now(), .ingestion = ingestion};
  record.definition = other_definition(*this, ingestion, manifest.revision);
  record.load = find_load(session, lease.load);
  record.manifest = manifest;
  record.note = reason;
  DayState state = state_of(session, lease.ingestion, lease.day);
  state.attempt = Attempt::Waiting;
  state.load = state.held_load = lease.load;
  state.flags |= kHeld;
  state.hold_reason = reason;
  state.changed_at = record.at;
  record.state = state;
  const Published published = announce(session, std::move(record));
  transaction.commit();
  return published;
}

Published Catalog::undo(const std::string& ingestion, Day day, const std::string& to) {
  Session& session = *session_;
  Transaction transaction(session.db);
  DayState state = state_of(session, ingestion, day);
  const Version target = undo_target(session, state, to);
  require_delivered_once(session, target);

  Record record{
      .what = What::Undo, .at = session.env.now(), .ingestion = ingestion_of(session, ingestion)};
  state.hold_reason = fmt::format("version {} was taken back", state.current);
  state.current = target.id;
  state.flags = flags_of_version(session, target.id) | kHeld;
  state.changed_at = record.at;
  record.state = state;
  const Published published = announce(session, std::move(record));
  write_audit(session, "day_undo", handle_of(session, ingestion),
              fmt::format("{}: version {} is current again", day.text(), target.id), "{}");
  transaction.commit();
  return published;
}

Published Catalog::release(const std::string& ingestion, Day day) {
  Session& session = *session_;
  Transaction transaction(session.db);
  DayState state = state_of(session, ingestion, day);
  if ((state.flags & kHeld) == 0) {
    throw Error(Fault::Misconfigured, "not_held",
                fmt::format("{} of {} is not held", day.text(), handle_of(session, ingestion)),
                fmt::format("See which days are held with `millrace days {}`",
                            handle_of(session, ingestion)));
  }
  Record record{.what = What::Release,
                .at = session.env.now(),
                .ingestion = ingestion_of(session, ingestion)};
  state.flags &= ~static_cast<unsigned>(kHeld);
  state.held_load.clear();
  state.hold_reason.clear();
  state.changed_at = record.at;
  record.state = state;
  const Published published = announce(session, std::move(record));
  write_audit(session, "day_release", handle_of(session, ingestion),
              day.text() + " is no longer held", "{}");
  transaction.commit();
  return published;
}

std::vector<Published> Catalog::remove_ingestion(const std::string& id) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto ingestion = find_ingestion(session, id);
  if (!ingestion) return {};
  for (const LoadRow& load : open_loads()) {
    if (load.ingestion != id) continue;
    if (!is_abandoned(session, load)) {
      throw Error(Fault::Conflict, "day_busy",
                  fmt::format("could not remove {}: process {} on {} is loading {} since {}",
                              ingestion->handle, load.holder.pid, load.holder.host, load.day.text(),
                              to_text(load.started_at)),
                  "Wait until it is done, or end that process");
    }
    close_load(session, load.id, Attempt::Failed,
               Error(Fault::Unavailable, kProcessDied, "its process ended"));
  }
  end_all_asked(session, id, ingestion->handle + " was removed");
  const Published published = announce(session, {.what = What::Remove, .ingestion = *ingestion});
  write_audit(session, "ingestion_source_purge", ingestion->name,
              ingestion->handle + " is removed with its days", "{}");
  transaction.commit();
  return {published};
}

}  // namespace millrace::catalog
