#include <fmt/format.h>

#include "api/routes.h"

namespace millrace::api {
namespace {

constexpr std::string_view kHead =
    "# The HTTP API\n"
    "\n"
    "This page is written by `make golden` from the table that also dispatches requests "
    "(`routes()` in\n"
    "`src/api`); do not edit it. How to start loads from outside: "
    "[trigger](../howto/trigger.md).\n"
    "\n"
    "`millrace serve` answers at `--listen` (default `127.0.0.1:8080`), HTTP/1.1, JSON in "
    "and out. A body\n"
    "holds at most 1 MiB, a head 16 KiB, a request arrives within 10 seconds, and 256 "
    "connections are open\n"
    "at most. There is no TLS yet: put a proxy in front where others than this machine "
    "call.\n"
    "\n"
    "| What | How |\n"
    "|---|---|\n"
    "| Key | Header `STATSIG-API-KEY`, in any case; keys are made by `millrace key create`. "
    "|\n"
    "| One thing | `{\"message\", \"data\"}` |\n"
    "| A list | `{\"message\", \"data\", \"pagination\": {itemsPerPage, pageNumber, "
    "nextPage, previousPage}}`; `page` counts from 1, `limit` is 100 unless said otherwise "
    "and 1000 at most. |\n"
    "| Anything that is not done | `{\"status\", \"message\"}`, status as in HTTP |\n"
    "| 400 | The request is wrong, and the message says where. |\n"
    "| 401 | The key is missing, unknown, deactivated, or of another type. |\n"
    "| 403 | The key lacks a scope: `omni_read_write` to change things, `can_access_keys` "
    "for keys. |\n"
    "| 404, 405 | There is no such path, source, run or key; the path takes other methods. "
    "|\n"
    "| 409 | A file owns it, and is named: change it there. Or the name is taken. |\n"
    "| 413, 431 | The body, or the head, is too large. |\n"
    "| 422 | The `Idempotency-Key` was used with another request. |\n"
    "| 429 | Too many requests with this key (100 in 10 s, 900 in 15 min; `key create "
    "--per-10s`, `--per-15min`, 0: no limit), or a date was loaded within two hours. "
    "`Retry-After` says when; the first kind also says `RateLimit-Limit` and "
    "`RateLimit-Remaining`. |\n"
    "| 503 | The catalog is busy, or too much waits already: `Retry-After`. |\n"
    "\n"
    "`Who` below: *anyone*; *read* and *write*, a console key; *keys*, one with "
    "`can_access_keys`; *ready*,\n"
    "a secret or a console key. A star marks what is needed.\n";

constexpr std::string_view kDecisions =
    "\n"
    "## What the contract leaves open, and what we do\n"
    "\n"
    "* **Type and dataset.** A source is a warehouse `type`, a `dataset` and a "
    "`source_name`. `dataset` is\n"
    "  taken in any case; `Exposures` and `export_exposures` are one. `type` may also be a "
    "kind that the\n"
    "  contract has no word for: `postgres`, `files`.\n"
    "* **Connection.** A source made here uses the only connection of its type; where there "
    "are several,\n"
    "  `connection` must name one.\n"
    "* **Hours.** `scheduled_hour_pst` is an hour in the project's zone, which is UTC-8 "
    "unless the project\n"
    "  says otherwise. Setting a dataset's hour sets that of every source made here and of "
    "those made\n"
    "  later; sources that files own keep theirs and are listed under `overridden`.\n"
    "* **Status.** A load has up to three: `IMPORT_SCHEDULED` or `BACKFILL_REQUESTED` when "
    "it was asked for,\n"
    "  `IMPORT_STARTED`, and its end: `IMPORT_SUCCESSFUL`, `LOADED_EMPTY_DATA`, "
    "`IMPORT_RESCHEDULED` (looked\n"
    "  at again, or held for a person), or an error. `startDate` and `endDate` are days of "
    "the timestamp.\n"
    "* **Runs.** `enqueued`, `started`, `download_started`, then `download_complete` or "
    "`download_error`.\n"
    "  `trigger` is `scheduled`, `api`, `backfill`, `resync`, `manual` or `replay`.\n"
    "* **`mark_data_ready_dwh`.** Without `sources`, every enabled source of the type whose "
    "schedule is\n"
    "  `api`; a named one must be such a source. 202 with one run. A (source, date) that "
    "waits already is\n"
    "  joined. Two hours count from the last publish of rows that such a call started, per "
    "source and date;\n"
    "  one limited date refuses the whole call. `Idempotency-Key` gives the same caller the "
    "stored answer\n"
    "  for 24 hours; only accepted calls are stored.\n"
    "* **`mark_data_ready`.** Loads the days between this timestamp and the call before, at "
    "most 31; a first\n"
    "  call loads the newest one. An earlier timestamp than before, or one in the future, is "
    "a 400.\n"
    "* **Keys.** `{id}` is the key's id or the key itself. The list shows the beginning of "
    "each key.\n"
    "\n"
    "## Not there yet\n"
    "\n"
    "`/ingestion/connection/databricks`, `/ingestion/events/delta`, `/events*`, "
    "`/audit_logs`,\n"
    "`PATCH /wh_connections`, writing unit types, `rotate` and `DELETE` of keys, "
    "`/openapi.json`, users and\n"
    "sessions, TLS, Delta Sharing, and our own `/api/v1`. Queue, keys and stored answers "
    "live in the catalog\n"
    "alone: `rebuild-catalog` does not bring them back.\n";

std::string_view who(Access access) {
  switch (access) {
    case Access::Open:
      return "anyone";
    case Access::Read:
      return "read";
    case Access::Write:
      return "write";
    case Access::Keys:
      return "keys";
    case Access::Ready:
      return "ready";
  }
  return {};
}

}  // namespace

std::string reference_page() {
  std::string page(kHead);
  page += "\n## Routes\n\n| Method and path | Who | What | Takes |\n|---|---|---|---|\n";
  for (const Route& route : routes()) {
    page += fmt::format("| `{} {}` | {} | {} | {} |\n", route.method, route.path, who(route.access),
                        route.about, route.takes);
  }
  return page + std::string(kDecisions);
}

}  // namespace millrace::api
