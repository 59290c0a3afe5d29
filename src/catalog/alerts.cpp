#include "catalog/session.h"

namespace millrace::catalog {

std::map<std::string, Day> Catalog::newest_ended() {
  std::map<std::string, Day> newest;
  session_->db.query(R"(SELECT ingestion, max(day) FROM day
                        WHERE project_id = :project AND first_ended_at IS NOT NULL
                        GROUP BY ingestion)",
                     {session_->project}, [&](const Row& row) {
                       std::string ingestion;
                       Day day;
                       row.into(ingestion, day);
                       newest[ingestion] = day;
                     });
  return newest;
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
