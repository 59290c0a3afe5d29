#pragma once

#include <string_view>

namespace millrace::catalog {

/// Schema 1, as it was released.
/// Instants are BIGINT µs since 1970 UTC, days ISO text, ids UUIDv7 text, JSON text. Every row
/// names its project. `WITHOUT ROWID` keeps what is read together in neighbouring pages.
inline constexpr std::string_view kFirst[] = {
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

}  // namespace millrace::catalog
