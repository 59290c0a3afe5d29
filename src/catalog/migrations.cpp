#include "catalog/migrations.h"

#include "catalog/first_schema.h"

namespace millrace::catalog {
namespace {

/// A lease is renewed, so that one held on a machine that is gone ends some time.
constexpr std::string_view kRenewedLeases[] = {
    "ALTER TABLE load ADD COLUMN renewed_at BIGINT",
};

/// What the clock has to know: how an ingestion is kept current, when each of its days first ended,
/// and whether a failed one may simply be tried again.
constexpr std::string_view kUpkeep[] = {
    "ALTER TABLE ingestion ADD COLUMN upkeep TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE ingestion ADD COLUMN enabled BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE day ADD COLUMN error_fault TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE day ADD COLUMN first_ended_at BIGINT",
    R"(UPDATE day SET first_ended_at =
         (SELECT min(v.published_at) FROM version v
          WHERE v.project_id = day.project_id AND v.ingestion = day.ingestion
            AND v.day = day.day))",
};

/// What the service is asked, and by whom; and what its answers about loads are found by.
constexpr std::string_view kService[] = {
    R"(CREATE TABLE api_key (
         project_id   TEXT NOT NULL,
         id           TEXT NOT NULL,
         type         TEXT NOT NULL,
         digest       TEXT NOT NULL,
         hint         TEXT NOT NULL,
         description  TEXT NOT NULL,
         scopes       TEXT NOT NULL,
         per_10s      BIGINT NOT NULL,
         per_15min    BIGINT NOT NULL,
         active       BIGINT NOT NULL,
         created_at   BIGINT NOT NULL,
         last_used_at BIGINT,
         PRIMARY KEY (project_id, id),
         UNIQUE (digest)))",
    R"(CREATE TABLE asked (
         id         INTEGER PRIMARY KEY,
         project_id TEXT NOT NULL,
         run        TEXT NOT NULL,
         ingestion  TEXT NOT NULL,
         dataset    TEXT NOT NULL,
         day        TEXT NOT NULL,
         asked_by   TEXT NOT NULL,
         asked_at   BIGINT NOT NULL,
         not_before BIGINT NOT NULL,
         ended_at   BIGINT,
         error_code TEXT NOT NULL DEFAULT '',
         error_text TEXT NOT NULL DEFAULT ''))",
    R"(CREATE UNIQUE INDEX asked_open ON asked (project_id, ingestion, day)
         WHERE ended_at IS NULL)",
    "CREATE INDEX asked_run ON asked (project_id, run)",
    "CREATE INDEX asked_at ON asked (project_id, asked_at)",
    "CREATE INDEX asked_failed ON asked (project_id, ended_at) WHERE error_code <> ''",
    "CREATE INDEX load_run ON load (project_id, run)",
    "CREATE INDEX load_of_day ON load (project_id, ingestion, day)",
    "CREATE INDEX load_started ON load (project_id, started_at)",
    "CREATE INDEX load_closed ON load (project_id, closed_at)",
    "ALTER TABLE load ADD COLUMN error_code TEXT NOT NULL DEFAULT ''",
    R"(CREATE TABLE given_answer (
         project_id TEXT NOT NULL,
         api_key    TEXT NOT NULL,
         name       TEXT NOT NULL,
         request    TEXT NOT NULL,
         status     BIGINT NOT NULL,
         body       TEXT NOT NULL,
         given_at   BIGINT NOT NULL,
         PRIMARY KEY (project_id, api_key, name)))",
    "CREATE INDEX given_answer_at ON given_answer (given_at)",
    R"(CREATE TABLE dataset_rule (
         project_id     TEXT NOT NULL,
         dataset        TEXT NOT NULL,
         complete_until BIGINT,
         hour           BIGINT,
         PRIMARY KEY (project_id, dataset)))",
};

/// Who hears of an ingestion, what they have not been told of yet, and what is on its way to them.
/// What ended before is old news.
constexpr std::string_view kTelling[] = {
    "ALTER TABLE ingestion ADD COLUMN audience TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE load ADD COLUMN error_fault TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE load ADD COLUMN error_advice TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE load ADD COLUMN told_at BIGINT",
    "UPDATE load SET told_at = closed_at",
    R"(CREATE INDEX load_untold ON load (project_id, closed_at)
         WHERE told_at IS NULL AND closed_at IS NOT NULL)",
    "ALTER TABLE asked ADD COLUMN told_at BIGINT",
    "UPDATE asked SET told_at = ended_at",
    R"(CREATE INDEX asked_untold ON asked (project_id, run)
         WHERE told_at IS NULL AND asked_by = 'backfill')",
    R"(CREATE TABLE incident (
         project_id TEXT NOT NULL,
         id         TEXT NOT NULL,
         cause      TEXT NOT NULL,
         opened_at  BIGINT NOT NULL,
         closed_at  BIGINT,
         body       TEXT NOT NULL,
         PRIMARY KEY (project_id, id)))",
    R"(CREATE UNIQUE INDEX incident_open ON incident (project_id, cause)
         WHERE closed_at IS NULL)",
    R"(CREATE TABLE outbox (
         project_id TEXT NOT NULL,
         id         TEXT NOT NULL,
         event      TEXT NOT NULL,
         key        TEXT NOT NULL,
         kind       TEXT NOT NULL,
         title      TEXT NOT NULL,
         channel    TEXT NOT NULL,
         target     TEXT NOT NULL,
         body       TEXT NOT NULL,
         written_at BIGINT NOT NULL,
         next_at    BIGINT NOT NULL,
         tries      BIGINT NOT NULL DEFAULT 0,
         sent_at    BIGINT,
         refused_at BIGINT,
         error_text TEXT NOT NULL DEFAULT '',
         PRIMARY KEY (project_id, id),
         UNIQUE (project_id, key, channel, target)))",
    R"(CREATE INDEX outbox_waiting ON outbox (project_id, next_at)
         WHERE sent_at IS NULL AND refused_at IS NULL)",
    R"(CREATE TABLE digest (
         project_id TEXT NOT NULL PRIMARY KEY,
         until      BIGINT NOT NULL))",
};

/// What people do to an ingestion and to loads while the service runs.
constexpr std::string_view kHandles[] = {
    "ALTER TABLE ingestion ADD COLUMN paused_at BIGINT",
    "ALTER TABLE ingestion ADD COLUMN paused_why TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE load ADD COLUMN cancel_at BIGINT",
    R"(CREATE TABLE alert (
         id         INTEGER PRIMARY KEY,
         project_id TEXT NOT NULL,
         ingestion  TEXT NOT NULL,
         day        TEXT NOT NULL,
         what       TEXT NOT NULL,
         text       TEXT NOT NULL,
         raised_at  BIGINT NOT NULL,
         cleared_at BIGINT))",
    R"(CREATE UNIQUE INDEX alert_open ON alert (project_id, ingestion, what)
         WHERE cleared_at IS NULL)",
};

/// Who changed what; unit types that the API made; secrets of connections.
constexpr std::string_view kAudit[] = {
    R"(CREATE TABLE audit (
         id         INTEGER PRIMARY KEY,
         project_id TEXT NOT NULL,
         at         BIGINT NOT NULL,
         action     TEXT NOT NULL,
         name       TEXT NOT NULL,
         about      TEXT NOT NULL,
         changes    TEXT NOT NULL,
         actor_kind TEXT NOT NULL,
         actor_id   TEXT NOT NULL,
         actor_name TEXT NOT NULL))",
    "CREATE INDEX audit_at ON audit (project_id, at)",
    "CREATE INDEX audit_action ON audit (project_id, action)",
    "ALTER TABLE unit_type ADD COLUMN about TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE unit_type ADD COLUMN by_api BIGINT NOT NULL DEFAULT 0",
    R"(CREATE TABLE secret (
         project_id TEXT NOT NULL,
         name       TEXT NOT NULL,
         key_id     TEXT NOT NULL,
         box        TEXT NOT NULL,
         set_at     BIGINT NOT NULL,
         PRIMARY KEY (project_id, name)))",
};

/// People and their sessions.
constexpr std::string_view kPeople[] = {
    R"(CREATE TABLE person (
         project_id   TEXT NOT NULL,
         id           TEXT NOT NULL,
         email        TEXT NOT NULL,
         password     TEXT NOT NULL,
         role         TEXT NOT NULL,
         grants       TEXT NOT NULL,
         active       BIGINT NOT NULL,
         failures     BIGINT NOT NULL,
         locked_until BIGINT,
         created_at   BIGINT NOT NULL,
         PRIMARY KEY (project_id, id),
         UNIQUE (project_id, email)))",
    R"(CREATE TABLE person_session (
         project_id TEXT NOT NULL,
         digest     TEXT NOT NULL,
         csrf       TEXT NOT NULL,
         person     TEXT NOT NULL,
         expires_at BIGINT NOT NULL,
         PRIMARY KEY (project_id, digest)))",
    "CREATE INDEX person_session_of ON person_session (project_id, person)",
};

/// Wide rows of which some metrics were good, counted where days are listed.
constexpr std::string_view kPartlyLoaded[] = {
    "ALTER TABLE version ADD COLUMN partly_loaded BIGINT NOT NULL DEFAULT 0",
    R"(UPDATE version SET partly_loaded = COALESCE(
         (SELECT json_extract(b.body, '$.certificate.partly_loaded') FROM version_body b
          WHERE b.project_id = version.project_id AND b.version = version.id), 0)
       WHERE quarantine <> '')",
};

/// What people want to hear of.
constexpr std::string_view kWishes[] = {
    "ALTER TABLE person ADD COLUMN slack_direct BIGINT NOT NULL DEFAULT 0",
};

/// What an error quotes of rows, beside its text, which quotes nothing; and statuses by their word.
constexpr std::string_view kQuoted[] = {
    "ALTER TABLE load ADD COLUMN error_in_full TEXT NOT NULL DEFAULT ''",
    R"(UPDATE load SET error_in_full = error_text,
                       error_text = 'what the warehouse said may hold values of rows'
       WHERE error_code IN ('bad_value', 'bad_value_in_query', 'unreadable_value', 'bad_text'))",
    R"(UPDATE day SET error_text = 'what the warehouse said may hold values of rows'
       WHERE error_code IN ('bad_value', 'bad_value_in_query', 'unreadable_value', 'bad_text'))",
    "CREATE INDEX load_quoted ON load (project_id, closed_at) WHERE error_in_full <> ''",
    "CREATE INDEX load_attempt ON load (project_id, attempt, closed_at, error_code)",
    "CREATE INDEX asked_by_at ON asked (project_id, asked_by, asked_at)",
};

/// Days by when they first ended, with all that says whether one is due: a backfill has many, few
/// of which are. Sources that the API made have the hour of their dataset, which used to be copied.
constexpr std::string_view kFollowUp[] = {
    R"(CREATE INDEX day_ended ON day (project_id, first_ended_at, checked_at, attempt, flags)
         WHERE first_ended_at IS NOT NULL)",
    R"(UPDATE ingestion SET upkeep = json_remove(upkeep, '$.schedule.hour')
       WHERE managed_by = 'api')",
};

/// Every check of a day, beside the last one, which stays with the day. Read by who wants to know
/// of one day: nothing that decides looks here.
constexpr std::string_view kChecks[] = {
    R"(CREATE TABLE day_check (
         project_id TEXT NOT NULL,
         ingestion  TEXT NOT NULL,
         day        TEXT NOT NULL,
         at         BIGINT NOT NULL,
         result     TEXT NOT NULL,
         PRIMARY KEY (project_id, ingestion, day, at))
       WITHOUT ROWID)",
    R"(INSERT INTO day_check (project_id, ingestion, day, at, result)
       SELECT project_id, ingestion, day, checked_at, check_result FROM day
       WHERE checked_at IS NOT NULL AND check_result IS NOT NULL)",
};

/// When a day's current version was published: whoever decides asks it of every day.
constexpr std::string_view kLoadedAt[] = {
    "ALTER TABLE day ADD COLUMN loaded_at BIGINT",
    R"(UPDATE day SET loaded_at =
         (SELECT v.published_at FROM version v
          WHERE v.project_id = day.project_id AND v.ingestion = day.ingestion
            AND v.day = day.day AND v.id = day.current))",
};

/// How often days of each ingestion were changed, whoever does it: a decision reads again those of
/// the ingestions whose number is another one.
constexpr std::string_view kDayChanges[] = {
    R"(CREATE TABLE day_change (
         project_id TEXT NOT NULL,
         ingestion  TEXT NOT NULL,
         changes    BIGINT NOT NULL,
         PRIMARY KEY (project_id, ingestion))
       WITHOUT ROWID)",
    R"(CREATE TRIGGER day_inserted AFTER INSERT ON day BEGIN
         INSERT INTO day_change VALUES (new.project_id, new.ingestion, 1)
         ON CONFLICT (project_id, ingestion) DO UPDATE SET changes = changes + 1;
       END)",
    R"(CREATE TRIGGER day_updated AFTER UPDATE ON day BEGIN
         INSERT INTO day_change VALUES (new.project_id, new.ingestion, 1)
         ON CONFLICT (project_id, ingestion) DO UPDATE SET changes = changes + 1;
       END)",
    R"(CREATE TRIGGER day_deleted AFTER DELETE ON day BEGIN
         INSERT INTO day_change VALUES (old.project_id, old.ingestion, 1)
         ON CONFLICT (project_id, ingestion) DO UPDATE SET changes = changes + 1;
       END)",
};

constexpr std::span<const std::string_view> kMigrations[] = {
    kFirst,        kRenewedLeases, kUpkeep, kService,  kTelling, kHandles,  kAudit,     kPeople,
    kPartlyLoaded, kWishes,        kQuoted, kFollowUp, kChecks,  kLoadedAt, kDayChanges};

}  // namespace

std::span<const std::span<const std::string_view>> migrations() { return kMigrations; }

}  // namespace millrace::catalog
