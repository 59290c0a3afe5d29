#include "catalog/asked.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "catalog/session.h"

namespace millrace::catalog {
namespace {

void refuse_crowd(Session& session, std::size_t more) {
  std::int64_t open = 0;
  session.db.one("SELECT count(*) FROM asked WHERE project_id = :project AND ended_at IS NULL",
                 {session.project}, open);
  if (open + static_cast<std::int64_t>(more) <= kAskedMost) return;
  Error error(
      Fault::Unavailable, "too_much_asked",
      fmt::format("{} days wait for being loaded already, and {} more are too many", open, more),
      "Wait until some are done, and see whether `millrace serve` runs");
  error.retry_after = std::chrono::minutes(10);
  throw error;
}

/// The run of the open row of this day, made where there is none or only a backfill's. That one
/// ends: whatever it has begun stays its own, and the rest is the new one's.
std::string ask_for(Session& session, const std::string& run, const Ingestion& ingestion, Day day,
                    const std::string& trigger) {
  std::string open, asked_by;
  const bool is_open = session.db.one(
      R"(SELECT run, asked_by FROM asked
         WHERE project_id = :project AND ingestion = :ingestion AND day = :day
           AND ended_at IS NULL)",
      {session.project, ingestion.id, day}, open, asked_by);
  if (is_open && (asked_by != "backfill" || trigger == "backfill")) return open;
  const Instant now = session.env.now();
  if (is_open) {
    session.db.run(R"(UPDATE asked SET ended_at = :now
                      WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                        AND ended_at IS NULL)",
                   {now, session.project, ingestion.id, day});
  }
  session.db.run(R"(INSERT INTO asked (project_id, run, ingestion, dataset, day, asked_by,
                                       asked_at, not_before)
                    VALUES (:project, :run, :ingestion, :dataset, :day, :trigger, :now, :at))",
                 {session.project, run, ingestion.id, name_of(ingestion.definition.dataset), day,
                  trigger, now, now});
  return run;
}

}  // namespace

void end_all_asked(Session& session, const std::string& ingestion, const std::string& why) {
  session.db.run(R"(UPDATE asked SET ended_at = :now, error_code = 'ingestion_archived',
                                     error_text = :why
                    WHERE project_id = :project AND ingestion = :ingestion AND ended_at IS NULL)",
                 {session.env.now(), why, session.project, ingestion});
}

std::vector<std::string> Catalog::ask(const std::string& run, const std::string& ingestion,
                                      const std::vector<Day>& days, const std::string& trigger) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto wanted = find_ingestion(session, ingestion);
  check(wanted.has_value(), "what is asked for is an ingestion");
  refuse_crowd(session, days.size());
  std::vector<std::string> runs;
  for (const Day day : days) runs.push_back(ask_for(session, run, *wanted, day, trigger));
  if (!days.empty()) {
    const auto [first, last] = std::ranges::minmax(days);
    write_audit(session, trigger == "backfill" ? "ingestion_backfill" : "ingestion_trigger",
                wanted->name,
                fmt::format("{} of {} from {} to {}: run {}", days.size() == 1 ? "a day" : "days",
                            wanted->handle, first.text(), last.text(), run),
                "{}");
  }
  transaction.commit();
  return runs;
}

std::vector<Asked> Catalog::asked(std::int64_t most, const std::string& run,
                                  const std::string& ingestion) {
  std::vector<Asked> asked;
  session_->db.query(
      R"(SELECT a.id, a.run, a.ingestion, a.day, a.asked_by, a.asked_at,
                (SELECT l.id FROM load l
                 WHERE l.project_id = a.project_id AND l.ingestion = a.ingestion
                   AND l.day = a.day AND l.run = a.run AND l.published_seq IS NOT NULL LIMIT 1)
         FROM (SELECT * FROM asked
               WHERE project_id = :project AND ended_at IS NULL AND not_before <= :now
                 AND ingestion NOT IN (SELECT id FROM ingestion
                                       WHERE project_id = :paused AND paused_at IS NOT NULL)
                 AND :run IN ('', run) AND :ingestion IN ('', ingestion)
               ORDER BY asked_by = 'backfill', id LIMIT :most) a
         ORDER BY a.asked_by = 'backfill', a.id)",
      {session_->project, session_->env.now(), session_->project, run, ingestion, most},
      [&](const Row& row) {
        Asked& one = asked.emplace_back();
        row.into(one.id, one.run, one.ingestion, one.day, one.trigger, one.asked_at, one.published);
      });
  return asked;
}

std::vector<AskedRun> Catalog::asked_runs() {
  std::vector<AskedRun> runs;
  session_->db.query(
      R"(SELECT a.run, a.ingestion, i.connection, i.kind, a.asked_by
         FROM (SELECT run, ingestion, asked_by, min(id) AS first FROM asked
               WHERE project_id = :project AND ended_at IS NULL AND not_before <= :now
               GROUP BY run, ingestion) a
         LEFT JOIN ingestion i ON i.project_id = :of AND i.id = a.ingestion
         WHERE i.paused_at IS NULL
         ORDER BY a.asked_by = 'backfill', a.first)",
      {session_->project, session_->env.now(), session_->project}, [&](const Row& row) {
        AskedRun& one = runs.emplace_back();
        row.into(one.run, one.ingestion, one.connection, one.kind, one.trigger);
      });
  return runs;
}

std::int64_t Catalog::newest_asked() {
  std::optional<std::int64_t> newest;
  session_->db.one("SELECT max(id) FROM asked", {}, newest);
  return newest.value_or(0);
}

bool Catalog::is_asked(std::int64_t id) {
  return session_->db.one("SELECT id FROM asked WHERE id = :id AND ended_at IS NULL", {id}, id);
}

std::map<std::string, std::vector<Day>> Catalog::asked_days(Day first) {
  std::map<std::string, std::vector<Day>> days;
  session_->db.query(R"(SELECT ingestion, day FROM asked
                        WHERE project_id = :project AND ended_at IS NULL AND day >= :first
                        ORDER BY ingestion, day)",
                     {session_->project, first}, [&](const Row& row) {
                       std::string ingestion;
                       Day day;
                       row.into(ingestion, day);
                       days[ingestion].push_back(day);
                     });
  return days;
}

void Catalog::end_asked(std::int64_t id, const std::optional<Error>& error) {
  Transaction transaction(session_->db);
  session_->db.run(R"(UPDATE asked SET ended_at = :now, error_code = :code, error_text = :text
                      WHERE id = :id AND ended_at IS NULL)",
                   {session_->env.now(), error ? error->code : std::string(),
                    error ? std::string(error->what()) : std::string(), id});
  transaction.commit();
}

void Catalog::put_off_asked(std::int64_t id, Instant until) {
  Transaction transaction(session_->db);
  session_->db.run("UPDATE asked SET not_before = :until WHERE id = :id", {until, id});
  transaction.commit();
}

std::optional<Instant> Catalog::last_called_publish(const std::string& ingestion, Day day) {
  std::optional<Instant> at;
  session_->db.one(R"(SELECT max(v.published_at) FROM load l
                      JOIN version v ON v.project_id = l.project_id AND v.id = l.id
                      WHERE l.project_id = :project AND l.ingestion = :ingestion AND l.day = :day
                        AND l.asked_by = 'api' AND v.rows > 0
                        AND v.flags & :provisional = 0)",
                   {session_->project, ingestion, day, unsigned{kProvisional}}, at);
  return at;
}

bool Catalog::was_called(const std::string& ingestion, Day day) {
  std::int64_t id = 0;
  return session_->db.one(R"(SELECT id FROM asked
                             WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                               AND asked_by <> 'backfill' LIMIT 1)",
                          {session_->project, ingestion, day}, id);
}

std::vector<std::string> Catalog::runs(std::int64_t limit, std::int64_t skip) {
  // Ids sort by time. Both sides are cut first: nobody turns to page 1,000.
  std::vector<std::string> runs;
  session_->db.query(
      R"(SELECT run FROM
           (SELECT run FROM (SELECT DISTINCT run FROM load WHERE project_id = :project1
                             ORDER BY run DESC LIMIT :most1)
            UNION
            SELECT run FROM (SELECT DISTINCT run FROM asked WHERE project_id = :project2
                             ORDER BY run DESC LIMIT :most2))
         ORDER BY run DESC LIMIT :limit OFFSET :skip)",
      {session_->project, limit + skip, session_->project, limit + skip, limit, skip},
      [&](const Row& row) { row.into(runs.emplace_back()); });
  return runs;
}

std::vector<RunDay> Catalog::run_days(const std::string& run) {
  std::vector<RunDay> days;
  std::map<std::pair<std::string, Day>, std::size_t> places;
  std::string dataset, attempt, fault;
  session_->db.query(R"(SELECT run, ingestion, asked_by, dataset, day, asked_at, ended_at,
                               error_code, error_text
                        FROM asked WHERE project_id = :project AND run = :run ORDER BY id)",
                     {session_->project, run}, [&](const Row& row) {
                       RunDay& one = days.emplace_back();
                       row.into(one.run, one.ingestion, one.trigger, dataset, one.day, one.asked_at,
                                one.ended_at, one.error_code, one.error_text);
                       one.dataset = dataset_of(dataset);
                       if (!one.error_code.empty()) one.attempt = Attempt::Failed;
                       places[{one.ingestion, one.day}] = days.size() - 1;
                     });
  // By the run's index: without the plus, SQLite would go through all loads in the order of ids.
  session_->db.query(
      R"(SELECT l.run, l.ingestion, l.asked_by, l.dataset, l.day, l.id, l.started_at, l.closed_at,
                l.attempt, l.error_code, l.error_text, l.error_advice, l.error_in_full,
                l.error_fault, v.rows, v.quarantined
         FROM load l LEFT JOIN version v ON v.project_id = l.project_id AND v.id = l.id
         WHERE l.project_id = :project AND l.run = :run ORDER BY +l.id)",
      {session_->project, run}, [&](const Row& row) {
        RunDay seen;
        row.into(seen.run, seen.ingestion, seen.trigger, dataset, seen.day, seen.load,
                 seen.started_at, seen.ended_at, attempt, seen.error_code, seen.error_text,
                 seen.error_advice, seen.error_in_full, fault, seen.rows, seen.rejected);
        if (!fault.empty()) seen.error_fault = fault_named(fault);
        seen.dataset = dataset_of(dataset);
        seen.attempt = attempt_named(attempt);
        const auto [place, is_new] =
            places.emplace(std::pair(seen.ingestion, seen.day), days.size());
        if (is_new) {
          days.push_back(seen);
          return;
        }
        RunDay& one = days[place->second];
        seen.asked_at = one.asked_at;
        one = seen;
      });
  return days;
}

}  // namespace millrace::catalog
