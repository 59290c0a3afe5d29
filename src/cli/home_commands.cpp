#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/letters.h"
#include "cli/command.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (const auto name = trimmed(part); !name.empty()) parts.emplace_back(name);
  }
  return parts;
}

ExitCode init(Context& context, const Arguments& arguments) {
  Home& home = context.home;
  if (home.exists()) {
    throw Error(Fault::Conflict, "home_exists",
                fmt::format("{} is a Millrace home already", home.path().string()),
                "Edit its millrace.toml to change it, or name another folder with --home");
  }
  std::string zone = arguments.get("zone"), units = arguments.get("unit-types");
  for (const char* name : {"zone", "unit-types"}) {
    if (!arguments.has(name) || !arguments.get(name).empty()) continue;
    wrong_usage(fmt::format("--{} is empty", name),
                fmt::format("Leave --{} out for the default", name));
  }
  const auto choose = [&](std::string& value, std::string_view question, std::string_view usual) {
    if (!value.empty()) return;
    value = context.terminal.can_ask() ? context.terminal.ask(question, usual, false)
                                       : std::string(usual);
  };
  choose(zone,
         "The project's time zone: days begin at its midnight (UTC-8 is the hosted product's)",
         "UTC-8");
  choose(units, "Unit types, separated by commas", "userID,stableID");
  std::string owner = arguments.get("owner");
  // Whoever says what days and units are, as a script does, is not asked for the rest.
  if (arguments.get("zone").empty() || arguments.get("unit-types").empty()) {
    choose(owner, "Who hears of days that fail: an e-mail address (empty: nobody)", "");
  }
  definition::Configuration configuration;
  configuration.home = home.path();
  configuration.project.zone = Zone::named(zone);
  configuration.project.unit_types = split(units);
  configuration.notify.owner = owner;
  for (const std::string& root : arguments.all("files-root")) {
    configuration.file_roots.push_back(fs::absolute(root).lexically_normal().string());
  }
  file::make_folders(home.path());
  definition::write_configuration(configuration);
  home.writing();
  if (context.terminal.json()) {
    context.terminal.answer({{"home", home.path().string()},
                             {"zone", zone},
                             {"unit_types", configuration.project.unit_types}});
  }
  context.terminal.say(fmt::format("Made {} (zone {}, unit types {})", home.path().string(), zone,
                                   fmt::join(configuration.project.unit_types, ", ")));
  context.terminal.say(
      "Next: `millrace connection add KIND NAME`; the kinds: `millrace connection kinds`");
  return kDone;
}

ExitCode completion(Context& context, const Arguments& arguments) {
  const std::string script = completion_script(arguments.get("SHELL"));
  if (context.terminal.json()) {
    context.terminal.answer({{"script", script}});
  } else {
    context.terminal.raw(script);
  }
  return kDone;
}

using Kind = Option::Kind;
const Command kCommands[] = {
    {"init",
     "Make a home: in --home, $MILLRACE_HOME, else ~/.millrace",
     {{"zone", "Where the project's days begin: UTC-8 (default), or an IANA name", Kind::Value,
       "zone"},
      {"unit-types", "What ids are of, separated by commas (default userID,stableID)"},
      {"owner", "Who hears of days that fail: an e-mail address", Kind::Value, "address"},
      {"files-root", "Folders that connections of kind `files` may read", Kind::List, "dir"}},
     init,
     R"(Asks for what is not given, where it can; with zone and unit types, for nothing. The home
holds the configuration (millrace.toml), the catalog, the data (store/), and secrets.

Example
  millrace init --zone Europe/Berlin --unit-types userID,deviceID --files-root /data/exports)"},
    {"completion",
     "Print the completion script for bash or zsh",
     {{"SHELL", "bash or zsh", Kind::Argument, "bash|zsh"}},
     completion,
     R"(bash: add this to ~/.bashrc      source <(millrace completion bash)
zsh: add this to ~/.zshrc, after compinit      source <(millrace completion zsh))"},
};

}  // namespace

std::span<const Command> home_commands() { return kCommands; }

}  // namespace millrace::cli
