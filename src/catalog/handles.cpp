#include <algorithm>

#include <fmt/format.h>

#include "catalog/session.h"

namespace millrace::catalog {

bool Catalog::pause(const std::string& ingestion, const std::string& why) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto changed = session.db.run(
      R"(UPDATE ingestion SET paused_at = :now, paused_why = :why
         WHERE project_id = :project AND id = :id AND paused_at IS NULL)",
      {session.env.now(), why, session.project, ingestion});
  if (changed > 0) {
    const std::string handle = handle_of(session, ingestion);
    write_audit(session, "ingestion_pause", handle, handle + " is paused: " + why, "{}");
  }
  transaction.commit();
  return changed > 0;
}

bool Catalog::resume(const std::string& ingestion) {
  Session& session = *session_;
  Transaction transaction(session.db);
  const auto changed = session.db.run(R"(UPDATE ingestion SET paused_at = NULL, paused_why = ''
                        WHERE project_id = :project AND id = :id AND paused_at IS NOT NULL)",
                                      {session.project, ingestion});
  if (changed > 0) {
    const std::string handle = handle_of(session, ingestion);
    write_audit(session, "ingestion_resume", handle, handle + " goes on", "{}");
  }
  transaction.commit();
  return changed > 0;
}

std::map<std::string, Paused> Catalog::paused() {
  std::map<std::string, Paused> paused;
  session_->db.query(R"(SELECT id, paused_at, paused_why FROM ingestion
                        WHERE project_id = :project AND paused_at IS NOT NULL)",
                     {session_->project}, [&](const Row& row) {
                       std::string id;
                       Paused one;
                       row.into(id, one.at, one.why);
                       paused[id] = std::move(one);
                     });
  return paused;
}

Catalog::CancelWanted Catalog::want_cancel(const std::string& ingestion, std::optional<Day> day,
                                           const std::string& run) {
  Session& session = *session_;
  Transaction transaction(session.db);
  CancelWanted wanted;
  const std::string first = day ? day->text() : "", last = day ? day->text() : "~";
  const Instant now = session.env.now();
  wanted.asked = session.db.run(
      R"(UPDATE asked SET ended_at = :now, error_code = 'cancelled',
                          error_text = 'cancelled on request'
         WHERE project_id = :project AND ingestion = :ingestion AND ended_at IS NULL
           AND day BETWEEN :first AND :last AND (:run = '' OR run = :same_run))",
      {now, session.project, ingestion, first, last, run, run});
  for (const LoadRow& load : open_loads()) {
    const bool is_it = load.ingestion == ingestion && (!day || load.day == *day) &&
                       (run.empty() || load.run == run);
    if (!is_it) continue;
    session.db.run("UPDATE load SET cancel_at = :now WHERE project_id = :project AND id = :id",
                   {now, session.project, load.id});
    wanted.loads.push_back(load);
  }
  if (!wanted.loads.empty() || wanted.asked > 0) {
    const std::string handle = handle_of(session, ingestion);
    write_audit(session, "ingestion_cancel", handle,
                fmt::format("{}{}: {} under way and {} not begun are cancelled", handle,
                            day ? " " + day->text() : "", wanted.loads.size(), wanted.asked),
                "{}");
  }
  transaction.commit();
  return wanted;
}

bool Catalog::is_cancel_wanted(const std::vector<std::string>& loads) {
  bool is_wanted = false;
  session_->db.query(R"(SELECT id FROM load
                        WHERE project_id = :project AND closed_at IS NULL
                          AND cancel_at IS NOT NULL)",
                     {session_->project}, [&](const Row& row) {
                       std::string id;
                       row.into(id);
                       is_wanted = is_wanted || std::ranges::find(loads, id) != loads.end();
                     });
  return is_wanted;
}

}  // namespace millrace::catalog
