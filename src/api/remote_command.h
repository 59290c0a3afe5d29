#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/audit.h"

namespace millrace::api {

enum class Access;

/// A command of the command line that somebody typed elsewhere, with `--server`.
struct RemoteCommand {
  std::string path;  ///< "run list"
  /// By option name ("day") or positional name ("NAME").
  std::map<std::string, std::vector<std::string>, std::less<>> arguments;
  bool as_json = false, as_lines = false;
  catalog::Actor actor;
};

/// What it would have written there, and its exit code.
struct RemoteAnswer {
  int exit_code = 0;
  std::string answer, notes;  ///< stdout and stderr
};
using CommandRunner = std::function<RemoteAnswer(const RemoteCommand&)>;

/// What must be proven for the command; nothing where it is for the machine of the home only.
std::optional<Access> remote_access(std::string_view command);
/// Whether the option is about that machine: its files, its patience.
bool is_local_option(std::string_view option);

}  // namespace millrace::api
