#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

/// Adds it to the day's checks, of which the newest stay.
void keep_check(Session& session, const std::string& ingestion, Day day, const std::string& result,
                Instant at) {
  session.db.run(R"(INSERT INTO day_check (project_id, ingestion, day, at, result)
                    VALUES (:project, :ingestion, :day, :at, :result)
                    ON CONFLICT (project_id, ingestion, day, at) DO UPDATE SET
                      result = excluded.result)",
                 {session.project, ingestion, day, at, result});
  session.db.run(R"(DELETE FROM day_check
                    WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                      AND at <= (SELECT c.at FROM day_check c
                                 WHERE c.project_id = :its_project AND c.ingestion = :its_ingestion
                                   AND c.day = :its_day
                                 ORDER BY c.at DESC LIMIT 1 OFFSET :most))",
                 {session.project, ingestion, day, session.project, ingestion, day, kChecksMost});
}

Checked checked_in(const Row& row) {
  Checked checked;
  std::string result;
  row.into(result, checked.at);
  checked.result = json::check_result(json::parse(result, "check in the catalog"));
  return checked;
}

}  // namespace

void Catalog::record_check(const std::string& ingestion, const CheckResult& result,
                           const std::optional<std::string>& token, bool exact) {
  Session& session = *session_;
  Transaction transaction(session.db);
  auto state = find_day(session, ingestion, result.day);
  if (!state) return;
  const Instant now = session.env.now();
  const std::string text = json::from(result).dump();
  session.db.run(R"(UPDATE day SET checked_at = :now, check_result = :result
                    WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                 {now, text, session.project, ingestion, result.day});
  keep_check(session, ingestion, result.day, text, now);
  // A token taken from a warehouse that differs from the day would hide that difference for ever.
  const bool is_held = (state->flags & kHeld) != 0;
  if (exact && !result.changed && token && !is_held) {
    session.db.run(R"(UPDATE day SET token = :token, token_confirmed_at = :now
                      WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                   {token, now, session.project, ingestion, result.day});
  }
  const unsigned flags = state->flags;
  if (result.repeatable) {
    state->flags &= ~static_cast<unsigned>(kNotRepeatable);
    if (!*result.repeatable) state->flags |= kNotRepeatable;
  }
  state->flags &= ~static_cast<unsigned>(kCheckFailed);
  if (result.error) state->flags |= kCheckFailed;
  if (state->flags != flags) store_day(session, *state);
  transaction.commit();
}

bool Catalog::has_failed_check(const std::string& ingestion) {
  std::string day;
  return session_->db.one(R"(SELECT day FROM day
                             WHERE project_id = :project AND ingestion = :ingestion
                               AND flags & :failed <> 0 LIMIT 1)",
                          {session_->project, ingestion, unsigned{kCheckFailed}}, day);
}

std::vector<Checked> Catalog::checks(const std::string& ingestion, Day day) {
  std::vector<Checked> checks;
  session_->db.query(R"(SELECT result, at FROM day_check
                        WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                        ORDER BY at DESC)",
                     {session_->project, ingestion, day},
                     [&](const Row& row) { checks.push_back(checked_in(row)); });
  return checks;
}

void Catalog::forget_checks(Instant before) {
  Transaction transaction(session_->db);
  // A day that was checked had begun: older days alone are looked through.
  session_->db.run(R"(DELETE FROM day_check
                      WHERE project_id = :project AND at < :before AND day <= :day
                        AND ingestion IN
                          (SELECT id FROM ingestion WHERE project_id = :project_again))",
                   {session_->project, before, project().zone.day_of(before), session_->project});
  transaction.commit();
}

std::optional<Checked> Catalog::last_check(const std::string& ingestion, Day day) {
  std::optional<Checked> last;
  session_->db.query(R"(SELECT check_result, checked_at FROM day
                        WHERE project_id = :project AND ingestion = :ingestion AND day = :day
                          AND checked_at IS NOT NULL)",
                     {session_->project, ingestion, day},
                     [&](const Row& row) { last = checked_in(row); });
  return last;
}

std::optional<KnownToken> Catalog::known_token(const std::string& ingestion, Day day) {
  std::optional<std::string> token;
  std::optional<Instant> confirmed_at;
  session_->db.one(R"(SELECT token, token_confirmed_at FROM day
                      WHERE project_id = :project AND ingestion = :ingestion AND day = :day)",
                   {session_->project, ingestion, day}, token, confirmed_at);
  if (!token || !confirmed_at) return {};
  return KnownToken{*token, *confirmed_at};
}

}  // namespace millrace::catalog
