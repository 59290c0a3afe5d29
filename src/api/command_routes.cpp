#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "api/people.h"
#include "api/remote_command.h"
#include "api/routes.h"
#include "api/service.h"
#include "base/error.h"

namespace millrace::api {
namespace {

/// What reads or changes days, runs and schedules, defines by files, asks warehouses, and keeps
/// keys and people. Commands that load in the foreground, forget things, or look after the home run
/// where the home is.
constexpr RemoteForm kForms[] = {
    {"days", Access::Read},
    {"history", Access::Read},
    {"certificate", Access::Read},
    {"diff", Access::Read},
    {"run list", Access::Read},
    {"run show", Access::Read},
    {"schedule", Access::Read},
    {"usage", Access::Read},
    {"export", Access::Read},
    {"ingestion list", Access::Read},
    {"ingestion show", Access::Read},
    {"connection kinds", Access::Read},
    {"connection list", Access::Read},
    {"connection show", Access::Read},
    {"trigger", Access::Write},
    {"pause", Access::Write},
    {"resume", Access::Write},
    {"retry", Access::Write},
    {"cancel", Access::Write},
    {"undo", Access::Write},
    {"release", Access::Write},
    {"plan", Access::Read, kSendsFiles},
    {"apply", Access::Write, kUsesConnection | kSendsFiles},
    {"secret set", Access::Write, kUsesConnection | kAsks},
    {"check", Access::Use, kUsesConnection},
    {"validate", Access::Use, kUsesConnection},
    {"connection test", Access::Use, kUsesConnection},
    {"connection tables", Access::Use, kUsesConnection},
    {"connection columns", Access::Use, kUsesConnection},
    {"quarantine", Access::Rows, kReadsRows},
    {"query", Access::Rows, kReadsRows},
    {"sample", Access::Sample, kUsesConnection | kReadsRows},
    {"map", Access::Sample, kUsesConnection | kReadsRows},
    {"key create", Access::Keys},
    {"key list", Access::Keys},
    {"key deactivate", Access::Keys},
    {"user create", Access::Keys, kAsks},
    {"user list", Access::Keys},
    {"user activate", Access::Keys},
    {"user deactivate", Access::Keys},
    {"notify list", Access::Keys},
    {"notify test", Access::Keys},
};
/// Rows may be many, and the answer is held in memory.
constexpr std::int64_t kRowsMost = 10'000;
constexpr std::string_view kLocalOptions[] = {"as", "export", "replay", "wait", "timeout"};

/// Whatever their names say, they are those of a set, which no file of this machine belongs to.
definition::FileTexts files_in(const json::Value& body, const RemoteCommand& command) {
  const RemoteForm* form = remote_form(command.path);
  if (form == nullptr || !form->has(kSendsFiles)) return {};
  const auto path = command.arguments.find("PATH");
  const auto given = body.find("files");
  if (path == command.arguments.end() || path->second.size() != 1 || given == body.end() ||
      !given->is_array() || given->empty()) {
    bad_request(fmt::format("`{}` needs a PATH, the name of a set, and its `files`", command.path));
  }
  const std::string& set = path->second.front();
  definition::FileTexts texts{.origin = std::string(definition::kSetRoot) + set, .files = {}};
  for (const json::Value& one : *given) {
    const std::string name = text_or_empty(one, "name");
    if (!definition::is_set_name(name) || (name != set && !name.starts_with(set + "/"))) {
      bad_request(fmt::format("files: the name {} does not lie in the set {}", name, set));
    }
    definition::FileText& file = texts.files.emplace_back();
    file.name = std::string(definition::kSetRoot) + name;
    file.text = text_or_empty(one, "text");
    if (const auto queries = one.find("queries"); queries != one.end() && queries->is_object()) {
      queries->get_to(file.queries);
    }
  }
  return texts;
}

RemoteCommand command_in(const Call& call) {
  RemoteCommand command{.path = text_or_empty(call.body, "command")};
  const auto given = call.body.find("arguments");
  if (given != call.body.end() && given->is_object()) {
    for (const auto& [name, values] : given->items()) {
      if (is_local_option(name)) {
        bad_request(fmt::format("`{}` takes no --{} with --server", command.path, name));
      }
      if (values.is_array()) command.arguments[name] = values.get<std::vector<std::string>>();
    }
  }
  command.files = files_in(call.body, command);
  command.typed = Secret(text_or_empty(call.body, "typed"));
  command.as_json = flag_in(call.body, "json").value_or(false);
  command.as_lines = flag_in(call.body, "progress").value_or(false);
  command.actor = {.kind = call.user ? "user" : "key",
                   .id = call.key.id,
                   .name = call.key.description.empty() ? call.key.hint : call.key.description};
  return command;
}

void bound_rows(RemoteCommand& command) {
  if (command.path == "quarantine" && !command.arguments.contains("rows")) {
    command.arguments["rows"] = {command.as_json ? fmt::format("{}", kRowsMost) : "20"};
  }
  const auto rows = command.arguments.find("rows");
  if (rows == command.arguments.end() || rows->second.empty()) return;
  std::int64_t wanted = 0;  // What is no number is refused by the command.
  const std::string& text = rows->second.front();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), wanted);
  if (wanted > kRowsMost || read.ec == std::errc::result_out_of_range) {
    bad_request(fmt::format("{} gives at most {} rows with --server", command.path, kRowsMost));
  }
}

/// The connections that the command is about.
std::set<std::string> connections_of(const Call& call, const RemoteCommand& command,
                                     const RemoteForm& form) {
  const auto given = [&](const char* name) {
    const auto found = command.arguments.find(name);
    return found == command.arguments.end() || found->second.empty() ? "" : found->second.front();
  };
  std::set<std::string> names;
  if (form.has(kSendsFiles)) {
    const auto files =
        definition::understand(command.files, call.service.configuration(call.catalog));
    for (const Connection& one : files.connections) names.insert(one.name);
    for (const Ingestion& one : files.ingestions) names.insert(one.connection);
  } else if (const std::string connection = given("connection"); !connection.empty()) {
    names.insert(connection);
  } else if (const std::string name = given("NAME"); !name.empty()) {
    const bool is_connection = command.path.starts_with("connection ");
    const bool is_secret = form.has(kAsks);  // "shop.password"
    names.insert(is_secret       ? name.substr(0, name.find('.'))
                 : is_connection ? name
                                 : call.catalog.ingestion(name).connection);
  } else {
    for (const Ingestion& one : call.catalog.ingestions(true)) names.insert(one.connection);
  }
  return names;
}

/// With a connection's credentials, or its rows, only for whoever has the grant.
void require_grants(const Call& call, const RemoteCommand& command, const RemoteForm& form) {
  if (!call.user || (!form.has(kUsesConnection) && !form.has(kReadsRows))) return;
  for (const std::string& connection : connections_of(call, command, form)) {
    if (form.has(kUsesConnection)) require_grant(call, "connection.use", connection);
    if (form.has(kReadsRows)) require_grant(call, "rows.read", connection);
  }
}

/// Whether what the command says may quote rows: to people who may read those of all it is about.
bool may_quote_rows(const Call& call, const RemoteCommand& command, const RemoteForm& form) {
  if (form.has(kReadsRows)) return true;
  if (!call.user) return false;
  try {
    return std::ranges::all_of(connections_of(call, command, form), [&](const std::string& one) {
      return has_grant(*call.user, "rows.read", one);
    });
  } catch (const Error&) {
    return false;  // The command will say what is wrong.
  }
}

/// The engine may take a gigabyte for an answer, so that readers of rows take turns.
std::unique_lock<std::timed_mutex> turn_to_read() {
  constexpr std::chrono::seconds kWait(5);
  static std::timed_mutex turn;
  std::unique_lock lock(turn, kWait);
  if (lock) return lock;
  Error error(Fault::Throttled, "rows_busy", "Rows are being read for somebody else");
  error.retry_after = kWait;
  throw error;
}

Answer run(Call& call) {
  RemoteCommand command = command_in(call);
  const RemoteForm* form = remote_form(command.path);
  if (!form) bad_request(fmt::format("there is no command `{}` for callers", command.path));
  require_scope(call.key, form->access);
  require_grants(call, command, *form);
  command.sees_rows = may_quote_rows(call, command, *form);
  bound_rows(command);
  // `cancel` waits until a warehouse has ended what it ran.
  const Turns::Turn turn =
      call.service.turn_for(command.path == "cancel" ? Access::Use : form->access);
  std::unique_lock<std::timed_mutex> engine;
  if (form->access == Access::Rows) engine = turn_to_read();
  const RemoteAnswer done = call.service.run(command);
  const json::Value body{
      {"message", "Command run."},
      {"data", {{"exit_code", done.exit_code}, {"answer", done.answer}, {"notes", done.notes}}}};
  // A warehouse's words, quoted in an error, need not be UTF-8.
  return {.body = body.dump(-1, ' ', false, json::Value::error_handler_t::replace)};
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .path = "/api/v1/commands",
     .access = Access::Read,
     .about = "Runs a command as `millrace --server` sends it; `answer` and `notes` are what it "
              "writes to stdout and stderr. Those that change something need write, those that ask "
              "a warehouse use, those that show rows rows. `plan` and `apply` bring their files, "
              "`secret set` what was typed.",
     .body = "{command*: name, arguments: {: [text]}, json: flag, progress: flag, "
             "typed: text, files: [{name*: name, text*: text, queries: {: text}}]}",
     .gives = "one {exit_code*: integer, answer*: text, notes*: text}",
     .refuses = "403 404",
     .answer = run},
};

}  // namespace

const RemoteForm* remote_form(std::string_view command) {
  const auto* found = std::ranges::find(kForms, command, &RemoteForm::command);
  return found == std::end(kForms) ? nullptr : found;
}

bool is_local_option(std::string_view option) {
  return std::ranges::find(kLocalOptions, option) != std::end(kLocalOptions);
}

std::span<const Route> command_routes() { return kRoutes; }

}  // namespace millrace::api
