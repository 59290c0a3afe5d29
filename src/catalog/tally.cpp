#include "catalog/tally.h"

#include "catalog/session.h"

namespace millrace::catalog {

Tally Catalog::tally() {
  Tally tally;
  Transaction one_moment(session_->db, Transaction::Kind::Read);
  const std::string& project = session_->project;
  session_->db.query(
      R"(SELECT attempt, flags, max(current), is_empty, count(*)
         FROM (SELECT d.attempt, d.flags, d.current,
                      CASE WHEN v.files = 0 THEN 1 ELSE 0 END AS is_empty
               FROM day d LEFT JOIN version v ON v.project_id = d.project_id AND v.id = d.current
               WHERE d.project_id = :project) AS days
         GROUP BY attempt, flags, current IS NULL, is_empty)",
      {project}, [&](const Row& row) {
        DayState state;
        std::string attempt;
        bool is_empty = false;
        std::int64_t days = 0;
        row.into(attempt, state.flags, state.current, is_empty, days);
        state.attempt = attempt_named(attempt);
        tally.days[status_of(state, is_empty)] += days;
      });
  session_->db.query(
      R"(SELECT dataset, count(*), sum(rows), max(at) FROM ledger
         WHERE project_id = :project GROUP BY dataset)",
      {project}, [&](const Row& row) {
        std::string dataset;
        Tally::Published published;
        row.into(dataset, published.loads, published.rows, published.last_at);
        tally.published[dataset_of(dataset)] = published;
      });
  session_->db.one("SELECT count(*) FROM load WHERE project_id = :project AND closed_at IS NULL",
                   {project}, tally.open_loads);
  session_->db.one("SELECT count(*) FROM asked WHERE project_id = :project AND ended_at IS NULL",
                   {project}, tally.asked);
  session_->db.one("SELECT count(*) FROM intent WHERE project_id = :project", {project},
                   tally.owed);
  return tally;
}

}  // namespace millrace::catalog
