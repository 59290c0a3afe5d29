#include "definition/keys.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>

#include <fmt/ranges.h>

namespace millrace::definition {
namespace {

constexpr unsigned kEvents = bit(Dataset::Events);
constexpr unsigned kMetrics = bit(Dataset::Metrics);
constexpr unsigned kExposures = bit(Dataset::Exposures);
constexpr unsigned kProperties = bit(Dataset::EntityProperties);
constexpr unsigned kTimed = kEvents | kExposures | kProperties;

constexpr std::array<std::string_view, 4> kDatasetWords = {"events", "metrics", "exposures",
                                                           "entity_properties"};
constexpr std::array<std::string_view, 3> kTimeUnits = {"s", "ms", "us"};
constexpr std::array<std::string_view, 3> kDuplicateRules = {"reject", "sum", "last"};
constexpr std::array<std::string_view, 3> kPartitionTypes = {"date", "text", "integer"};

constexpr KeyRule kTop[] = {
    {"project", Shape::Table, "Zone and unit types."},
    {"store", Shape::Table, "Where files lie."},
    {"catalog", Shape::Table, "Where the catalog lies."},
    {"files", Shape::Table, "What connections of kind `files` may read."},
    {"server", Shape::Table, "Where `millrace serve` answers."},
    {"service", Shape::Table, "How much `millrace serve` does at once."},
    {"notify", Shape::Table, "How people are told."},
    {"retention", Shape::Table, "For how long what nobody reads is kept."},
    {"connection", Shape::Table, "Warehouse accounts, by name."},
    {"ingestion", Shape::Table, "What is loaded, by name."},
};

constexpr KeyRule kProject[] = {
    {"id", Shape::Text, "Names the project's folder in the store. Default `default`.",
     "\"default\""},
    {"zone", Shape::Text, "Where a day begins: a fixed offset or an IANA name. Default `UTC-8`.",
     "\"UTC-8\""},
    {"unit_types", Shape::TextList,
     "What ids are of: letters, digits and `_`, no two alike but for case. Never reused.",
     "[\"userID\", \"stableID\"]"},
    {"owner", Shape::Text, "Who hears of what has no owner of its own: an e-mail address.",
     "\"data@example.com\""},
};

constexpr KeyRule kStore[] = {
    {"root", Shape::Text, "Folder for all data; relative to the home. Default `store`.",
     "\"store\""},
};

constexpr KeyRule kCatalog[] = {
    {"url", Shape::Text, "SQLite file; relative to the home. Default `catalog.db`.",
     "\"catalog.db\""},
};

constexpr KeyRule kFiles[] = {
    {"roots", Shape::TextList, "Folders that connections of kind `files` may read; default none.",
     "[\"/data/exports\"]"},
};

constexpr KeyRule kServer[] = {
    {"listen", Shape::Text,
     "Address and port of the API, or `none`; `serve --listen` wins. Default `127.0.0.1:8080`.",
     "\"127.0.0.1:8080\""},
    {"tls_certificate", Shape::Text,
     "PEM file: the API's certificate and those above it; relative to the home. Default: no TLS.",
     "\"tls/certificate.pem\""},
    {"tls_key", Shape::Text, "PEM file with its private key; relative to the home.",
     "\"tls/key.pem\""},
    {"oidc", Shape::Table, "An issuer of OpenID Connect that people may sign in with.",
     "{ issuer = \"https://accounts.example.com\", … }"},
};

constexpr std::array<std::string_view, 2> kCreatedRoles = {"viewer", "editor"};

constexpr KeyRule kOidc[] = {
    {"issuer", Shape::Text, "Its address, as its own description writes it. Required.",
     "\"https://accounts.example.com\""},
    {"client_id", Shape::Text, "As what this service is known there. Required.", "\"millrace\""},
    {"client_secret", Shape::Text, "A reference to the client's secret; a public client has none.",
     "\"env:OIDC_SECRET\""},
    {"redirect_url", Shape::Text,
     "Where browsers come back to, as they reach this service: it ends in "
     "`/api/v1/session/oidc/callback`. Required.",
     "\"https://millrace.example.com/api/v1/session/oidc/callback\""},
    {"create_role", Shape::Text,
     "What people become who are no users yet. Default: they are not let in.", "\"viewer\"",
     kEveryDataset, kCreatedRoles},
    {"trust_email", Shape::Boolean,
     "Believe an address of which the issuer does not say whether it was verified. Default false.",
     "true"},
    {"ca_file", Shape::Text,
     "Authorities that may have signed the issuer's certificate; relative to the home. Default: "
     "the system's.",
     "\"secrets/ca.pem\""},
};

constexpr std::array<std::string_view, 3> kTls = {"starttls", "implicit", "none"};

constexpr KeyRule kNotify[] = {
    {"digest", Shape::Text,
     "When the daily digest is written, in the project's zone; or `off`. Default `08:00`.",
     "\"08:00\""},
    {"link", Shape::Text,
     "What messages link to; `{ingestion}`, `{day}` and `{run}` are filled in. Default: no link.",
     "\"https://millrace.example.com/{ingestion}/{day}\""},
    {"gather_seconds", Shape::Integer,
     "So long what goes wrong together is gathered into one message. Default 20.", "20"},
    {"smtp", Shape::Table, "How mail is sent.", "{ host = \"smtp.example.com\", … }"},
    {"slack", Shape::Table, "How Slack is reached.", "{ token = \"env:SLACK_TOKEN\" }"},
    {"webhook", Shape::Table, "Programs that hear of everything, by name.",
     "{ ops = { url = \"https://…\", secret = \"env:HOOK_SECRET\" } }"},
};

constexpr KeyRule kSmtp[] = {
    {"host", Shape::Text, "The mail server. Required.", "\"smtp.example.com\""},
    {"port", Shape::Integer, "Default 587; 465 with `tls = \"implicit\"`.", "587"},
    {"from", Shape::Text, "Who the mail is from. Required.", "\"Millrace <millrace@example.com>\""},
    {"user", Shape::Text, "Who logs in; without it nobody does.", "\"millrace\""},
    {"password", Shape::Text, "A reference to the password.", "\"env:SMTP_PASSWORD\""},
    {"tls", Shape::Text,
     "`starttls`: mail is refused to a server that does not offer it. Default `starttls`.",
     "\"starttls\"", kEveryDataset, kTls},
    {"ca_file", Shape::Text,
     "Authorities that may have signed the server's certificate; relative to the home. Default: "
     "the system's.",
     "\"secrets/ca.pem\""},
};

constexpr KeyRule kSlack[] = {
    {"token", Shape::Text,
     "A reference to a bot's token with the scopes chat:write and users:read.email. Required.",
     "\"env:SLACK_TOKEN\""},
    {"channels", Shape::TextList, "Channels that hear of everything.", "[\"#data-alerts\"]"},
    {"direct", Shape::TextList,
     "People who want a direct message besides the mail, by e-mail address.",
     "[\"ana@example.com\"]"},
    {"url", Shape::Text, "Where the API is. Default `https://slack.com/api`.",
     "\"https://slack.com/api\""},
};

constexpr KeyRule kWebhook[] = {
    {"url", Shape::Text, "Where events are posted. Required.",
     "\"https://example.com/hooks/millrace\""},
    {"secret", Shape::Text, "A reference to what signs them. Required.", "\"env:HOOK_SECRET\""},
};

constexpr KeyRule kIngestion[] = {
    {"name", Shape::Text, "Shown to people, unique per (kind, dataset). Default: the table's key.",
     "\"Purchases\""},
    {"connection", Shape::Text, "The connection to read from. Required.", "\"shop\""},
    {"dataset", Shape::Text, "What the rows become. Required.", "\"events\"", kEveryDataset,
     kDatasetWords},
    {"query", Shape::Text,
     "One SELECT in the warehouse's SQL. One of `query`, `query_file` and `folder` is required.",
     "\"select * from purchases\""},
    {"query_file", Shape::Text,
     "A file holding the query, relative to this file: in its folder, or below the one applied.",
     "\"purchases.sql\""},
    {"folder", Shape::Text,
     "Kinds `files` and `s3`: read `<folder>/<YYYY-MM-DD>/*.parquet`; the folder is the day.",
     "\"events\""},
    {"partition", Shape::Table, "A pruning predicate on another column than the mapped time.",
     "{ column = \"ds\", type = \"date\", lag_days = 1 }"},
    {"mapping", Shape::Table, "Which column means what. Required.", "{ timestamp = \"ts\", … }"},
    {"limits", Shape::Table, "What is too much to be true.", "{ max_rejected = \"1%\" }"},
    {"enabled", Shape::Boolean,
     "Whether `serve` and `load --due` keep it current by themselves. Default false.", "true"},
    {"owner", Shape::Text, "Who hears of it: an e-mail address. Default: the project's owner.",
     "\"ana@example.com\""},
    {"notify", Shape::Table, "Who else hears of it.", "{ subscribers = [\"ben@example.com\"] }"},
    {"schedule", Shape::Table, "When a day is loaded first.", "{ mode = \"daily\", hour = 10 }"},
    {"follow_up", Shape::Table, "When days that ended are checked again.",
     "{ preset = \"exact\" }"},
};

constexpr std::array<std::string_view, 4> kModes = {"daily", "hourly", "api", "manual"};
constexpr std::array<std::string_view, 4> kPresets = {"exact", "3d-5pct", "2w-1pct", "off"};

constexpr KeyRule kSchedule[] = {
    {"mode", Shape::Text,
     "Who starts the first load of a day: the clock (`hourly`: today, too, again and again until "
     "it is over), a call, or a person. Default `daily`.",
     "\"daily\"", kEveryDataset, kModes},
    {"hour", Shape::Integer,
     "0 to 23, in the project's zone, on the day after the one that is loaded. Default: the hour "
     "that the API set for the dataset (`POST /console/v1/ingestion/schedule`), else 10.",
     "10"},
    {"every_hours", Shape::Integer,
     "Mode `hourly`: at 0:00 and every so many hours after it, 1 to 23. Default 1.", "3"},
    {"deadline", Shape::Text,
     "Until then a day without rows is looked at every 30 minutes; then it is *succeeded, no "
     "data*. The first such time at or after the hour. Default `18:00`.",
     "\"18:00\""},
    {"fresh_by", Shape::Text,
     "When, on the day after, a day must be there: else an alert, whatever the reason. Default: "
     "none.",
     "\"12:00\""},
    {"ready", Shape::Gates,
     "What must be so before the clock loads a day, all of it. `sql`: the warehouse answers true. "
     "`table`: the table was written to since the last load before the day was over (`postgres`; "
     "files by their path in `files` and `s3`). `object`: there is such a file, or a folder with "
     "files (`files`, `s3`). `call`: `millrace trigger` or a call said so; it loads the day at "
     "once. With the query's placeholders. Looked at every 30 minutes; a day that is not ready at "
     "the deadline has failed.",
     "[{ sql = \"select count(*) = 24 from loads where ds = {{day}}\" }]"},
};

constexpr KeyRule kFollowUp[] = {
    {"preset", Shape::Text,
     "`exact`: at ages 1, 2, 3, 5, 8 and 14 days since a day first ended, by count and "
     "fingerprint. `3d-5pct`: the last three days, by count alone; one that differs by more than 5 "
     "% is loaded. "
     "`2w-1pct`: for two weeks since it first ended, by more than 1 %. `off`: never. Default "
     "`exact`.",
     "\"exact\"", kEveryDataset, kPresets},
    {"ages", Shape::IntegerList,
     "Ages of your own in place of a preset's: days since a day first ended, 1 to 31.",
     "[1, 3, 7]"},
    {"threshold", Shape::Percent,
     "With `ages`: the count alone decides, and a day that differs by no more stays as it is. "
     "Without it: as `exact`.",
     "\"2%\""},
    {"max_scan", Shape::Text,
     "What the checks of one day's hour may read (MB, GB, TB), where the warehouse tells; what is "
     "skipped for it is shown in `days`.",
     "\"50GB\""},
};

constexpr KeyRule kAudience[] = {
    {"subscribers", Shape::TextList, "People who hear of it besides its owner: e-mail addresses.",
     "[\"ben@example.com\"]"},
    {"slack", Shape::TextList, "Slack channels that hear of it.", "[\"#purchases\"]"},
    {"include_rows", Shape::Boolean,
     "Whether messages may quote values of rows, as warehouses do in errors. Default false.",
     "true"},
};

constexpr KeyRule kService[] = {
    {"runs_at_once", Shape::Integer,
     "How many loads and checks `millrace serve` does at the same time, 3 to 64. One is kept for "
     "calls, and one more from backfills; a connection is read by no more than its kind takes. "
     "Default 4.",
     "4"},
    {"load_seconds", Shape::Integer,
     "Seconds in which a warehouse must end a day of a load or a check; then its statement is "
     "ended and the day has failed. Default 21600, six hours.",
     "21600"},
};

constexpr KeyRule kRetention[] = {
    {"versions_days", Shape::Integer,
     "Days that superseded versions are kept for `undo`, and rejected loads to be looked at, 1 to "
     "90. Default 30.",
     "30"},
    {"quarantine_days", Shape::Integer,
     "Days that rejected rows are kept, also those of current versions; their counts stay in the "
     "certificate. Default 30.",
     "30"},
};

constexpr KeyRule kPartition[] = {
    {"column", Shape::Column, "A column of the query's result. Required.", "\"ds\""},
    {"type", Shape::Text, "How it writes a day; `integer` is 20261120. Default `date`.", "\"date\"",
     kEveryDataset, kPartitionTypes},
    {"lag_days", Shape::Integer, "How many days after its day a row's value may lie. Default 0.",
     "1"},
};

constexpr KeyRule kLimits[] = {
    {"max_rejected", Shape::Share,
     "More rejected rows than this in a day fail its load. Default `1%`.", "\"1%\""},
    {"shrink_max", Shape::Percent,
     "A reload that loses more than this share of a day is held. Default `50%`.", "\"50%\""},
    {"allow_empty", Shape::Boolean,
     "Whether a loaded day may become empty by itself. Default false.", "true"},
    {"rows_per_month", Shape::Integer,
     "A budget of billable rows for a calendar month: a load that would exceed it is not begun, "
     "and the ingestion is paused. Default: none.",
     "2000000000"},
};

constexpr KeyRule kMapping[] = {
    {"event_name", Shape::ColumnOrLiteral, "Name of the event. Required.", "\"kind\"", kEvents},
    {"experiment", Shape::ColumnOrLiteral, "Name of the experiment. Required.", "\"experiment\"",
     kExposures},
    {"group_id", Shape::ColumnOrLiteral, "The group that was seen. Required.", "\"variant\"",
     kExposures},
    {"timestamp", Shape::Column,
     "When it happened: timestamp, timestamptz, date, or integer epoch. Required, except for "
     "entity properties (without it: a snapshot of the latest day).",
     "\"ts\"", kTimed},
    {"timestamp_zone", Shape::Text, "Zone of a timestamp without one. Default `UTC`.", "\"UTC\"",
     kTimed},
    {"timestamp_unit", Shape::Text, "Unit of an integer epoch. Default `s`.", "\"s\"", kTimed,
     kTimeUnits},
    {"ids", Shape::Columns, "Unit type = column; at least one.",
     "{ userID = \"user_id\", stableID = \"device_id\" }", kTimed},
    {"event_value", Shape::Column, "A number or a text that comes with the event.", "\"amount\"",
     kEvents},
    {"metadata", Shape::ColumnsOrAll,
     "Further columns to keep, by key; `\"*\"`: every column not mapped elsewhere.",
     "{ page = \"page\" }", kEvents | kExposures},
    {"metadata_object", Shape::Column, "A column holding a JSON object, unpacked one level.",
     "\"props\"", kEvents | kExposures},
    {"dedupe", Shape::TextList,
     "Columns that tell a row's copies within a day; the earliest is kept.", "[\"event_id\"]",
     kEvents},
    {"date", Shape::Column,
     "The day of a value: a DATE or ISO text, never shifted. Required, except with `folder` or "
     "day placeholders in the query.",
     "\"ds\"", kMetrics},
    {"units", Shape::Columns, "Wide table: unit type = column; a row counts for each of them.",
     "{ userID = \"user_id\" }", kMetrics},
    {"metrics", Shape::Metrics, "Wide table: metric = column, or a ratio of two.",
     "{ revenue = \"rev\", conversion = { numerator = \"orders\", denominator = \"visits\" } }",
     kMetrics},
    {"unit_id", Shape::Column, "Long table: the unit's id.", "\"unit_id\"", kMetrics},
    {"id_type", Shape::ColumnOrLiteral, "Long table: the unit's type.", "{ literal = \"userID\" }",
     kMetrics},
    {"metric_name", Shape::ColumnOrLiteral, "Long table: the metric's name.", "\"metric\"",
     kMetrics},
    {"metric_value", Shape::Column, "Long table: the value.", "\"value\"", kMetrics},
    {"numerator", Shape::Column, "Long table: the numerator of a ratio.", "\"num\"", kMetrics},
    {"denominator", Shape::Column, "Long table: the denominator of a ratio.", "\"den\"", kMetrics},
    {"on_duplicate", Shape::Text,
     "When a (unit, metric) comes twice in a day. Default `reject`: every copy.", "\"reject\"",
     kMetrics, kDuplicateRules},
    {"order_by", Shape::Column, "With `on_duplicate = \"last\"`: the copy that is greatest here.",
     "\"updated_at\"", kMetrics},
    {"properties", Shape::ColumnsOrAll,
     "Columns to keep, by key; `\"*\"`: every column not mapped elsewhere. Required.", "\"*\"",
     kProperties},
};

constexpr TableRule kTables[] = {
    {"", "", kTop},
    {"project", "Whose data this is.", kProject, true},
    {"store", "Where the data lies.", kStore, true},
    {"catalog", "Where the catalog lies.", kCatalog, true},
    {"files", "What this server may read of its own disk.", kFiles, true},
    {"server", "Where the service answers.", kServer, true},
    {"server.oidc", "Who vouches for people: see the how-to page on people.", kOidc, true},
    {"service", "How much `millrace serve` does at once, and for how long.", kService, true},
    {"notify", "How people are told: see the how-to page on notifications.", kNotify, true},
    {"notify.smtp", "How mail is sent.", kSmtp, true},
    {"notify.slack", "How Slack is reached.", kSlack, true},
    {"notify.webhook.NAME", "A program that hears of everything.", kWebhook, true},
    {"retention", "What a sweep removes, which `serve` does once a day.", kRetention, true},
    {"connection.NAME",
     "One warehouse account: `kind`, and that kind's settings (`millrace connection kinds KIND`). "
     "A secret is `\"env:VARIABLE\"`, `\"file:secrets/name\"` or `\"secret:name\"`, never the "
     "secret itself.",
     {}},
    {"ingestion.NAME", "What is read from where, and what becomes of it.", kIngestion},
    {"ingestion.NAME.partition", "Lets the warehouse skip what cannot hold the day.", kPartition},
    {"ingestion.NAME.mapping", "Columns of the query's result, by what they mean.", kMapping},
    {"ingestion.NAME.limits", "When a load is not believed.", kLimits},
    {"ingestion.NAME.schedule", "When a day is loaded first, without anybody watching.", kSchedule},
    {"ingestion.NAME.follow_up", "When days that ended are checked again, and loaded if changed.",
     kFollowUp},
    {"ingestion.NAME.notify", "Who hears of it, besides its owner.", kAudience},
};

}  // namespace

std::span<const TableRule> table_rules() { return kTables; }

std::string datasets_of(const KeyRule& key) {
  if (key.datasets == kEveryDataset) return "all";
  std::vector<std::string_view> names;
  for (const Dataset dataset : kDatasets) {
    if (key.datasets & bit(dataset)) names.push_back(name_of(dataset));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

const TableRule& table_rule(std::string_view heading) {
  const auto* found = std::find_if(std::begin(kTables), std::end(kTables),
                                   [&](const TableRule& rule) { return rule.heading == heading; });
  if (found == std::end(kTables)) throw std::logic_error("a TOML table without a rule");
  return *found;
}

}  // namespace millrace::definition
