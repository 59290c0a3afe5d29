#pragma once

namespace millrace::cli {

/// Parses the command line, runs one command, prints what went wrong; returns the exit code.
int run(int argc, char** argv);

}  // namespace millrace::cli
