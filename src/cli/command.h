#pragma once

#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cli/home.h"
#include "cli/terminal.h"

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
};

struct Option {
  enum class Kind { Flag, Value, List, Argument, OptionalArgument };
  std::string_view name;  ///< "day" is typed --day; "NAME" is a positional argument.
  std::string_view help;
  Kind kind = Kind::Value;
  /// What the shell offers: ingestion | connection | kind | file.
  std::string_view completes = {};
};

struct Command {
  std::string_view path;  ///< "connection add"
  std::string_view about;
  std::vector<Option> options;
  ExitCode (*run)(Context& context, const Arguments& arguments);
};

// One table per topic; command_line.cpp joins them in this order.
std::span<const Command> home_commands();
std::span<const Command> connection_commands();
std::span<const Command> definition_commands();
std::span<const Command> load_commands();
std::span<const Command> day_commands();
std::span<const Command> query_commands();
std::vector<const Command*> all_commands();

/// Completion scripts for bash and zsh, from the same tables.
std::string completion_script(std::string_view shell);

}  // namespace millrace::cli
