#include "catalog/telling.h"

#include "catalog/session.h"

namespace millrace::catalog {
namespace {

constexpr const char* kEndedColumns =
    R"(SELECT l.id, l.ingestion, l.run, l.asked_by, l.day, l.attempt, l.manifest IS NOT NULL,
              l.error_code, l.error_text, l.error_advice, l.error_in_full, l.error_fault, l.note,
              v.rows,
              v.quarantined, l.closed_at,
              l.asked_by = 'manual' AND NOT EXISTS
                (SELECT 1 FROM asked a WHERE a.project_id = l.project_id AND a.run = l.run),
              (SELECT p.attempt IN ('failed', 'rejected') AND p.error_code <> 'process_died'
               FROM load p
               WHERE p.project_id = l.project_id AND p.ingestion = l.ingestion AND p.day = l.day
                 AND p.closed_at < l.closed_at ORDER BY p.closed_at DESC LIMIT 1),
              (SELECT d.attempt = 'empty' FROM day d
               WHERE d.project_id = l.project_id AND d.ingestion = l.ingestion
                 AND d.day < l.day AND d.first_ended_at IS NOT NULL
               ORDER BY d.day DESC LIMIT 1)
       FROM load l LEFT JOIN version v ON v.project_id = l.project_id AND v.id = l.id
       WHERE l.project_id = :project )";

Ended ended_in(const Row& row) {
  Ended ended;
  std::string attempt, code, text, advice, in_full, fault;
  row.into(ended.load, ended.ingestion, ended.run, ended.trigger, ended.day, attempt, ended.held,
           code, text, advice, in_full, fault, ended.note, ended.rows, ended.rejected, ended.at,
           ended.watched, ended.was_failing, ended.empty_again);
  ended.attempt = attempt_named(attempt);
  if (!code.empty()) {
    ended.error =
        Error(fault.empty() ? Fault::Unavailable : fault_named(fault), code, text, advice);
    ended.error->in_full = in_full;
  }
  return ended;
}

constexpr const char* kNoteColumns =
    R"(SELECT id, event, key, kind, title, channel, target, body, written_at, next_at, tries,
              sent_at, refused_at, error_text
       FROM outbox WHERE project_id = :project )";

Note note_in(const Row& row) {
  Note note;
  row.into(note.id, note.event, note.key, note.kind, note.title, note.channel, note.target,
           note.body, note.written_at, note.next_at, note.tries, note.sent_at, note.refused_at,
           note.error_text);
  return note;
}

}  // namespace

std::vector<Ended> Catalog::untold(std::int64_t most) {
  std::vector<Ended> ended;
  session_->db.query(std::string(kEndedColumns) +
                         R"(AND l.told_at IS NULL AND l.closed_at IS NOT NULL
                            ORDER BY l.closed_at, l.id LIMIT :most)",
                     {session_->project, most},
                     [&](const Row& row) { ended.push_back(ended_in(row)); });
  return ended;
}

std::vector<Ended> Catalog::ended(Interval at) {
  std::vector<Ended> ended;
  session_->db.query(std::string(kEndedColumns) +
                         R"(AND l.closed_at >= :start AND l.closed_at < :end
                            ORDER BY l.closed_at, l.id)",
                     {session_->project, at.start, at.end},
                     [&](const Row& row) { ended.push_back(ended_in(row)); });
  return ended;
}

void Catalog::mark_told(const std::vector<Ended>& loads) {
  Transaction transaction(session_->db);
  for (const Ended& load : loads) {
    session_->db.run("UPDATE load SET told_at = :now WHERE project_id = :project AND id = :id",
                     {session_->env.now(), session_->project, load.load});
  }
  transaction.commit();
}

std::vector<std::string> Catalog::untold_backfills() {
  std::vector<std::string> runs;
  session_->db.query(
      R"(SELECT DISTINCT a.run FROM asked a
         WHERE a.project_id = :project AND a.told_at IS NULL AND a.asked_by = 'backfill'
           AND NOT EXISTS (SELECT 1 FROM asked o WHERE o.project_id = a.project_id
                           AND o.run = a.run AND o.ended_at IS NULL))",
      {session_->project}, [&](const Row& row) { row.into(runs.emplace_back()); });
  return runs;
}

void Catalog::mark_backfill_told(const std::string& run) {
  Transaction transaction(session_->db);
  session_->db.run("UPDATE asked SET told_at = :now WHERE project_id = :project AND run = :run",
                   {session_->env.now(), session_->project, run});
  transaction.commit();
}

std::vector<IncidentRow> Catalog::open_incidents() {
  std::vector<IncidentRow> incidents;
  session_->db.query(R"(SELECT id, cause, opened_at, body FROM incident
                        WHERE project_id = :project AND closed_at IS NULL ORDER BY id)",
                     {session_->project}, [&](const Row& row) {
                       IncidentRow& one = incidents.emplace_back();
                       row.into(one.id, one.cause, one.opened_at, one.body);
                     });
  return incidents;
}

void Catalog::put_incident(const IncidentRow& incident) {
  Transaction transaction(session_->db);
  session_->db.run(
      R"(INSERT INTO incident (project_id, id, cause, opened_at, closed_at, body)
         VALUES (:project, :id, :cause, :opened_at, :closed_at, :body)
         ON CONFLICT (project_id, id) DO UPDATE SET
           closed_at = excluded.closed_at, body = excluded.body)",
      {session_->project, incident.id, incident.cause, incident.opened_at, incident.closed_at,
       incident.body});
  transaction.commit();
}

std::optional<Instant> Catalog::digest_until() {
  std::optional<Instant> until;
  session_->db.one("SELECT until FROM digest WHERE project_id = :project", {session_->project},
                   until);
  return until;
}

void Catalog::set_digest_until(Instant until) {
  Transaction transaction(session_->db);
  session_->db.run(R"(INSERT INTO digest (project_id, until) VALUES (:project, :until)
                      ON CONFLICT (project_id) DO UPDATE SET until = excluded.until)",
                   {session_->project, until});
  transaction.commit();
}

void Catalog::post(const Note& note) {
  Transaction transaction(session_->db);
  session_->db.run(
      R"(INSERT INTO outbox (project_id, id, event, key, kind, title, channel, target, body,
                             written_at, next_at, tries, refused_at)
         VALUES (:project, :id, :event, :key, :kind, :title, :channel, :target, :body,
                 :written_at, :next_at, :tries, :refused_at)
         ON CONFLICT (project_id, key, channel, target) DO NOTHING)",
      {session_->project, note.id, note.event, note.key, note.kind, note.title, note.channel,
       note.target, note.body, note.written_at, note.next_at, note.tries, note.refused_at});
  transaction.commit();
}

std::optional<Note> Catalog::take_note(std::chrono::seconds lease) {
  const std::string due = std::string(kNoteColumns) +
                          R"(AND sent_at IS NULL AND refused_at IS NULL AND next_at <= :now
                             ORDER BY next_at, id LIMIT 1)";
  std::optional<Note> note;
  const auto look = [&] {
    note.reset();
    session_->db.query(due, {session_->project, session_->env.now()},
                       [&](const Row& row) { note = note_in(row); });
  };
  look();
  if (!note) return {};  // Nobody waits for the write lock when there is nothing to send.
  Transaction transaction(session_->db);
  look();
  if (!note) return {};
  ++note->tries;
  note->next_at = session_->env.now() + lease;
  session_->db.run(R"(UPDATE outbox SET tries = :tries, next_at = :next_at
                      WHERE project_id = :project AND id = :id)",
                   {note->tries, note->next_at, session_->project, note->id});
  transaction.commit();
  return note;
}

void Catalog::put_note(const Note& note) {
  Transaction transaction(session_->db);
  session_->db.run(
      R"(UPDATE outbox SET next_at = :next_at, sent_at = :sent_at,
                        refused_at = :refused_at, error_text = :error_text
                      WHERE project_id = :project AND id = :id)",
      {note.next_at, note.sent_at, note.refused_at, note.error_text, session_->project, note.id});
  transaction.commit();
}

std::vector<Note> Catalog::notes(bool waiting, std::int64_t most) {
  std::vector<Note> notes;
  session_->db.query(
      std::string(kNoteColumns) + (waiting ? "AND sent_at IS NULL AND refused_at IS NULL " : "") +
          "ORDER BY id DESC LIMIT :most",
      {session_->project, most}, [&](const Row& row) { notes.push_back(note_in(row)); });
  return notes;
}

void Catalog::forget_told(Instant before) {
  Transaction transaction(session_->db);
  session_->db.run(R"(DELETE FROM outbox WHERE project_id = :project AND written_at < :before
                      AND (sent_at IS NOT NULL OR refused_at IS NOT NULL))",
                   {session_->project, before});
  session_->db.run("DELETE FROM incident WHERE project_id = :project AND closed_at < :before",
                   {session_->project, before});
  transaction.commit();
}

}  // namespace millrace::catalog
