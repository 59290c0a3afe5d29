#include "catalog/session.h"

namespace millrace::catalog {

std::map<std::string, EndedDays> Catalog::ended_days() {
  std::map<std::string, EndedDays> ended;
  session_->db.query(
      R"(SELECT i.id,
                (SELECT d.day FROM day d WHERE d.project_id = i.project_id AND d.ingestion = i.id
                   AND d.first_ended_at IS NOT NULL ORDER BY d.day LIMIT 1),
                (SELECT d.day FROM day d WHERE d.project_id = i.project_id AND d.ingestion = i.id
                   AND d.first_ended_at IS NOT NULL ORDER BY d.day DESC LIMIT 1)
         FROM ingestion i WHERE i.project_id = :project AND i.archived = 0)",
      {session_->project}, [&](const Row& row) {
        std::string ingestion;
        std::optional<Day> first, last;
        row.into(ingestion, first, last);
        if (first && last) ended[ingestion] = {*first, *last};
      });
  return ended;
}

std::optional<Day> Catalog::first_ended(const std::string& ingestion) {
  Day first;
  const bool is_any = session_->db.one(
      R"(SELECT day FROM day WHERE project_id = :project AND ingestion = :ingestion
           AND first_ended_at IS NOT NULL ORDER BY day LIMIT 1)",
      {session_->project, ingestion}, first);
  return is_any ? std::optional(first) : std::nullopt;
}

std::vector<Day> Catalog::ended_days(const std::string& ingestion, DayRange range) {
  std::vector<Day> days;
  session_->db.query(R"(SELECT day FROM day
                        WHERE project_id = :project AND ingestion = :ingestion
                          AND day BETWEEN :first AND :last AND first_ended_at IS NOT NULL
                        ORDER BY day)",
                     {session_->project, ingestion, range.first, range.last},
                     [&](const Row& row) { row.into(days.emplace_back()); });
  return days;
}

std::map<std::string, std::int64_t> Catalog::count_ended(Day before) {
  std::map<std::string, std::int64_t> counts;
  session_->db.query(R"(SELECT ingestion, count(*) FROM day
                        WHERE project_id = :project AND day < :before
                          AND first_ended_at IS NOT NULL
                        GROUP BY ingestion)",
                     {session_->project, before}, [&](const Row& row) {
                       std::string ingestion;
                       std::int64_t count = 0;
                       row.into(ingestion, count);
                       counts[ingestion] = count;
                     });
  return counts;
}

bool Catalog::renew_alert(const std::string& ingestion, Day day, const std::string& what,
                          const std::string& text) {
  Session& session = *session_;
  Transaction transaction(session.db);
  session.db.run(R"(UPDATE alert SET cleared_at = :now
                    WHERE project_id = :project AND ingestion = :ingestion AND what = :what
                      AND cleared_at IS NULL AND day <> :day)",
                 {session.env.now(), session.project, ingestion, what, day});
  session.db.run(R"(UPDATE alert SET text = :text
                    WHERE project_id = :project AND ingestion = :ingestion AND what = :what
                      AND cleared_at IS NULL AND text <> :other)",
                 {text, session.project, ingestion, what, text});
  const bool is_new = raise_alert(ingestion, day, what, text);
  transaction.commit();
  return is_new;
}

bool Catalog::raise_alert(const std::string& ingestion, Day day, const std::string& what,
                          const std::string& text) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto raised =
      session.db.run(R"(INSERT INTO alert (project_id, ingestion, day, what, text, raised_at)
                        VALUES (:project, :ingestion, :day, :what, :text, :now)
                        ON CONFLICT DO NOTHING)",
                     {session.project, ingestion, day, what, text, session.env.now()});
  transaction.commit();
  return raised > 0;
}

bool Catalog::clear_alert(const std::string& ingestion, const std::string& what) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto cleared = session.db.run(R"(UPDATE alert SET cleared_at = :now
                                         WHERE project_id = :project AND ingestion = :ingestion
                                           AND what = :what AND cleared_at IS NULL)",
                                      {session.env.now(), session.project, ingestion, what});
  transaction.commit();
  return cleared > 0;
}

std::vector<Alert> Catalog::open_alerts() {
  std::vector<Alert> alerts;
  session_->db.query(R"(SELECT id, ingestion, day, what, text, raised_at, cleared_at FROM alert
                        WHERE project_id = :project AND cleared_at IS NULL
                        ORDER BY ingestion, what)",
                     {session_->project}, [&](const Row& row) {
                       Alert& alert = alerts.emplace_back();
                       row.into(alert.id, alert.ingestion, alert.day, alert.what, alert.text,
                                alert.raised_at, alert.cleared_at);
                     });
  return alerts;
}

}  // namespace millrace::catalog
