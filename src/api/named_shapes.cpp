#include "api/shape.h"

namespace millrace::api {
namespace {

constexpr NamedShape kShapes[] = {
    {"Refusal", "{status*: integer, message*: text}"},
    {"Pagination",
     "{itemsPerPage*: integer, pageNumber*: integer, nextPage*: text?, previousPage*: text?}"},
    {"Source",
     "{id*: text, type*: text, enabled*: flag, data*: {name*: text, dataset*: text, query*: text, "
     "columnMappings*: object, scheduled_hour_pst*: hour, hour_of*: text, schedule_mode*: text, "
     "enabled*: flag, creator*: text, creation_time*: instant, last_modifier*: text, "
     "last_modified_time*: instant, connection*: text, is_delta_sharing*: flag, owner*: text, "
     "subscriber_emails*: [text]}}"},
    {"ColumnMapping",
     "{unit_id: text, id_type: text, dateid: text, metric_name: text, metric_value: text, "
     "numerator: text, denominator: text, event_name: text, timestamp: text, ids: any, "
     "metadata: any, metadata_object: text, event_value: text, experiment: text, group_id: text, "
     "properties: any, date: text, metadata_json: text}"},
    {"Schedule",
     "{dataset*: text, scheduled_hour_pst*: hour, overridden*: [{source*: text, "
     "scheduled_hour_pst*: hour, hour_of*: text, schedule_mode*: text, managed_by*: text}]}"},
    {"Status",
     "{ingestion_dataset*: text, ingestion_source*: text, source_name*: text, message*: text, "
     "status*: text, timestamp*: instant, ds*: instant, error_message: text, rowCount: integer}"},
    {"Step", "{statusTimestamp*: instant, status*: text}"},
    {"Run",
     "{runID*: text, latestStatus*: text, lastUpdatedAt*: instant, createdAt*: instant, "
     "trigger*: text, waits_for*: text?, sources*: [text], dateStamps*: [day], "
     "runHistory*: [Step], "
     "granularHistory*: [{source*: text, latestSourceStatus*: text, statusByDate*: "
     "[{dateStamp*: day, statuses*: [Step]}]}]}"},
    {"StartedRun", "{runID*: text, source*: text, date*: day}"},
    {"EventCount",
     "{date: day, event: text, count: integer, last_updated_time: instant?, "
     "events: [{event*: text, count*: integer, last_updated_time*: instant?}]}"},
    {"EventDelta",
     "{date*: day, source*: text, event: text, internal_count: integer, external_count: integer, "
     "has_diff: flag, threshold: number, last_updated_time: instant, events: [{event*: text, "
     "internal_count*: integer, external_count*: integer, has_diff*: flag, threshold*: number, "
     "last_updated_time*: instant}]}"},
    {"Event",
     "{timestamp*: text, name*: text, source*: text, value*: text?, userID*: text?, "
     "unitIDs*: {: text}, metadata*: object}"},
    {"UnitType", "{name*: text, description*: text}"},
    {"Key",
     "{id*: text, key*: text, type*: CONSOLE|SERVER|CLIENT, description*: text, scopes*: [text], "
     "environments*: [text], primaryTargetApp*: text?, secondaryTargetApps*: [text], "
     "status*: active|deactivated, per_10s*: integer, per_15min*: integer, lastUsedAt*: instant?}"},
    {"User",
     "{id*: text, email*: text, role*: viewer|editor|admin, grants*: [text], "
     "status*: active|deactivated, slack_direct*: flag}"},
    {"Kind",
     "{kind*: text, title*: text, about*: text, settings*: [{name*: text, help*: text, "
     "example*: text, required*: flag, secret*: flag, default*: text}]}"},
    {"Connection", "{name*: text, kind*: text, settings*: {: text}, managed_by*: text}"},
    {"ProbeReport",
     "{steps*: [{name*: text, ok*: flag, detail: text, advice: text}], server: text}"},
    {"Ingestion",
     "{id*: text, handle*: text, name*: text, connection*: text, kind*: text, managed_by*: text, "
     "revision*: text, definition*: object, limits*: object, upkeep*: object}"},
    {"DayState",
     "{day*: day, status*: text, rows*: integer, quarantined*: integer, partly_loaded*: integer, "
     "version*: text, "
     "revision*: text, stale*: flag, held*: text?, loaded_at*: instant?, "
     "flags*: [text], known_difference*: text?, note*: text?, "
     "error*: {code*: text, message*: text, advice*: text, in_full: text}?}"},
    {"Check",
     "{day*: day, changed*: flag, by: text, rows_then: integer, rows_now: integer, note: text, "
     "repeatable: flag, took_ms: integer, bytes: integer, error: object, at: instant}"},
    {"Change",
     "{what*: add|change|remove|revive|keep, kind*: connection|ingestion, name*: text, "
     "details*: [text], stale_days*: integer, follow_up_cost: text}"},
    {"AuditEntry",
     "{id*: text, name*: text, changeLog*: text, actionType*: text, date*: day, time*: instant, "
     "updatedBy*: text, updatedByUserID*: text, updatedByKind*: key|user|shell|program, "
     "modifierEmail*: text?, changes*: {: {before: any, after: any}}, tags*: [text]}"},
};

}  // namespace

std::span<const NamedShape> named_shapes() { return kShapes; }

}  // namespace millrace::api
