#pragma once

#include "cli/command.h"

namespace millrace::cli {

/// `millrace schedule`: when each ingestion is loaded next, and what stands in its way.
ExitCode show_schedule(Context& context, const Arguments& arguments);

}  // namespace millrace::cli
