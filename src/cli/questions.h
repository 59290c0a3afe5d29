#pragma once

#include <string>

#include "cli/command.h"
#include "model/json.h"
#include "model/work.h"
#include "warehouse/connector.h"

/// Questions to a warehouse that need no ingestion, and how their answers are shown.
namespace millrace::cli {

/// Rows of a table on a screen; --json has no limit.
constexpr std::int64_t kTableRowsMax = 1000;

/// Throws Misconfigured `unknown_connection`.
Connection known_connection(Context& context, const std::string& name);
WorkOrder question(Context& context, const Connection& connection, Verb verb);
/// Asks it in a child process, with a clock for people; errors say `where` they come from.
json::Value ask(Context& context, const WorkOrder& order, const std::string& where);
/// Its settings may hold the secrets themselves, as long as nobody stored them.
ProbeReport probe(Context& context, const Connection& connection);
/// "ok  what   detail", and what to do where it is not.
void print_finding(Terminal& terminal, const ProbeReport::Step& finding);
void print_probe(Terminal& terminal, const ProbeReport& report);
void print_columns(Terminal& terminal, const json::Value& columns);
/// JSON row objects as an aligned table; long cells are cut with "…".
void print_rows(Terminal& terminal, const json::Value& rows, bool more = false);
/// `host=127.0.0.1 port=5432 …`
std::string example_settings(const warehouse::Kind& kind);

}  // namespace millrace::cli
