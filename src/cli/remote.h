#pragma once

#include <filesystem>
#include <string>

#include "api/remote_command.h"
#include "cli/command.h"

/// Commands with `--server`: what is typed here runs in the service there, and its words come back.
namespace millrace::cli {

/// At the caller's side. The key is $MILLRACE_KEY; $MILLRACE_CA_FILE names authorities of one's
/// own. Misconfigured `wrong_usage` for a command without a remote form.
ExitCode run_at(const std::string& server, const Command& command, const Arguments& arguments,
                Terminal& terminal, std::stop_token stop);

/// In the service: runs commands in this home.
api::CommandRunner runner_in(const std::filesystem::path& home);

}  // namespace millrace::cli
