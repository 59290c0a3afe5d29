#pragma once

#include <chrono>

#include "cli/command.h"
#include "model/json.h"

namespace millrace::cli {

/// `trigger`: its row stands with the other commands of the service.
ExitCode trigger(Context& context, const Arguments& arguments);
/// How long `--wait` waits.
std::chrono::seconds patience_in(const Arguments& arguments);
/// Says what became of a day that a service elsewhere was asked for. `asked`: what `trigger --json`
/// said there; `day`: that day of `run show --json`.
ExitCode tell_triggered(Terminal& terminal, const json::Value& asked, const json::Value& day);

}  // namespace millrace::cli
