#pragma once

#include <vector>

#include "cli/home.h"
#include "cli/questions.h"

namespace millrace::cli {

/// What `millrace doctor` looks at, each with what was found and, where it is bad, what to do:
/// engine, drivers, disk, clock, permissions, and that the home's catalog and store belong
/// together.
std::vector<ProbeReport::Step> examine(Home& home);

}  // namespace millrace::cli
