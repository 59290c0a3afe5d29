#include <algorithm>

#include <nlohmann/json.hpp>

#include "catalog/record.h"
#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

/// How a load that a record tells of ended. The row is there already, except when replayed.
void store_ended_load(Session& session, const Record& record) {
  const LoadRow& load = *record.load;
  std::optional<std::int64_t> seq;
  std::optional<std::string> manifest;
  if (record.version) seq = record.seq;
  if (record.manifest) manifest = json::from(*record.manifest).dump();
  session.db.run(
      R"(INSERT INTO load (project_id, id, ingestion, dataset, day, revision, run,
      asked_by, attempt,
                           host, pid, process_start, started_at, closed_at, note, published_seq,
                           manifest)
         VALUES (:project, :id, :ingestion, :dataset, :day, :revision, :run, :asked_by, :attempt,
                 :host, :pid, :process_start, :started_at, :closed_at, :note, :seq, :manifest)
         ON CONFLICT (project_id, id) DO UPDATE SET
           attempt = excluded.attempt, closed_at = excluded.closed_at, note = excluded.note,
           published_seq = excluded.published_seq, manifest = excluded.manifest)",
      {session.project, load.id, load.ingestion, name_of(record.ingestion.definition.dataset),
       load.day, load.revision, load.run, load.trigger, name_of(record.state->attempt),
       load.holder.host, std::int64_t{load.holder.pid}, load.holder.start_time, load.started_at,
       record.at, record.note, seq, manifest});
}

/// The body leaves the files to their own table, where the current ones are found without it.
std::string body_of(Version version) {
  version.files.clear();
  return json::from(version).dump();
}

void store_version(Session& session, const Record& record) {
  const Version& version = *record.version;
  std::int64_t rows = 0;
  for (const FileEntry& file : version.files) rows += file.rows;
  session.db.run(
      R"(INSERT INTO version (project_id, id, ingestion, dataset, day, seq, rows, files,
                              quarantined, partly_loaded, flags, revision, published_at,
                              quarantine)
         VALUES (:project, :id, :ingestion, :dataset, :day, :seq, :rows, :files,
                 :quarantined, :partly_loaded, :flags, :revision, :published_at, :quarantine))",
      {session.project, version.id, version.ingestion, name_of(record.ingestion.definition.dataset),
       version.day, record.seq, rows, static_cast<std::int64_t>(version.files.size()),
       version.certificate.rejected, version.certificate.partly_loaded, record.version_flags,
       version.revision, version.published_at, version.quarantine});
  session.db.run(R"(INSERT INTO version_body (project_id, version, body)
                    VALUES (:project, :id, :body))",
                 {session.project, version.id, body_of(version)});
  std::int64_t position = 0;
  for (const FileEntry& file : version.files) {
    session.db.run(
        R"(INSERT INTO file (project_id, version, position, path, bytes, rows, revision, stats)
           VALUES (:project, :version, :position, :path, :bytes, :rows, :revision, :stats))",
        {session.project, version.id, position++, file.path, file.bytes, file.rows, file.revision,
         file.stats});
  }
}

void store_delivered(Session& session, const Version& version) {
  session.db.run(
      "DELETE FROM delivered WHERE project_id = :project AND ingestion = :ingestion AND day = :day",
      {session.project, version.ingestion, version.day});
  for (const auto& [metric, unit_type] : version.delivers) {
    session.db.run(R"(INSERT INTO delivered (project_id, day, metric, unit_type, ingestion)
                      VALUES (:project, :day, :metric, :unit_type, :ingestion)
                      ON CONFLICT DO NOTHING)",
                   {session.project, version.day, metric, unit_type, version.ingestion});
  }
}

/// The version that the day's row is about to name is the one that counts, from now on.
void make_current(Session& session, const Version& version, Instant at) {
  session.db.run(R"(UPDATE version SET superseded_at = :at
                    WHERE project_id = :project AND superseded_at IS NULL AND id =
                      (SELECT current FROM day WHERE project_id = :project_again
                       AND ingestion = :ingestion AND day = :day))",
                 {at, session.project, session.project, version.ingestion, version.day});
  session.db.run("UPDATE version SET superseded_at = NULL WHERE project_id = :project AND id = :id",
                 {session.project, version.id});
  store_delivered(session, version);
}

/// Version and token speak of the moment of the load that brought them, also after an undo.
void set_loaded(Session& session, const Version& version) {
  std::optional<Instant> confirmed_at;
  if (version.token) confirmed_at = version.published_at;
  session.db.run(R"(UPDATE day SET token = :token, token_confirmed_at = :confirmed_at,
                                   loaded_at = :loaded_at
                    WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                 {version.token, confirmed_at, version.published_at, session.project,
                  version.ingestion, version.day});
}

void store_ledger(Session& session, const Record& record) {
  session.db.run(R"(INSERT INTO ledger (project_id, ingestion, load, dataset, day, rows, at)
                    VALUES (:project, :ingestion, :load, :dataset, :day, :rows, :at))",
                 {session.project, record.ingestion.id, record.load->id,
                  name_of(record.ingestion.definition.dataset), record.load->day, *record.billable,
                  record.at});
}

void apply_publish(Session& session, const Record& record) {
  store_ended_load(session, record);
  store_version(session, record);
  make_current(session, *record.version, record.at);
  store_day(session, *record.state);
  if ((record.state->flags & kProvisional) == 0) {
    session.db.run(R"(UPDATE day SET first_ended_at = COALESCE(first_ended_at, :at)
                      WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                   {record.at, session.project, record.version->ingestion, record.version->day});
  }
  set_loaded(session, *record.version);
  store_ledger(session, record);
}

void apply_undo(Session& session, const Record& record) {
  const auto version = find_version(session, record.state->current);
  if (!version) {
    throw Error(Fault::BadData, "bad_record",
                "an undo names version " + record.state->current +
                    ", which no record before it has published");
  }
  make_current(session, *version, record.at);
  store_day(session, *record.state);
  set_loaded(session, *version);
}

/// Loads and versions stay as what the sweep still has to delete; days and names are gone.
void forget(Session& session, const Record& record) {
  const std::string& id = record.ingestion.id;
  session.db.run(R"(UPDATE version SET forgotten = 1, superseded_at = COALESCE(superseded_at, :at)
                    WHERE project_id = :project AND ingestion = :ingestion)",
                 {record.at, session.project, id});
  for (const char* table : {"day", "day_change", "delivered", "day_check"}) {
    session.db.run("DELETE FROM " + std::string(table) +
                       " WHERE project_id = :project AND ingestion = :ingestion",
                   {session.project, id});
  }
  session.db.run("DELETE FROM ingestion WHERE project_id = :project AND id = :id",
                 {session.project, id});
}

}  // namespace

void apply(Session& session, const Record& record) {
  switch (record.what) {
    case What::Define:
    case What::Archive:
      return store_ingestion(session, record.ingestion);
    case What::Remove:
      return forget(session, record);
    case What::Publish:
      return apply_publish(session, record);
    case What::Hold:
      store_ended_load(session, record);
      return store_day(session, *record.state);
    case What::Undo:
      return apply_undo(session, record);
    case What::Release:
      return store_day(session, *record.state);
  }
}

/// Records tell of definitions in full, so ingestions come back with their days; what they cannot
/// tell (connections, secrets, users) stays away.
void Catalog::replay(Dataset dataset, std::int64_t seq, const std::string& text) {
  Transaction transaction(session_->db);
  if (seq <= highest_publish(dataset)) return;
  const Record record = record_in(text);
  if (record.seq != seq || record.ingestion.definition.dataset != dataset) {
    throw Error(Fault::BadData, "bad_record",
                "the publish record under number " + std::to_string(seq) + " of " +
                    std::string(name_of(dataset)) + " says that it is number " +
                    std::to_string(record.seq) + " of " +
                    std::string(name_of(record.ingestion.definition.dataset)));
  }
  if (record.definition) store_definition(*session_, *record.definition);
  store_ingestion(*session_, record.ingestion);
  const Mapping& mapping = record.ingestion.definition.mapping;
  for (const Named& ids : {mapping.ids, mapping.units}) {
    for (const auto& [unit_type, column] : ids) remember_unit_type(*session_, unit_type);
  }
  apply(*session_, record);
  session_->db.run(R"(UPDATE load SET told_at = closed_at
                      WHERE project_id = :project AND dataset = :dataset AND told_at IS NULL
                        AND closed_at IS NOT NULL)",
                   {session_->project, name_of(dataset)});
  session_->db.run(R"(INSERT INTO publish_seq (project_id, dataset, seq)
                      VALUES (:project, :dataset, :seq)
                      ON CONFLICT (project_id, dataset) DO UPDATE SET seq = excluded.seq)",
                   {session_->project, name_of(dataset), seq});
  // One Delta commit brings the table to its latest state, however many records led there.
  session_->db.run(R"(DELETE FROM intent WHERE project_id = :project AND dataset = :dataset
                      AND what = 'delta')",
                   {session_->project, name_of(dataset)});
  owe(*session_, "delta", {seq, dataset, {}});
  transaction.commit();
}

}  // namespace millrace::catalog
