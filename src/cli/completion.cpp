#include <fmt/format.h>

#include <map>
#include <set>

#include "base/error.h"
#include "cli/command.h"

namespace millrace::cli {
namespace {

/// The words that may follow each prefix: "" -> commands and groups, "connection" -> its verbs,
/// "connection add" -> its options.
std::map<std::string, std::set<std::string>> words() {
  std::map<std::string, std::set<std::string>> after;
  for (const Command* command : all_commands()) {
    const std::string path(command->path);
    const std::size_t space = path.find(' ');
    after[""].insert(path.substr(0, space));
    if (space != std::string::npos) after[path.substr(0, space)].insert(path.substr(space + 1));
    for (const Option& option : command->options) {
      const bool positional =
          option.kind == Option::Kind::Argument || option.kind == Option::Kind::OptionalArgument;
      if (!positional) after[path].insert("--" + std::string(option.name));
      if (positional && option.completes == "ingestion") after[path].insert("@ingestion");
      if (positional && option.completes == "connection") after[path].insert("@connection");
    }
  }
  return after;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell != "bash" && shell != "zsh") {
    throw Error(Fault::Misconfigured, "wrong_usage",
                fmt::format("there is no completion for {}", shell), "Use bash or zsh");
  }
  std::string cases;
  for (const auto& [path, list] : words()) {
    std::string plain, dynamic;
    for (const std::string& word : list) {
      if (word == "@ingestion" || word == "@connection") {
        dynamic += fmt::format(" $(millrace {} list 2>/dev/null | awk 'NR>1 {{print $1}}')",
                               word.substr(1));
      } else {
        plain += " " + word;
      }
    }
    cases += fmt::format("    '{}') words=\"{}{}\" ;;\n", path,
                         plain.empty() ? plain : plain.substr(1), dynamic);
  }
  const std::string bash = fmt::format(R"(_millrace() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path="" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in -*) ;; *) [ -z "$path" ] && path=$word || case "$path" in
      connection|ingestion) path="$path $word" ;; esac ;; esac
  done
  case "$path" in
{}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -f -- "$current")
}}
complete -o default -F _millrace millrace
)",
                                       cases);
  return shell == "bash" ? bash : "autoload -U +X bashcompinit && bashcompinit\n" + bash;
}

}  // namespace millrace::cli
