#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "model/json.h"
#include "model/work.h"

namespace millrace::pipeline {

// The child's lines, one JSON object each (the parent in load.cpp, check.cpp reads exactly these):
//   {"progress": Progress}                                    while a day is read
//   {"sealed": Manifest}                                      Verb::Load, one a day, when durable
//   {"failed": {"load": id, "error": Error}}                  Verb::Load, this day only; others go
//   on
//   {"checked": {"result": CheckResult, "token": text?}}      Verb::Check, one a day
//   {"result": …} or {"error": Error}                         the last line, always
// Results: Probe ProbeReport · Browse [Table] · Columns, Describe [Column] · Scalar text or null ·
// Count [{"day", "name", "rows"}] · Validate, Replay Manifest · Cancel {"ended": how many, "still":
// [id]} · Sample {"columns": [Column], "rows": [object], "notes": [text]}.

/// The child's whole life (`millrace warehouse-worker`): an order as one JSON line on stdin, JSON
/// lines on stdout, the exit code. Ends when stdin closes. Never opens the catalog or the store.
int worker_main();

/// Runs an order in a child process. `reply` gets each JSON line but the last; returns the last
/// one's `result`. The child's error is thrown here; a child that dies is Unavailable `worker_died`
/// with the tail of its stderr. One that ends no day for `time_most` (0: for ever) is stopped, its
/// statements with it: Unavailable `took_too_long`.
json::Value run_worker(const WorkOrder& order, const std::function<void(const json::Value&)>& reply,
                       std::stop_token stop, std::chrono::seconds time_most = {});

}  // namespace millrace::pipeline
