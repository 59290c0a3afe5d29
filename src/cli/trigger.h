#pragma once

#include <chrono>

#include "cli/command.h"
#include "model/json.h"

namespace millrace::cli {

/// `trigger`: its row stands with the other commands of the service.
ExitCode trigger(Context& context, const Arguments& arguments);
/// How long `--wait` waits.
std::chrono::seconds patience_in(const Arguments& arguments);
/// What became of a day that a service elsewhere was asked for. `asked`: what `trigger --json` said
/// there; `day`: that day of `run show --json`.
json::Value triggered_elsewhere(const json::Value& asked, const json::Value& day);
/// A line for people, as soon as it is known; then the answer with --json, and the exit code.
void say_triggered(Terminal& terminal, const json::Value& one);
ExitCode answer_triggered(Terminal& terminal, const Arguments& arguments,
                          const json::Value& answers);

}  // namespace millrace::cli
