#include "catalog/asked.h"
#include "catalog/session.h"

namespace millrace::catalog {
namespace {

/// Each part comes in the order of its own index, and SQLite merges them: a page costs a page.
constexpr const char* kSteps =
    R"(SELECT s.what, s.at, s.ingestion, s.dataset, i.name, i.kind, s.day, s.asked_by, s.attempt,
              s.error_code, s.error_text, s.note, v.rows
       FROM (
         SELECT 0 AS what, asked_at AS at, ingestion, dataset, day, asked_by, '' AS attempt,
                '' AS error_code, '' AS error_text, '' AS note, '' AS version,
                project_id AS project
         FROM asked
         WHERE project_id = :project AND asked_at >= :since AND asked_at < :until
           AND :dataset IN ('', dataset) AND :ingestion IN ('', ingestion)
         UNION ALL
         SELECT 1, started_at, ingestion, dataset, day, asked_by, '', '', '', '', '', project_id
         FROM load
         WHERE project_id = :project AND started_at >= :since AND started_at < :until
           AND :dataset IN ('', dataset) AND :ingestion IN ('', ingestion)
         UNION ALL
         SELECT 2, closed_at, ingestion, dataset, day, asked_by, attempt, error_code, error_text,
                note, id, project_id
         FROM load
         WHERE project_id = :project AND closed_at >= :since AND closed_at < :until
           AND :dataset IN ('', dataset) AND :ingestion IN ('', ingestion)
         UNION ALL
         SELECT 2, ended_at, ingestion, dataset, day, asked_by, 'failed', error_code, error_text,
                '', '', project_id
         FROM asked
         WHERE project_id = :project AND error_code <> '' AND ended_at >= :since
           AND ended_at < :until AND :dataset IN ('', dataset) AND :ingestion IN ('', ingestion)
           AND NOT EXISTS (SELECT 1 FROM load l
                           WHERE l.project_id = asked.project_id AND l.run = asked.run
                             AND l.ingestion = asked.ingestion AND l.day = asked.day)
         ORDER BY at DESC LIMIT :limit OFFSET :skip) s
       LEFT JOIN ingestion i ON i.project_id = s.project AND i.id = s.ingestion
       LEFT JOIN version v ON v.project_id = s.project AND v.id = s.version
       ORDER BY s.at DESC, s.what DESC)";

}  // namespace

std::vector<Step> Catalog::steps(const StepFilter& filter) {
  std::vector<Step> steps;
  session_->db.query(kSteps,
                     {session_->project, filter.at.start, filter.at.end,
                      filter.dataset ? name_of(*filter.dataset) : std::string_view(),
                      filter.ingestion, filter.limit, filter.skip},
                     [&](const Row& row) {
                       Step& step = steps.emplace_back();
                       int what = 0;
                       std::string dataset, attempt;
                       row.into(what, step.at, step.ingestion, dataset, step.source, step.kind,
                                step.day, step.trigger, attempt, step.error_code, step.error_text,
                                step.note, step.rows);
                       step.what = static_cast<Step::What>(what);
                       step.dataset = dataset_of(dataset);
                       if (!attempt.empty()) step.attempt = attempt_named(attempt);
                     });
  return steps;
}

}  // namespace millrace::catalog
