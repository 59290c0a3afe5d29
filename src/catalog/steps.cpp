#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/asked.h"
#include "catalog/session.h"

namespace millrace::catalog {
namespace {

constexpr std::string_view kSteps =
    R"(SELECT s.what, s.at, s.ingestion, s.dataset, i.name, i.kind, s.day, s.asked_by, s.attempt,
              s.error_code, s.error_text, s.note, v.rows
       FROM ({} ORDER BY at DESC LIMIT :limit OFFSET :skip) s
       LEFT JOIN ingestion i ON i.project_id = s.project AND i.id = s.ingestion
       LEFT JOIN version v ON v.project_id = s.project AND v.id = s.version
       ORDER BY s.at DESC, s.what DESC)";

constexpr std::string_view kOfWhom =
    "AND :dataset IN ('', dataset) AND :ingestion IN ('', ingestion)";

std::string asked_part(const std::string& more) {
  return fmt::format(
      R"(SELECT 0 AS what, asked_at AS at, ingestion, dataset, day, asked_by, '' AS attempt,
                '' AS error_code, '' AS error_text, '' AS note, '' AS version,
                project_id AS project
         FROM asked
         WHERE project_id = :project AND asked_at >= :since AND asked_at < :until {} {})",
      kOfWhom, more);
}

std::string started_part() {
  return fmt::format(
      R"(SELECT 1 AS what, started_at AS at, ingestion, dataset, day, asked_by, '' AS attempt,
                '' AS error_code, '' AS error_text, '' AS note, '' AS version,
                project_id AS project
         FROM load
         WHERE project_id = :project AND started_at >= :since AND started_at < :until {})",
      kOfWhom);
}

std::string ended_part(const std::string& more) {
  return fmt::format(
      R"(SELECT 2 AS what, closed_at AS at, ingestion, dataset, day, asked_by, attempt, error_code,
                error_text, note, id AS version, project_id AS project
         FROM load
         WHERE project_id = :project AND closed_at >= :since AND closed_at < :until {} {})",
      kOfWhom, more);
}

/// What ended before a load began.
std::string not_begun_part(const std::string& more) {
  return fmt::format(
      R"(SELECT 2 AS what, ended_at AS at, ingestion, dataset, day, asked_by, 'failed' AS attempt,
                error_code, error_text, '' AS note, '' AS version, project_id AS project
         FROM asked
         WHERE project_id = :project AND error_code <> '' AND ended_at >= :since
           AND ended_at < :until {} {}
           AND NOT EXISTS (SELECT 1 FROM load l
                           WHERE l.project_id = asked.project_id AND l.run = asked.run
                             AND l.ingestion = asked.ingestion AND l.day = asked.day))",
      kOfWhom, more);
}

/// Words of ours, never of a caller.
std::string in_quotes(std::string_view word) {
  check(word.find('\'') == std::string_view::npos, "a word of ours holds no quote");
  return fmt::format("'{}'", word);
}

void add_parts(std::vector<std::string>& parts, const StepKind& kind) {
  switch (kind.what) {
    case Step::What::Asked:
      parts.push_back(asked_part("AND asked_by = " + in_quotes(kind.trigger)));
      return;
    case Step::What::Started:
      parts.push_back(started_part());
      return;
    case Step::What::Ended:
      break;
  }
  std::string codes;
  if (!kind.codes.empty()) {
    std::vector<std::string> words;
    for (const std::string& code : kind.codes) words.push_back(in_quotes(code));
    codes =
        fmt::format("AND error_code {}IN ({})", kind.others ? "NOT " : "", fmt::join(words, ", "));
  }
  const std::string attempt = "AND attempt = " + in_quotes(name_of(kind.attempt));
  parts.push_back(ended_part(attempt + " " + codes));
  if (kind.attempt == Attempt::Failed) parts.push_back(not_begun_part(codes));
}

/// Each part comes in the order of an index of its own, and SQLite merges them: a page costs one.
std::vector<std::string> parts_of(const StepFilter& filter) {
  if (filter.kinds.empty()) {
    return {asked_part(""), started_part(), ended_part(""), not_begun_part("")};
  }
  std::vector<std::string> parts;
  for (const StepKind& kind : filter.kinds) add_parts(parts, kind);
  return parts;
}

}  // namespace

std::vector<Step> Catalog::steps(const StepFilter& filter) {
  std::vector<Step> steps;
  const std::string sql =
      fmt::format(kSteps, fmt::join(parts_of(filter), "\n         UNION ALL\n         "));
  session_->db.query(sql,
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
