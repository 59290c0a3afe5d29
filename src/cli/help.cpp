#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/command.h"

namespace millrace::cli {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kColumn = 26;  ///< Where explanations begin.
constexpr std::size_t kPageWidth = 100;

constexpr std::string_view kGlobalOptions[][2] = {
    {"--home DIR",
     "The home (default: $MILLRACE_HOME, the nearest millrace.toml upwards, ~/.millrace)"},
    {"--server URL",
     "Ask a running service instead, with the key in $MILLRACE_KEY: see "
     "docs/howto/from-elsewhere.md"},
    {"--json", "One JSON document on stdout, and nothing else there"},
    {"--progress", "With --json: JSON lines, the progress as it comes and the result last"},
    {"--version", "Print the version"},
    {"-h, --help", "Print this; after a command, what that one does"},
};

/// The text in lines of at most so many columns.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > columns) {
      lines.emplace_back();
    }
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return lines;
}

std::string entry(std::string_view word, std::string_view about) {
  std::string text = std::string(kIndent, ' ') + std::string(word);
  std::string break_line = columns_of(text) + 1 < kColumn ? "" : "\n";
  for (const std::string& line : wrapped(about, kPageWidth - kColumn)) {
    const std::size_t used = break_line.empty() ? columns_of(text) : 0;
    text += break_line + std::string(kColumn - used, ' ') + line;
    break_line = "\n";
  }
  return text + "\n";
}

std::string in_capitals(std::string_view word) {
  std::string text(word);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string typed(const Option& option) {
  const std::string value = placeholder(option);
  if (is_positional(option)) return value;
  return fmt::format("--{}{}{}", option.name, value.empty() ? "" : " ", value);
}

std::string usage(const Command& command) {
  std::string text = fmt::format("Usage: millrace {}", command.path);
  bool has_options = false;
  for (const Option& option : command.options) {
    if (option.kind == Option::Kind::Argument) text += fmt::format(" {}", option.name);
    if (option.kind == Option::Kind::OptionalArgument) text += fmt::format(" [{}]", option.name);
    // Choices are listed below.
    if (option.kind == Option::Kind::NeededValue) {
      text +=
          fmt::format(" --{} {}", option.name,
                      option.takes.find('|') == std::string_view::npos ? placeholder(option)
                                                                       : in_capitals(option.name));
    }
    has_options = has_options || option.kind == Option::Kind::Flag ||
                  option.kind == Option::Kind::Value || option.kind == Option::Kind::List;
  }
  return text + (has_options ? " [OPTION…]\n" : "\n");
}

std::string help_of(const Command& command) {
  std::string text = fmt::format("{}\n\n{}", command.about, usage(command));
  std::string arguments, options;
  for (const Option& option : command.options) {
    (is_positional(option) ? arguments : options) += entry(typed(option), option.help);
  }
  if (!arguments.empty()) text += "\nArguments\n" + arguments;
  if (!options.empty()) text += "\nOptions\n" + options;
  if (!command.more.empty()) text += fmt::format("\n{}\n", command.more);
  return text + "\n--home, --json and the exit codes: `millrace --help`\n";
}

std::string listed(std::string_view prefix) {
  std::string text;
  for (const Topic& topic : topics()) {
    std::string entries;
    for (const Command& command : topic.commands) {
      if (command.path.starts_with(prefix)) entries += entry(command.path, command.about);
    }
    if (!entries.empty()) text += fmt::format("\n{}\n{}", topic.title, entries);
  }
  return text;
}

}  // namespace

bool is_positional(const Option& option) {
  return option.kind == Option::Kind::Argument || option.kind == Option::Kind::OptionalArgument;
}

std::string placeholder(const Option& option) {
  if (is_positional(option)) return std::string(option.name);
  if (option.kind == Option::Kind::Flag) return "";
  if (option.takes.find('|') != std::string_view::npos) return std::string(option.takes);
  if (option.takes == "connection" || option.takes == "ingestion") return "NAME";
  if (option.takes == "sql") return "SQL|FILE.sql";
  if (option.takes == "dbt") return "FILE";
  if (option.takes == "number") return "N";
  if (option.takes == "setting") return "KEY=VALUE…";
  return in_capitals(option.takes.empty() ? "text" : option.takes) +
         (option.kind == Option::Kind::List ? "…" : "");
}

std::string help_text(std::string_view path) {
  if (const Command* command = command_at(path)) return help_of(*command);
  if (!path.empty()) {
    return fmt::format("Usage: millrace {} VERB …\n{}\n`millrace {} VERB --help` tells more\n",
                       path, listed(fmt::format("{} ", path)), path);
  }
  std::string text =
      "Millrace: a customer's SQL, on a real warehouse, becomes correct, current, queryable "
      "days\n\n"
      "Usage: millrace [--home DIR | --server URL] [--json] COMMAND …\n" +
      listed("") + "\nOptions\n";
  for (const auto& [option, about] : kGlobalOptions) text += entry(option, about);
  return text +
         "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing found, 4 some days failed or "
         "were held,\n5 something changed (`check --exit-code`)\n";
}

}  // namespace millrace::cli
