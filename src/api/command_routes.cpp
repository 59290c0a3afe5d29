#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/remote_command.h"
#include "api/routes.h"
#include "api/service.h"

namespace millrace::api {
namespace {

struct Allowed {
  std::string_view command;
  Access access;
};
/// What reads or changes days, runs and schedules. Commands that define things, load in the
/// foreground, keep secrets and people, or look after the home run where the home is.
constexpr Allowed kAllowed[] = {
    {"days", Access::Read},     {"history", Access::Read},    {"certificate", Access::Read},
    {"diff", Access::Read},     {"run list", Access::Read},   {"run show", Access::Read},
    {"schedule", Access::Read}, {"usage", Access::Read},      {"trigger", Access::Write},
    {"pause", Access::Write},   {"resume", Access::Write},    {"retry", Access::Write},
    {"cancel", Access::Write},  {"undo", Access::Write},      {"release", Access::Write},
    {"check", Access::Use},     {"quarantine", Access::Rows},
};
/// Rejected rows are many, and the answer is held in memory.
constexpr std::int64_t kRowsMost = 10'000;
constexpr std::string_view kLocalOptions[] = {"dbt-results", "export", "replay", "wait", "timeout"};

bool is_set(const json::Value& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_boolean() && found->get<bool>();
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
  command.as_json = is_set(call.body, "json");
  command.as_lines = is_set(call.body, "progress");
  command.actor = {.kind = call.user ? "user" : "key",
                   .id = call.key.id,
                   .name = call.key.description.empty() ? call.key.hint : call.key.description};
  return command;
}

void bound_rows(RemoteCommand& command) {
  if (command.path != "quarantine") return;
  std::vector<std::string>& rows = command.arguments["rows"];
  if (rows.empty()) rows = {command.as_json ? fmt::format("{}", kRowsMost) : "20"};
  std::int64_t wanted = 0;  // What is no number is refused by the command.
  const std::string& text = rows.front();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), wanted);
  if (wanted > kRowsMost || read.ec == std::errc::result_out_of_range) {
    bad_request(fmt::format("quarantine gives at most {} rows with --server", kRowsMost));
  }
}

/// With a connection's credentials, or its rows, only for whoever has the grant.
void require_grant_for(const Call& call, const RemoteCommand& command, Access access) {
  const std::string grant = access == Access::Use    ? "connection.use"
                            : access == Access::Rows ? "rows.read"
                                                     : "";
  const auto name = command.arguments.find("NAME");
  if (!call.user || grant.empty() || name == command.arguments.end() || name->second.empty())
    return;
  require_grant(call, grant, call.catalog.ingestion(name->second.front()).connection);
}

Answer run(Call& call) {
  RemoteCommand command = command_in(call);
  const auto access = remote_access(command.path);
  if (!access) bad_request(fmt::format("there is no command `{}` for callers", command.path));
  require_scope(call.key, *access);
  require_grant_for(call, command, *access);
  bound_rows(command);
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
              "writes to stdout and stderr. Those that change something need write, `check` use, "
              "`quarantine` rows.",
     .body = "{command*: name, arguments: {: [text]}, json: flag, progress: flag}",
     .gives = "one {exit_code*: integer, answer*: text, notes*: text}",
     .refuses = "403 404",
     .answer = run},
};

}  // namespace

std::optional<Access> remote_access(std::string_view command) {
  const auto* found = std::ranges::find(kAllowed, command, &Allowed::command);
  return found == std::end(kAllowed) ? std::nullopt : std::optional(found->access);
}

bool is_local_option(std::string_view option) {
  return std::ranges::find(kLocalOptions, option) != std::end(kLocalOptions);
}

std::span<const Route> command_routes() { return kRoutes; }

}  // namespace millrace::api
