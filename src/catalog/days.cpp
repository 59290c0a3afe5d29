#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "catalog/session.h"
#include "model/json.h"

namespace millrace::catalog {
namespace {

/// A day's state and what its current version counts, in one walk along neighbouring rows.
constexpr const char* kDayColumns =
    R"(SELECT d.day, d.current, d.attempt, d.load, d.flags, d.held_load, d.hold_reason,
              d.error_code, d.error_text, d.error_advice, d.error_fault, d.changed_at,
              v.rows, v.files, v.quarantined, v.partly_loaded, v.revision, v.published_at,
              d.checked_at, d.check_result,
              CASE WHEN d.error_code <> '' THEN
                (SELECT l.error_in_full FROM load l
                 WHERE l.project_id = d.project_id AND l.id = d.load) END,
              CASE WHEN d.attempt = 'empty' THEN
                (SELECT l.note FROM load l
                 WHERE l.project_id = d.project_id AND l.id = d.load) END
       FROM day d
       LEFT JOIN version v ON v.project_id = d.project_id AND v.ingestion = d.ingestion
                          AND v.day = d.day AND v.id = d.current
       WHERE d.project_id = :project AND d.ingestion = :ingestion
         AND d.day BETWEEN :first AND :last
       ORDER BY d.day)";

struct DayWithCounts {
  DayRow row;
  std::int64_t files = 0;
};

DayWithCounts day_in(const Row& row, const std::string& ingestion) {
  DayWithCounts found;
  DayState& state = found.row.state;
  std::string attempt, fault, check;
  std::optional<Instant> checked_at;
  row.into(state.day, state.current, attempt, state.load, state.flags, state.held_load,
           state.hold_reason, state.error_code, state.error_text, state.error_advice, fault,
           state.changed_at, found.row.rows, found.files, found.row.quarantined,
           found.row.partly_loaded, found.row.revision, found.row.loaded_at, checked_at, check,
           found.row.error_in_full, found.row.note);
  if (checked_at && found.row.loaded_at && *checked_at > *found.row.loaded_at && !check.empty()) {
    found.row.known_difference =
        known_difference(json::check_result(json::parse(check, "check in the catalog")));
  }
  state.ingestion = ingestion;
  state.attempt = attempt_named(attempt);
  if (!fault.empty()) state.error_fault = fault_named(fault);
  return found;
}

std::vector<FileEntry> files_of(Session& session, const std::string& version) {
  std::vector<FileEntry> files;
  session.db.query(R"(SELECT path, bytes, rows, revision, stats FROM file
                      WHERE project_id = :project AND version = :version ORDER BY position)",
                   {session.project, version}, [&](const Row& row) {
                     FileEntry& file = files.emplace_back();
                     row.into(file.path, file.bytes, file.rows, file.revision, file.stats);
                   });
  return files;
}

Version version_with_files(Session& session, const std::string& body) {
  Version version = json::version(json::parse(body, "version in the catalog"));
  version.files = files_of(session, version.id);
  return version;
}

}  // namespace

std::optional<DayState> find_day(Session& session, const std::string& ingestion, Day day) {
  std::optional<DayState> found;
  session.db.query(kDayColumns, {session.project, ingestion, day, day},
                   [&](const Row& row) { found = day_in(row, ingestion).row.state; });
  return found;
}

void store_day(Session& session, const DayState& state) {
  std::optional<std::string> current;
  if (!state.current.empty()) current = state.current;
  session.db.run(
      R"(INSERT INTO day (project_id, ingestion, day, current, attempt, load, flags, held_load,
                          hold_reason, error_code, error_text, error_advice, error_fault,
                          changed_at)
         VALUES (:project, :ingestion, :day, :current, :attempt, :load, :flags, :held_load,
                 :hold_reason, :error_code, :error_text, :error_advice, :error_fault, :changed_at)
         ON CONFLICT (project_id, ingestion, day) DO UPDATE SET
           current = excluded.current, attempt = excluded.attempt, load = excluded.load,
           flags = excluded.flags, held_load = excluded.held_load,
           hold_reason = excluded.hold_reason, error_code = excluded.error_code,
           error_text = excluded.error_text, error_advice = excluded.error_advice,
           error_fault = excluded.error_fault, changed_at = excluded.changed_at)",
      {session.project, state.ingestion, state.day, current, name_of(state.attempt), state.load,
       state.flags, state.held_load, state.hold_reason, state.error_code, state.error_text,
       state.error_advice,
       state.error_fault ? std::string(name_of(*state.error_fault)) : std::string(),
       state.changed_at});
}

std::optional<Version> find_version(Session& session, const std::string& id) {
  std::string body;
  if (!session.db.one(R"(SELECT b.body FROM version v
                         JOIN version_body b ON b.project_id = v.project_id AND b.version = v.id
                         WHERE v.project_id = :project AND v.id = :id AND v.forgotten = 0)",
                      {session.project, id}, body)) {
    return {};
  }
  return version_with_files(session, body);
}

std::optional<DayState> Catalog::day(const std::string& ingestion, Day day) {
  return find_day(*session_, ingestion, day);
}

namespace {

/// A load whose process ended is seen by who looks, before anybody closes it.
void show_death(Session& session, DayRow& day) {
  if (day.state.attempt != Attempt::Loading) return;
  const auto load = find_load(session, day.state.load);
  if (!load || !is_abandoned(session, *load)) return;
  show_error(day.state, Attempt::Failed, death_of(session, *load));
  day.status = status_of(day.state, false);
}

}  // namespace

std::vector<DayRow> Catalog::days(const std::string& ingestion, std::optional<DayRange> range) {
  Transaction view(session_->db, Transaction::Kind::Read);
  const Zone zone = project().zone;
  std::string revision;
  session_->db.one("SELECT revision FROM ingestion WHERE project_id = :project AND id = :id",
                   {session_->project, ingestion}, revision);
  const std::string first = range ? range->first.text() : "";
  const std::string last = range ? range->last.text() : "~";  // Sorts behind every day.
  std::vector<DayRow> days;
  session_->db.query(kDayColumns, {session_->project, ingestion, first, last}, [&](const Row& row) {
    DayWithCounts found = day_in(row, ingestion);
    DayRow& day = days.emplace_back(std::move(found.row));
    day.stale = !day.state.current.empty() && day.revision != revision;
    day.bounds = zone.bounds(day.state.day);
    day.status = status_of(day.state, found.files == 0);
  });
  for (DayRow& day : days) show_death(*session_, day);
  // A version has the instants of the zone that it was loaded by.
  std::map<std::string, Zone> zones;
  for (DayRow& day : days) {
    if (day.revision.empty()) continue;
    if (!zones.contains(day.revision)) {
      const auto loaded_by = definition(day.revision);
      zones.emplace(day.revision, loaded_by ? Zone::named(loaded_by->zone) : zone);
    }
    day.bounds = zones.at(day.revision).bounds(day.state.day);
  }
  return days;
}

namespace {

/// How much of the current version a held load lacks.
double lost_percent(Catalog& catalog, const DayState& state) {
  if (state.held_load.empty()) return 0;
  const auto version = catalog.version(state.current);
  const auto held = catalog.held_manifest(state.ingestion, state.day);
  if (!version || !held) return 0;
  const std::int64_t then = rows_of_day(version->certificate);
  const std::int64_t now = rows_of_day(held->certificate);
  return then > 0 ? 100.0 * static_cast<double>(then - now) / static_cast<double>(then) : 0;
}

}  // namespace

std::int64_t Catalog::changes() { return session_->db.changes(); }

namespace {

/// A day as the clock sees it.
std::string kept_columns() {
  return fmt::format(
      R"(SELECT d.ingestion, d.day, d.current, d.attempt, d.flags, d.held_load, d.error_code,
              d.error_fault, d.changed_at, d.first_ended_at, d.checked_at, d.loaded_at,
              CASE WHEN d.flags & {0} <> 0 THEN
                (SELECT min(m.published_at) FROM version m
                 WHERE m.project_id = d.project_id AND m.ingestion = d.ingestion
                   AND m.day = d.day AND m.published_at > COALESCE(
                     (SELECT max(s.published_at) FROM version s
                      WHERE s.project_id = d.project_id AND s.ingestion = d.ingestion
                        AND s.day = d.day AND s.flags & {0} = 0), 0)) END )",
      unsigned{kMovedDuringRead});
}

KeptDay kept_day_in(const Row& row) {
  KeptDay day;
  std::string attempt, fault;
  DayState& state = day.state;
  row.into(state.ingestion, state.day, state.current, attempt, state.flags, state.held_load,
           state.error_code, fault, state.changed_at, day.first_ended_at, day.checked_at,
           day.loaded_at, day.moving_since);
  state.attempt = attempt_named(attempt);
  if (!fault.empty()) state.error_fault = fault_named(fault);
  return day;
}

}  // namespace

std::map<std::string, std::int64_t> Catalog::day_changes() {
  std::map<std::string, std::int64_t> changes;
  session_->db.query("SELECT ingestion, changes FROM day_change WHERE project_id = :project",
                     {session_->project}, [&](const Row& row) {
                       std::string ingestion;
                       std::int64_t times = 0;
                       row.into(ingestion, times);
                       changes.emplace(std::move(ingestion), times);
                     });
  return changes;
}

std::vector<KeptDay> Catalog::kept_days(const std::string& ingestion, Day since) {
  static const std::string statement = kept_columns() + R"(FROM day d
         WHERE d.project_id = :project AND d.ingestion = :ingestion AND d.day >= :since
         ORDER BY d.day)";
  std::vector<KeptDay> days;
  session_->db.query(statement, {session_->project, ingestion, since},
                     [&](const Row& row) { days.push_back(kept_day_in(row)); });
  for (KeptDay& day : days) day.lost_percent = lost_percent(*this, day.state);
  return days;
}

std::map<std::string, std::vector<KeptDay>> Catalog::unsettled_days(
    Day before, const std::vector<Unseen>& unseen) {
  // `e` is read from its index alone.
  static const std::string statement = fmt::format(
      R"({} FROM day e
         CROSS JOIN day d ON d.project_id = e.project_id AND d.ingestion = e.ingestion
                         AND d.day = e.day
         CROSS JOIN ingestion i ON i.project_id = d.project_id AND i.id = d.ingestion
         WHERE e.project_id = :project AND e.first_ended_at >= :start AND e.first_ended_at < :end
           AND e.day < :since
           AND (COALESCE(e.checked_at, 0) < :before OR e.attempt NOT IN ('loaded', 'empty')
                OR e.flags & {} <> 0)
           AND i.enabled = 1 AND i.archived = 0)",
      kept_columns(), unsigned{kMovedDuringRead} | unsigned{kCheckFailed});
  std::map<std::string, std::vector<KeptDay>> found;
  for (const Unseen& one : unseen) {
    session_->db.query(statement,
                       {session_->project, one.ended.start, one.ended.end, before, one.before},
                       [&](const Row& row) {
                         KeptDay day = kept_day_in(row);
                         found[day.state.ingestion].push_back(std::move(day));
                       });
  }
  for (auto& [ingestion, days] : found) {
    std::ranges::sort(days, {}, [](const KeptDay& day) { return day.state.day; });
    for (KeptDay& day : days) day.lost_percent = lost_percent(*this, day.state);
  }
  return found;
}

std::vector<Day> Catalog::stale_days(const std::string& ingestion) {
  std::vector<Day> stale;
  session_->db.query(R"(SELECT d.day FROM day d
                        JOIN version v ON v.project_id = d.project_id
                                      AND v.ingestion = d.ingestion AND v.day = d.day
                                      AND v.id = d.current
                        JOIN ingestion i ON i.project_id = d.project_id AND i.id = d.ingestion
                        WHERE d.project_id = :project AND d.ingestion = :ingestion
                          AND v.revision <> i.revision
                        ORDER BY d.day)",
                     {session_->project, ingestion},
                     [&](const Row& row) { row.into(stale.emplace_back()); });
  return stale;
}

std::optional<Version> Catalog::version(const std::string& id) {
  Transaction view(session_->db, Transaction::Kind::Read);
  return find_version(*session_, id);
}

std::vector<Version> Catalog::history(const std::string& ingestion, Day day) {
  Transaction view(session_->db, Transaction::Kind::Read);
  std::vector<Version> versions;
  session_->db.query(R"(SELECT b.body FROM version v
                        JOIN version_body b ON b.project_id = v.project_id AND b.version = v.id
                        WHERE v.project_id = :project AND v.ingestion = :ingestion
                          AND v.day = :day AND v.forgotten = 0
                        ORDER BY v.seq DESC)",
                     {session_->project, ingestion, day}, [&](const Row& row) {
                       std::string body;
                       row.into(body);
                       versions.push_back(version_with_files(*session_, body));
                     });
  return versions;
}

bool is_swept(Session& session, const std::string& version) {
  std::string id;
  return session.db.one(R"(SELECT id FROM version WHERE project_id = :project AND id = :id
                           AND (condemned_at IS NOT NULL OR forgotten <> 0))",
                        {session.project, version}, id);
}

bool Catalog::is_swept(const std::string& version) { return catalog::is_swept(*session_, version); }

std::vector<std::pair<std::string, std::string>> Catalog::upstream_before(
    const std::string& ingestion, Instant at) {
  // By id, which says when the load began: one that was held may be published much later.
  std::string body;
  const bool found = session_->db.one(
      R"(SELECT b.body FROM version v
         JOIN version_body b ON b.project_id = v.project_id AND b.version = v.id
         WHERE v.project_id = :project AND v.ingestion = :ingestion AND v.published_at < :at
           AND json_extract(b.body, '$.certificate.upstream') IS NOT NULL
         ORDER BY v.id DESC LIMIT 1)",
      {session_->project, ingestion, at}, body);
  if (!found) return {};
  return json::version(json::parse(body, "a version in the catalog")).certificate.upstream;
}

std::pair<std::int64_t, std::vector<FileEntry>> Catalog::current_files(Dataset dataset) {
  Transaction view(session_->db, Transaction::Kind::Read);
  std::vector<FileEntry> files;
  session_->db.query(R"(SELECT f.path, f.bytes, f.rows, f.revision, f.stats
                        FROM ingestion i
                        JOIN day d ON d.project_id = i.project_id AND d.ingestion = i.id
                        JOIN file f ON f.project_id = d.project_id AND f.version = d.current
                        WHERE i.project_id = :project AND i.dataset = :dataset
                        ORDER BY d.ingestion, d.day, f.position)",
                     {session_->project, name_of(dataset)}, [&](const Row& row) {
                       FileEntry& file = files.emplace_back();
                       row.into(file.path, file.bytes, file.rows, file.revision, file.stats);
                     });
  return {highest_publish(dataset), std::move(files)};
}

}  // namespace millrace::catalog
