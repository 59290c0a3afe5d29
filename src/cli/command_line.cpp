#include "cli/command_line.h"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/command.h"
#include "model/json.h"

#ifndef MILLRACE_VERSION
#define MILLRACE_VERSION "development"
#endif

namespace millrace::cli {
namespace {

constexpr std::string_view kAbout =
    "Turns a customer's SQL, on a real warehouse, into correct, current, queryable days";

/// Ctrl-C asks the command to stop, once; a second one ends the process. Signals are waited for in
/// a thread of their own, so nothing runs inside a handler.
class Interrupts {
 public:
  explicit Interrupts(std::stop_source& source) {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR2}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    waiter_ = std::jthread([this, &source] {
      for (int got = 0; sigwait(&signals_, &got) == 0 && got != SIGUSR2;) {
        if (source.stop_requested()) _exit(128 + got);
        source.request_stop();
      }
    });
  }
  ~Interrupts() { pthread_kill(waiter_.native_handle(), SIGUSR2); }

 private:
  sigset_t signals_{};
  std::jthread waiter_;
};

void add_options(CLI::App& app, const Command& command, Arguments& arguments) {
  for (const Option& option : command.options) {
    const std::string name(option.name);
    const std::string help(option.help);
    auto& values = arguments.values;
    const auto keep = [&values, name](const std::string& value) { values[name] = {value}; };
    switch (option.kind) {
      case Option::Kind::Flag:
        app.add_flag_callback("--" + name, [&values, name] { values[name] = {"true"}; }, help);
        break;
      case Option::Kind::Value:
        app.add_option_function<std::string>("--" + name, keep, help);
        break;
      case Option::Kind::List:
        app.add_option_function<std::vector<std::string>>(
               "--" + name,
               [&values, name](const std::vector<std::string>& list) { values[name] = list; }, help)
            ->type_name("TEXT ...");
        break;
      case Option::Kind::Argument:
        app.add_option_function<std::string>(name, keep, help)->required();
        break;
      case Option::Kind::OptionalArgument:
        app.add_option_function<std::string>(name, keep, help);
        break;
    }
  }
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
      known = root.add_subcommand(group, fmt::format("Verbs on one {}", group));
      known->require_subcommand(1);
      known->fallthrough();
    }
    parent = known;
  }
  const std::string name(command.path.substr(space == std::string_view::npos ? 0 : space + 1));
  return parent->add_subcommand(name, std::string(command.about));
}

void report(Terminal& terminal, const Error& error) {
  if (terminal.json()) terminal.answer({{"error", json::from(error)}});
  std::string text =
      fmt::format("{} {}", terminal.toned("error:", Terminal::Tone::Bad), error.what());
  if (!error.where.empty()) text += fmt::format("\n  where: {}", error.where);
  if (!error.advice.empty()) text += fmt::format("\n  what to do: {}", error.advice);
  terminal.note(text);
}

ExitCode guarded(const Command& command, Context& context, const Arguments& arguments) {
  try {
    return command.run(context, arguments);
  } catch (const Error& error) {
    report(context.terminal, error);
    if (error.code == "wrong_usage") return kWrongUsage;
    return error.code.starts_with("unknown_") || error.code == "nothing_held" ? kNothingFound
                                                                              : kFailed;
  } catch (const std::logic_error& error) {
    report(context.terminal,
           Error(Fault::Misconfigured, "bug", fmt::format("Millrace has a bug: {}", error.what()),
                 "Please report it with the command that you typed"));
  } catch (const std::exception& error) {
    report(context.terminal, Error(Fault::Unavailable, "failed", error.what()));
  }
  return kFailed;
}

}  // namespace

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
  throw Error(Fault::Misconfigured, "wrong_usage",
              fmt::format("--{} {} is no day", name, get(name)), "Write it as 2026-11-20");
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
  throw Error(Fault::Misconfigured, "wrong_usage",
              fmt::format("--{} {} is no positive number", name, text), "Write digits only");
}

std::vector<const Command*> all_commands() {
  std::vector<const Command*> all;
  for (const auto& table : {home_commands(), connection_commands(), definition_commands(),
                            load_commands(), day_commands(), query_commands()}) {
    for (const Command& command : table) all.push_back(&command);
  }
  return all;
}

int run(int argc, char** argv) {
  CLI::App app{std::string(kAbout), "millrace"};
  std::string home;
  bool as_json = false;
  app.add_option("--home", home,
                 "Home folder (default: $MILLRACE_HOME, nearest millrace.toml, ~/.millrace)");
  app.add_flag("--json", as_json, "One JSON document on stdout, and nothing else there");
  app.set_version_flag("--version", MILLRACE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();

  Arguments arguments;
  const Command* chosen = nullptr;
  std::map<std::string, CLI::App*> groups;
  for (const Command* command : all_commands()) {
    CLI::App* sub = add_command(app, groups, *command);
    add_options(*sub, *command, arguments);
    sub->fallthrough();
    sub->final_callback([&chosen, command] { chosen = command; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    app.exit(error, std::cerr, std::cerr);
    return kWrongUsage;
  }
  std::stop_source stop;
  Interrupts interrupts(stop);
  Terminal terminal(as_json);
  Home opened(Home::find(home));
  Context context{opened, terminal, stop.get_token()};
  return guarded(*chosen, context, arguments);
}

}  // namespace millrace::cli
