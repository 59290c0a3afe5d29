#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "cli/remote.h"
#include "definition/dbt.h"
#include "model/json.h"

#ifndef MILLRACE_VERSION
#define MILLRACE_VERSION "development"
#endif

namespace millrace::cli {
namespace {

/// What was asked for, or named, is not there.
constexpr std::string_view kNothingFoundCodes[] = {
    "unknown_ingestion", "unknown_connection", "unknown_kind",    "unknown_version",
    "unknown_day",       "nothing_held",       "nothing_to_undo", "nothing_to_replay",
    "not_held",          "no_files",           "no_such_file",    "version_gone",
    "version_swept",     "unknown_relation",   "unknown_run",     "unknown_key",
    "unknown_user"};
constexpr std::string_view kWrongUsageCodes[] = {"wrong_usage", "ambiguous_ingestion"};

ExitCode exit_code_of(const Error& error) {
  const auto is_code = [&](std::string_view code) { return error.code == code; };
  if (std::ranges::any_of(kWrongUsageCodes, is_code)) return kWrongUsage;
  return std::ranges::any_of(kNothingFoundCodes, is_code) ? kNothingFound : kFailed;
}

/// Ctrl-C asks the command to stop, once; a second one ends the process. Signals are waited for in
/// a thread of their own, so nothing runs inside a handler.
class Interrupts {
 public:
  Interrupts(std::stop_source& source, Terminal& terminal) {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR2}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    waiter_ = std::jthread([this, &source, &terminal] {
      for (int got = 0; sigwait(&signals_, &got) == 0 && got != SIGUSR2;) {
        if (terminal.end_question() || source.stop_requested()) _exit(128 + got);
        source.request_stop();
        if (terminal.draws()) terminal.note("Stopping; Ctrl-C again ends at once");
      }
    });
  }
  ~Interrupts() { pthread_kill(waiter_.native_handle(), SIGUSR2); }

 private:
  sigset_t signals_{};
  std::jthread waiter_;
};

/// Everything is optional to the parser, so that what is missing is said in our own words.
void add_options(CLI::App& app, const Command& command, Arguments& arguments) {
  for (const Option& option : command.options) {
    const std::string name(option.name);
    auto& values = arguments.values;
    const auto keep = [&values, name](const std::string& value) { values[name] = {value}; };
    switch (option.kind) {
      case Option::Kind::Flag:
        app.add_flag_callback("--" + name, [&values, name] { values[name] = {"true"}; });
        break;
      case Option::Kind::Value:
      case Option::Kind::NeededValue:
        app.add_option_function<std::string>("--" + name, keep);
        break;
      case Option::Kind::List:
        app.add_option_function<std::vector<std::string>>(
            "--" + name,
            [&values, name](const std::vector<std::string>& list) { values[name] = list; });
        break;
      case Option::Kind::Argument:
      case Option::Kind::OptionalArgument:
        app.add_option_function<std::string>(name, keep);
        break;
    }
  }
}

void set_help(CLI::App& app, std::string_view path) {
  app.formatter_fn([path = std::string(path)](const CLI::App*, const std::string&,
                                              CLI::AppFormatMode) { return help_text(path); });
}

/// `connection add` becomes a subcommand of a subcommand, made when first needed.
CLI::App* add_command(CLI::App& root, std::map<std::string, CLI::App*>& groups,
                      const Command& command) {
  const std::size_t space = command.path.find(' ');
  CLI::App* parent = &root;
  if (space != std::string_view::npos) {
    const std::string group(command.path.substr(0, space));
    CLI::App*& known = groups[group];
    if (known == nullptr) {
      known = root.add_subcommand(group);
      known->require_subcommand(1);
      known->fallthrough();
      set_help(*known, group);
    }
    parent = known;
  }
  const std::string name(command.path.substr(space == std::string_view::npos ? 0 : space + 1));
  CLI::App* app = parent->add_subcommand(name);
  app->fallthrough();
  set_help(*app, command.path);
  return app;
}

/// The words of the command line that were understood as a command: {"connection", "add"}.
std::vector<std::string> words_of(const CLI::App& root) {
  std::vector<std::string> words;
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    words.push_back(app->get_name());
  }
  return words;
}

/// The word that was probably meant, among those that may follow.
std::string meant(std::vector<std::string> words, const std::string& word) {
  words.push_back(word.starts_with('-') ? "-" : "");
  return did_you_mean(nearest(word, completions(words)));
}

/// Says in our words what the parser stumbled over.
[[noreturn]] void explain(const CLI::App& root, const CLI::ParseError& error) {
  const std::vector<std::string> words = words_of(root);
  const std::string path = fmt::format("{}", fmt::join(words, " "));
  const std::string named = path.empty() ? "millrace" : path;
  const std::string advice =
      fmt::format("See `millrace{}{} --help`", path.empty() ? "" : " ", path);
  std::vector<std::string> extras = root.remaining(true);
  std::ranges::stable_partition(extras, [](const auto& word) { return word.starts_with('-'); });
  const bool is_verb = command_at(path) != nullptr;
  if (extras.empty()) {
    const std::string text = error.what();
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
      wrong_usage(fmt::format("{} needs a value", text.substr(0, text.find(':'))), advice);
    }
    wrong_usage(is_verb        ? text
                : path.empty() ? "no command was given"
                               : fmt::format("{} needs a verb", path),
                advice);
  }
  const std::string& extra = extras.front();
  if (extra.starts_with('-')) {
    wrong_usage(fmt::format("{} has no option {}{}", named, extra, meant(words, extra)), advice);
  }
  if (is_verb) wrong_usage(fmt::format("{} does not take {}", path, extra), advice);
  wrong_usage(fmt::format("there is no command {}{}{}{}", path, path.empty() ? "" : " ", extra,
                          meant(words, extra)),
              advice);
}

void report(Terminal& terminal, const Error& error) {
  const bool sees_rows = terminal.shows_rows();
  if (terminal.json()) terminal.answer_error(sees_rows ? json::whole(error) : json::from(error));
  std::string text = fmt::format("{} {}", terminal.toned_note("error:", Terminal::Tone::Bad),
                                 error.text(sees_rows));
  if (!error.where.empty()) text += fmt::format("\n  where: {}", error.where);
  if (!error.advice.empty()) text += fmt::format("\n  what to do: {}", error.advice);
  terminal.note(text);
}

/// What stands in files that are named is read where that is typed.
void read_named_files(const Command& command, Arguments& arguments) {
  for (const Option& option : command.options) {
    const std::string given = arguments.get(option.name);
    if (given.empty()) continue;
    std::vector<std::string>& values = arguments.values[std::string(option.name)];
    const bool is_word = given.find_first_of(" \n\t") == std::string::npos;
    if (option.takes == "sql" && is_word && given.ends_with(".sql")) values = {file::read(given)};
    if (option.takes == "dbt") {
      values = {definition::dbt_results_text(definition::read_dbt_results(given))};
    }
  }
}

/// `millrace complete -- WORD…`, for the shells. Says nothing where it cannot help.
int complete(std::vector<std::string> words) {
  if (!words.empty() && words.front() == "--") words.erase(words.begin());
  try {
    for (const std::string& word : completions(words)) fmt::print("{}\n", word);
  } catch (const std::exception&) {
    return kNothingFound;
  }
  return kDone;
}

}  // namespace

void wrong_usage(const std::string& what, const std::string& advice) {
  throw Error(Fault::Misconfigured, "wrong_usage", what, advice);
}

void require_order(const std::optional<Day>& from, const std::optional<Day>& to) {
  if (from && to && *to < *from) wrong_usage("--to lies before --from", "Swap them");
}

void check_arguments(const Command& command, const Arguments& arguments) {
  for (const auto& [name, values] : arguments.values) {
    if (std::ranges::find(command.options, name, &Option::name) != command.options.end()) continue;
    wrong_usage(fmt::format("{} has no option --{}", command.path, name),
                fmt::format("See `millrace {} --help`", command.path));
  }
  for (const Option& option : command.options) {
    const bool needed =
        option.kind == Option::Kind::Argument || option.kind == Option::Kind::NeededValue;
    if (needed && !arguments.has(option.name)) {
      wrong_usage(fmt::format("{} needs {}{}", command.path, is_positional(option) ? "" : "--",
                              option.name),
                  fmt::format("See `millrace {} --help`", command.path));
    }
    if (!arguments.has(option.name)) continue;
    if (option.takes == "day") arguments.day(option.name);
    if (option.takes == "number") arguments.number(option.name, 1);
    if (option.takes.find('|') == std::string_view::npos) continue;
    const std::string value = arguments.get(option.name);
    const std::string padded = fmt::format("|{}|", option.takes);
    if (!value.empty() && padded.find(fmt::format("|{}|", value)) != std::string::npos) continue;
    std::vector<std::string> choices;
    for (std::istringstream list{std::string(option.takes)}; !list.eof();) {
      std::getline(list, choices.emplace_back(), '|');
    }
    wrong_usage(fmt::format("{}{} {} is unknown{}", is_positional(option) ? "" : "--", option.name,
                            value, did_you_mean(nearest(value, choices))),
                fmt::format("Use {}", fmt::join(choices, ", ")));
  }
}

ExitCode guarded(Terminal& terminal, const std::function<ExitCode()>& work) {
  try {
    return work();
  } catch (const Error& error) {
    report(terminal, error);
    return exit_code_of(error);
  } catch (const std::logic_error& error) {
    report(terminal,
           Error(Fault::Misconfigured, "bug", fmt::format("Millrace has a bug: {}", error.what()),
                 "Please report it with the command that you typed"));
  } catch (const std::exception& error) {
    report(terminal, Error(Fault::Unavailable, "failed", error.what()));
  }
  return kFailed;
}

std::string Arguments::get(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() || found->second.empty() ? "" : found->second.front();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>{} : found->second;
}

std::optional<Day> Arguments::day(std::string_view name) const {
  if (!has(name)) return {};
  const auto day = Day::parse(get(name));
  if (day) return day;
  wrong_usage(fmt::format("--{} {} is no day", name, get(name)), "Write it as 2026-11-20");
}

std::int64_t Arguments::number(std::string_view name, std::int64_t fallback) const {
  if (!has(name)) return fallback;
  const std::string text = get(name);
  std::size_t used = 0;
  try {
    const std::int64_t value = std::stoll(text, &used);
    if (used == text.size() && value > 0) return value;
  } catch (const std::exception&) {
    // Falls through to the one message for all bad numbers.
  }
  wrong_usage(fmt::format("--{} {} is no number above zero", name, text),
              "Write a whole number from 1 on");
}

std::span<const Topic> topics() {
  static const Topic all[] = {{"Begin", home_commands()},
                              {"Connect to a warehouse", connection_commands()},
                              {"Say what to load", definition_commands()},
                              {"Load", load_commands()},
                              {"Keep current", schedule_commands()},
                              {"See what runs, stop it", run_commands()},
                              {"Let others call", service_commands()},
                              {"Tell people", notify_commands()},
                              {"Keep secrets", secret_commands()},
                              {"Let people sign in", user_commands()},
                              {"Look at days, take them back", day_commands()},
                              {"Ask", query_commands()},
                              {"Count what is billed", usage_commands()},
                              {"Keep house", store_commands()}};
  return all;
}

const Command* command_at(std::string_view path) {
  for (const Topic& topic : topics()) {
    for (const Command& command : topic.commands) {
      if (command.path == path) return &command;
    }
  }
  return nullptr;
}

int run(int argc, char** argv) {
  const std::vector<std::string> typed(argv + 1, argv + argc);
  if (!typed.empty() && typed.front() == "complete") {
    return complete({typed.begin() + 1, typed.end()});
  }
  CLI::App app{"", "millrace"};
  std::string home, server;
  bool as_json = false, as_lines = false;
  app.add_option("--home", home);
  app.add_option("--server", server);
  app.add_flag("--json", as_json);
  app.add_flag("--progress", as_lines);
  app.set_version_flag("--version", MILLRACE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  set_help(app, "");

  Arguments arguments;
  const Command* chosen = nullptr;
  std::map<std::string, CLI::App*> groups;
  for (const Topic& topic : topics()) {
    for (const Command& command : topic.commands) {
      CLI::App* sub = add_command(app, groups, command);
      add_options(*sub, command, arguments);
      sub->final_callback([&chosen, &command] { chosen = &command; });
    }
  }
  // Also a command line that cannot be parsed is answered as it asks to be.
  Terminal terminal(std::ranges::count(typed, "--json") > 0,
                    std::ranges::count(typed, "--progress") > 0);
  std::stop_source stop;
  return guarded(terminal, [&]() -> ExitCode {
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& done) {
      return app.exit(done) == 0 ? kDone : kFailed;
    } catch (const CLI::ParseError& error) {
      const std::string path = fmt::format("{}", fmt::join(words_of(app), " "));
      const bool asks = !command_at(path) && app.remaining(true).empty();
      if (!asks || terminal.json()) explain(app, error);
      terminal.note(help_text(path));
      return kWrongUsage;
    }
    check_arguments(*chosen, arguments);
    read_named_files(*chosen, arguments);
    const Interrupts interrupts(stop, terminal);
    if (!server.empty()) {
      if (!home.empty()) wrong_usage("--home and --server are two places", "Name one of them");
      return run_at(server, *chosen, arguments, terminal, stop.get_token());
    }
    Home opened(Home::find(home));
    Context context{opened, terminal, stop.get_token()};
    return chosen->run(context, arguments);
  });
}

}  // namespace millrace::cli
