#pragma once

#include "cli/command.h"

namespace millrace::cli {

/// `trigger`: its row stands with the other commands of the service.
ExitCode trigger(Context& context, const Arguments& arguments);

}  // namespace millrace::cli
