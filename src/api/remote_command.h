#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "catalog/audit.h"
#include "definition/files.h"

namespace millrace::api {

enum class Access;

/// A command of the command line that somebody typed elsewhere, with `--server`.
struct RemoteCommand {
  std::string path;  ///< "run list"
  /// By option name ("day") or positional name ("NAME").
  std::map<std::string, std::vector<std::string>, std::less<>> arguments;
  bool as_json = false, as_lines = false;
  definition::FileTexts files;  ///< What PATH holds there, of a command with `kSendsFiles`.
  Secret typed;                 ///< What was asked for there, of a command with `kAsks`.
  catalog::Actor actor;
  bool sees_rows = false;  ///< The caller may read rows of the connections it is about.
};

/// What it would have written there, and its exit code.
struct RemoteAnswer {
  int exit_code = 0;
  std::string answer, notes;  ///< stdout and stderr
};
using CommandRunner = std::function<RemoteAnswer(const RemoteCommand&)>;

/// What a command for callers is about. People need the grants of the first two.
enum RemoteTraits : unsigned { kUsesConnection = 1, kReadsRows = 2, kSendsFiles = 4, kAsks = 8 };
/// A command that callers may use.
struct RemoteForm {
  std::string_view command;
  Access access;
  unsigned traits = 0;  ///< RemoteTraits
  bool has(RemoteTraits trait) const { return (traits & trait) != 0; }
};
/// Null where the command is for the machine of the home only.
const RemoteForm* remote_form(std::string_view command);
/// Whether the option is about that machine: its files, its patience.
bool is_local_option(std::string_view option);

}  // namespace millrace::api
