#include "catalog/follow_up_migration.h"
#include "catalog/migrations.h"

namespace millrace::catalog {
namespace {

/// Instants are BIGINT µs since 1970 UTC, days ISO text, ids UUIDv7 text, JSON text. Every row
/// names its project. `WITHOUT ROWID` keeps what is read together in neighbouring pages.
constexpr std::string_view kFirst[] = {
    R"(CREATE TABLE store (
         project_id TEXT NOT NULL,
         store_id   TEXT NOT NULL))",
    R"(CREATE TABLE generation (
         project_id TEXT NOT NULL,
         number     BIGINT NOT NULL,
         nonce      TEXT NOT NULL,
         added_at   BIGINT NOT NULL,
         PRIMARY KEY (number, nonce)))",
    R"(CREATE TABLE project (
         project_id TEXT PRIMARY KEY,
         zone       TEXT NOT NULL,
         unit_types TEXT NOT NULL))",
    R"(CREATE TABLE unit_type (
         project_id    TEXT NOT NULL,
         folded        TEXT NOT NULL,
         name          TEXT NOT NULL,
         position      BIGINT NOT NULL,
         first_used_at BIGINT NOT NULL,
         PRIMARY KEY (project_id, folded)))",
    R"(CREATE TABLE connection (
         project_id TEXT NOT NULL,
         name       TEXT NOT NULL,
         kind       TEXT NOT NULL,
         settings   TEXT NOT NULL,
         managed_by TEXT NOT NULL,
         PRIMARY KEY (project_id, name)))",
    R"(CREATE TABLE definition (
         project_id TEXT NOT NULL,
         revision   TEXT NOT NULL,
         body       TEXT NOT NULL,
         PRIMARY KEY (project_id, revision)))",
    R"(CREATE TABLE ingestion (
         project_id TEXT NOT NULL,
         id         TEXT NOT NULL,
         handle     TEXT NOT NULL,
         name       TEXT NOT NULL,
         connection TEXT NOT NULL,
         kind       TEXT NOT NULL,
         dataset    TEXT NOT NULL,
         revision   TEXT NOT NULL,
         limits     TEXT NOT NULL,
         managed_by TEXT NOT NULL,
         archived   BIGINT NOT NULL,
         PRIMARY KEY (project_id, id),
         UNIQUE (project_id, kind, dataset, name),
         FOREIGN KEY (project_id, revision) REFERENCES definition (project_id, revision)))",
    // A load outlives its ingestion: the sweep deletes only what a load of ours has made.
    R"(CREATE TABLE load (
         project_id    TEXT NOT NULL,
         id            TEXT NOT NULL,
         ingestion     TEXT NOT NULL,
         dataset       TEXT NOT NULL,
         day           TEXT NOT NULL,
         revision      TEXT NOT NULL,
         run           TEXT NOT NULL,
         asked_by      TEXT NOT NULL,
         attempt       TEXT NOT NULL,
         host          TEXT NOT NULL,
         pid           BIGINT NOT NULL,
         process_start BIGINT NOT NULL,
         started_at    BIGINT NOT NULL,
         closed_at     BIGINT,
         error_text    TEXT NOT NULL DEFAULT '',
         note          TEXT NOT NULL DEFAULT '',
         published_seq BIGINT,
         swept_at      BIGINT,
         manifest      TEXT,
         PRIMARY KEY (project_id, id)))",
    R"(CREATE INDEX load_open ON load (project_id, id) WHERE closed_at IS NULL)",
    R"(CREATE INDEX load_unpublished ON load (project_id, closed_at)
         WHERE published_seq IS NULL AND swept_at IS NULL)",
    // Slim, and next to the other versions of its day: a year of days is some twenty pages.
    R"(CREATE TABLE version (
         project_id    TEXT NOT NULL,
         ingestion     TEXT NOT NULL,
         day           TEXT NOT NULL,
         id            TEXT NOT NULL,
         dataset       TEXT NOT NULL,
         seq           BIGINT NOT NULL,
         rows          BIGINT NOT NULL,
         files         BIGINT NOT NULL,
         quarantined   BIGINT NOT NULL,
         flags         BIGINT NOT NULL,
         revision      TEXT NOT NULL,
         published_at  BIGINT NOT NULL,
         superseded_at BIGINT,
         condemned_at  BIGINT,
         swept_at      BIGINT,
         forgotten     BIGINT NOT NULL DEFAULT 0,
         quarantine    TEXT NOT NULL,
         PRIMARY KEY (project_id, ingestion, day, id),
         UNIQUE (project_id, id),
         FOREIGN KEY (project_id, revision) REFERENCES definition (project_id, revision))
       WITHOUT ROWID)",
    R"(CREATE TABLE version_body (
         project_id TEXT NOT NULL,
         version    TEXT NOT NULL,
         body       TEXT NOT NULL,
         PRIMARY KEY (project_id, version),
         FOREIGN KEY (project_id, version) REFERENCES version (project_id, id)))",
    R"(CREATE INDEX version_superseded ON version (project_id, superseded_at)
         WHERE superseded_at IS NOT NULL AND swept_at IS NULL)",
    R"(CREATE TABLE file (
         project_id TEXT NOT NULL,
         version    TEXT NOT NULL,
         position   BIGINT NOT NULL,
         path       TEXT NOT NULL,
         bytes      BIGINT NOT NULL,
         rows       BIGINT NOT NULL,
         revision   TEXT NOT NULL,
         stats      TEXT NOT NULL,
         PRIMARY KEY (project_id, version, position),
         FOREIGN KEY (project_id, version) REFERENCES version (project_id, id))
       WITHOUT ROWID)",
    R"(CREATE TABLE day (
         project_id   TEXT NOT NULL,
         ingestion    TEXT NOT NULL,
         day          TEXT NOT NULL,
         current      TEXT,
         attempt      TEXT NOT NULL,
         load         TEXT NOT NULL,
         flags        BIGINT NOT NULL,
         held_load    TEXT NOT NULL,
         hold_reason  TEXT NOT NULL,
         error_code   TEXT NOT NULL,
         error_text   TEXT NOT NULL,
         error_advice TEXT NOT NULL,
         changed_at   BIGINT NOT NULL,
         lease_load   TEXT NOT NULL DEFAULT '',
         lease_token  TEXT NOT NULL DEFAULT '',
         token        TEXT,
         token_confirmed_at BIGINT,
         checked_at   BIGINT,
         check_result TEXT,
         PRIMARY KEY (project_id, ingestion, day),
         FOREIGN KEY (project_id, ingestion) REFERENCES ingestion (project_id, id),
         FOREIGN KEY (project_id, current) REFERENCES version (project_id, id))
       WITHOUT ROWID)",
    // What the current versions of metrics deliver: nobody may deliver it twice on one day.
    R"(CREATE TABLE delivered (
         project_id TEXT NOT NULL,
         day        TEXT NOT NULL,
         metric     TEXT NOT NULL,
         unit_type  TEXT NOT NULL,
         ingestion  TEXT NOT NULL,
         PRIMARY KEY (project_id, day, metric, unit_type, ingestion))
       WITHOUT ROWID)",
    R"(CREATE INDEX delivered_by ON delivered (project_id, ingestion, day))",
    R"(CREATE TABLE ledger (
         project_id TEXT NOT NULL,
         ingestion  TEXT NOT NULL,
         load       TEXT NOT NULL,
         dataset    TEXT NOT NULL,
         day        TEXT NOT NULL,
         rows       BIGINT NOT NULL,
         at         BIGINT NOT NULL,
         PRIMARY KEY (project_id, ingestion, load))
       WITHOUT ROWID)",
    R"(CREATE TABLE publish_seq (
         project_id TEXT NOT NULL,
         dataset    TEXT NOT NULL,
         seq        BIGINT NOT NULL,
         PRIMARY KEY (project_id, dataset)))",
    R"(CREATE TABLE intent (
         id         INTEGER PRIMARY KEY,
         project_id TEXT NOT NULL,
         what       TEXT NOT NULL,
         dataset    TEXT NOT NULL,
         seq        BIGINT NOT NULL,
         record     TEXT NOT NULL))",
    R"(CREATE INDEX intent_of ON intent (project_id, dataset, seq, what))",
};

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

constexpr std::span<const std::string_view> kMigrations[] = {
    kFirst,   kRenewedLeases, kUpkeep, kService,      kTelling,
    kHandles, kAudit,         kPeople, kPartlyLoaded, kWishes, kFollowUp};

}  // namespace

std::span<const std::span<const std::string_view>> migrations() { return kMigrations; }

}  // namespace millrace::catalog
