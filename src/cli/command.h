#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cli/home.h"
#include "cli/progress_bar.h"
#include "cli/terminal.h"

namespace millrace::api {
struct RemoteCommand;
}

namespace millrace::cli {

/// Documented in docs/reference/exit-codes.md; scripts depend on them.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kWrongUsage = 2,
  kNothingFound = 3,
  kSomeDaysFailed = 4,
  kSomethingChanged = 5,
};

/// What was typed after a command, by option name ("day") or positional name ("NAME").
class Arguments {
 public:
  std::map<std::string, std::vector<std::string>, std::less<>> values;

  bool has(std::string_view name) const { return values.find(name) != values.end(); }
  /// The value, or empty.
  std::string get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  std::optional<Day> day(std::string_view name) const;
  std::int64_t number(std::string_view name, std::int64_t fallback) const;
};

/// What every command works with.
struct Context {
  Home& home;
  Terminal& terminal;
  std::stop_token stop;
  const api::RemoteCommand* remote = nullptr;  ///< What a caller sent; null: it is typed here.
};

struct Option {
  /// Of those that are typed with --, only NeededValue must be given.
  enum class Kind { Flag, Value, NeededValue, List, Argument, OptionalArgument };
  std::string_view name;  ///< "day" is typed --day; "NAME" is a positional argument.
  std::string_view help;
  Kind kind = Kind::Value;
  /// What its value is, for `--help` and for the shell: ingestion | connection | name (either) |
  /// kind | file | sql | dbt | day | number | version | zone | setting, or the choices: "none|all".
  std::string_view takes = {};
};

struct Command {
  std::string_view path;  ///< "connection add"
  std::string_view about;
  std::vector<Option> options;
  ExitCode (*run)(Context& context, const Arguments& arguments);
  std::string_view more = {};  ///< Shown below the options of `--help`: examples, exit codes.
};

/// The commands of one topic; `--help` shows them under its title.
struct Topic {
  std::string_view title;
  std::span<const Command> commands;
};

// One table per file; topics() joins them in the order in which people meet them.
std::span<const Command> home_commands();
std::span<const Command> connection_commands();
std::span<const Command> definition_commands();
std::span<const Command> load_commands();
std::span<const Command> schedule_commands();
std::span<const Command> run_commands();
std::span<const Command> service_commands();
std::span<const Command> notify_commands();
std::span<const Command> secret_commands();
std::span<const Command> user_commands();
std::span<const Command> usage_commands();
std::span<const Command> day_commands();
std::span<const Command> query_commands();
std::span<const Command> store_commands();
std::span<const Topic> topics();
const Command* command_at(std::string_view path);  ///< Null where there is none.

bool is_positional(const Option& option);
/// What stands for a value in `--help`: DAY, N, NAME, none|all.
std::string placeholder(const Option& option);
/// `--help` of everything (""), of a group ("connection") or of one command ("connection add").
std::string help_text(std::string_view path);

[[noreturn]] void wrong_usage(const std::string& what, const std::string& advice);
/// `wrong_usage` where both are given and the last day lies before the first.
void require_order(const std::optional<Day>& from, const std::optional<Day>& to);
/// Throws `wrong_usage` for what must hold before anything is opened.
void check_arguments(const Command& command, const Arguments& arguments);
/// The one end where errors are caught: what was thrown becomes words and an exit code.
ExitCode guarded(Terminal& terminal, const std::function<ExitCode()>& work);

/// `load --due`: everything that is due now, once.
ExitCode load_due(Context& context);

/// Completion scripts for bash and zsh: they ask `millrace complete -- WORD…`.
std::string completion_script(std::string_view shell);
/// What may stand where the last word is; ":file" alone means that the shell completes files.
std::vector<std::string> completions(const std::vector<std::string>& words);

}  // namespace millrace::cli
