#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "api/remote_command.h"
#include "base/error.h"
#include "cli/command.h"
#include "warehouse/connector.h"

namespace millrace::cli {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kFiles = ":file";

bool is_group(std::string_view word) {
  const std::string prefix = fmt::format("{} ", word);
  for (const Topic& topic : topics()) {
    for (const Command& command : topic.commands) {
      if (command.path.starts_with(prefix)) return true;
    }
  }
  return false;
}

/// What the words before the last one say.
struct Typed {
  std::string home, path;
  const Command* command = nullptr;
  const Option* open = nullptr;  ///< The option whose value comes next.
  bool home_follows = false, server_follows = false;
  std::size_t arguments = 0;
  std::set<std::string> options;
};

const Option* option_of(const Command* command, std::string_view word) {
  if (command == nullptr || !word.starts_with("--")) return nullptr;
  for (const Option& option : command->options) {
    if (!is_positional(option) && option.name == word.substr(2)) return &option;
  }
  return nullptr;
}

Typed read(const Words& words) {
  Typed typed;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (typed.home_follows) {
      typed.home = word;
      typed.home_follows = false;
    } else if (typed.server_follows) {
      typed.server_follows = false;
    } else if (word == "--server") {
      typed.server_follows = true;
    } else if (word == "--home") {
      typed.home_follows = true;
    } else if (word.starts_with("--home=")) {
      typed.home = word.substr(7);
    } else if (word.starts_with('-')) {
      typed.options.insert(word);
      const Option* option = option_of(typed.command, word);
      typed.open = option && option->kind != Option::Kind::Flag ? option : nullptr;
    } else if (typed.open) {
      // A list goes on until the next option.
      if (typed.open->kind != Option::Kind::List) typed.open = nullptr;
    } else if (typed.command) {
      ++typed.arguments;
    } else {
      typed.path += (typed.path.empty() ? "" : " ") + word;
      typed.command = command_at(typed.path);
    }
  }
  return typed;
}

/// The next words of commands that begin with `path`.
Words verbs_after(const std::string& path) {
  const std::string prefix = path.empty() ? "" : path + " ";
  Words verbs;
  for (const Topic& topic : topics()) {
    for (const Command& command : topic.commands) {
      if (!command.path.starts_with(prefix)) continue;
      const std::string_view rest = command.path.substr(prefix.size());
      verbs.emplace_back(rest.substr(0, rest.find(' ')));
    }
  }
  return verbs;
}

Words flags(const Typed& typed) {
  Words flags{"--home", "--json", "--progress", "--help"};
  if (!typed.command || api::remote_form(typed.path)) flags.emplace_back("--server");
  if (typed.path.empty()) flags.push_back("--version");
  if (typed.command) {
    for (const Option& option : typed.command->options) {
      if (!is_positional(option)) flags.push_back(fmt::format("--{}", option.name));
    }
  }
  std::erase_if(flags, [&](const std::string& flag) { return typed.options.contains(flag); });
  return flags;
}

Words names(Home home, bool ingestions, bool connections) {
  Words names;
  if (!std::filesystem::exists(home.catalog_path())) return names;
  catalog::Catalog& catalog = home.reading();
  if (ingestions) {
    for (const Ingestion& ingestion : catalog.ingestions()) names.push_back(ingestion.handle);
  }
  if (connections) {
    for (const Connection& connection : catalog.connections()) names.push_back(connection.name);
  }
  return names;
}

Words values(const Option& option, const Typed& typed) {
  const std::string_view takes = option.takes;
  if (takes.find('|') != std::string_view::npos) {
    Words choices;
    for (std::string_view rest = takes; !rest.empty();) {
      choices.emplace_back(rest.substr(0, rest.find('|')));
      rest.remove_prefix(std::min(rest.size(), choices.back().size() + 1));
    }
    return choices;
  }
  constexpr std::string_view kOfFiles[] = {"file", "dir", "sql", "dbt"};
  if (std::ranges::find(kOfFiles, takes) != std::end(kOfFiles)) return {std::string(kFiles)};
  const bool ingestion = takes == "ingestion" || takes == "name";
  const bool connection = takes == "connection" || takes == "name";
  if (ingestion || connection) return names(Home(Home::find(typed.home)), ingestion, connection);
  Words kinds;
  if (takes == "kind") {
    for (const warehouse::Kind* kind : warehouse::kinds()) kinds.emplace_back(kind->name);
  }
  return kinds;
}

Words candidates(const Typed& typed, const std::string& current) {
  if (typed.home_follows) return {std::string(kFiles)};
  if (current.starts_with('-')) return flags(typed);
  if (typed.open) return values(*typed.open, typed);
  if (!typed.command) {
    return typed.path.empty() || is_group(typed.path) ? verbs_after(typed.path) : Words{};
  }
  std::size_t position = 0;
  for (const Option& option : typed.command->options) {
    if (is_positional(option) && position++ == typed.arguments) return values(option, typed);
  }
  return flags(typed);
}

constexpr std::string_view kBash = R"(_millrace() {
  local IFS=$'\n' current=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null))
  if [ "${COMPREPLY[0]}" = ":file" ]; then
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _millrace millrace
)";

constexpr std::string_view kZsh = R"(#compdef millrace
_millrace() {
  local -a found
  found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ "$found[1]" == ":file" ]]; then
    _files
  else
    compadd -- ${found:#}
  fi
}
if (( $+functions[compdef] )); then
  compdef _millrace millrace
fi
)";

}  // namespace

std::string completion_script(std::string_view shell) {
  return std::string(shell == "bash" ? kBash : kZsh);
}

std::vector<std::string> completions(const Words& words) {
  const std::string current = words.empty() ? "" : words.back();
  Words found = candidates(read(words), current);
  if (found == Words{std::string(kFiles)}) return found;
  std::ranges::sort(found);
  const auto again = std::ranges::unique(found);
  found.erase(again.begin(), again.end());
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(current); });
  return found;
}

}  // namespace millrace::cli
