#pragma once

#include <string>

#include "cli/command.h"
#include "model/json.h"
#include "model/work.h"
#include "pipeline/worker.h"
#include "warehouse/connector.h"

/// Questions to a warehouse that need no ingestion, and how their answers are shown.
namespace millrace::cli {

/// Throws Misconfigured `unknown_connection`.
Connection known_connection(Context& context, const std::string& name);
WorkOrder question(Context& context, const Connection& connection, Verb verb);
ProbeReport probe(Context& context, const Connection& connection);
void print_probe(Terminal& terminal, const ProbeReport& report);
void print_columns(Terminal& terminal, const json::Value& columns);
/// JSON row objects as an aligned table; long cells are cut with "…".
void print_rows(Terminal& terminal, const json::Value& rows);
/// `host=127.0.0.1 port=5432 …`
std::string example_settings(const warehouse::Kind& kind);
/// --query takes SQL, or the name of a file that holds it.
std::string sql_or_file(const std::string& given);

}  // namespace millrace::cli
