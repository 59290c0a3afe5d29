#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "api/password.h"
#include "api/people.h"
#include "base/letters.h"
#include "cli/command.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

void tell(Context& context, const catalog::User& user, const std::string& sentence) {
  if (context.terminal.json()) context.terminal.answer(api::user_json(user));
  context.terminal.say(sentence);
}

Secret password_for(Context& context, const std::string& email) {
  return context.terminal.ask_secret("Password of " + email);
}

/// Everything that is done to a user who is there.
catalog::User changed(Context& context, const Arguments& arguments, const api::UserChange& change) {
  catalog::Catalog& catalog = context.home.writing();
  const std::string email = arguments.get("EMAIL");
  if (const auto user = catalog.user(lower_case(email))) {
    return api::change_user(catalog, user->id, change);
  }
  throw Error(Fault::Misconfigured, "unknown_user", fmt::format("there is no user {}", email),
              "See `millrace user list`");
}

ExitCode create(Context& context, const Arguments& arguments) {
  const std::string email = arguments.get("EMAIL"), role = arguments.get("role");
  api::require_role_and_grants(role, arguments.all("grant"));
  const catalog::User user =
      api::make_user(email, password_for(context, email), role, arguments.all("grant"), real_env());
  context.home.writing().put_user(user);
  tell(context, user, fmt::format("{} may sign in, as {}", user.email, user.role));
  return kDone;
}

ExitCode list(Context& context, const Arguments&) {
  const auto users = context.home.reading().users();
  json::Value answers = json::Value::array();
  Table table{{"e-mail", "role", "status", "Slack", "grants"}, {}};
  for (const catalog::User& user : users) {
    answers.push_back(api::user_json(user));
    table.rows.push_back({user.email, user.role, user.active ? "active" : "deactivated",
                          user.slack_direct ? "direct" : "",
                          fmt::format("{}", fmt::join(user.grants, ", "))});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (users.empty()) {
    context.terminal.say("No users yet: make one with `millrace user create EMAIL --role editor`");
  } else {
    context.terminal.print(table);
  }
  return users.empty() ? kNothingFound : kDone;
}

ExitCode change(Context& context, const Arguments& arguments) {
  api::UserChange change;
  if (arguments.has("role")) change.role = arguments.get("role");
  if (arguments.has("grant")) change.grants = arguments.all("grant");
  if (arguments.has("slack-direct")) change.slack_direct = arguments.get("slack-direct") == "on";
  if (arguments.has("password")) {
    change.password = api::hash_of(password_for(context, arguments.get("EMAIL")));
  }
  const catalog::User user = changed(context, arguments, change);
  tell(context, user, fmt::format("{} is {} now", user.email, user.role));
  return kDone;
}

ExitCode deactivate(Context& context, const Arguments& arguments) {
  const catalog::User user = changed(context, arguments, {.active = false});
  tell(context, user, user.email + " is signed out everywhere, and may not sign in again");
  return kDone;
}

ExitCode activate(Context& context, const Arguments& arguments) {
  const catalog::User user = changed(context, arguments, {.active = true});
  tell(context, user, fmt::format("{} may sign in, as {}", user.email, user.role));
  return kDone;
}

using Kind = Option::Kind;
const Option kEmail{"EMAIL", "Whose address", Kind::Argument, "text"};
const Option kGrant{"grant", "What an editor may do: connection.use:NAME, rows.read:NAME",
                    Kind::List, "text"};
const Command kCommands[] = {
    {"user create",
     "Let a person sign in; asks for the password, or reads it from stdin",
     {kEmail, {"role", "What they may do", Kind::NeededValue, "viewer|editor|admin"}, kGrant},
     create,
     R"(viewer: look. editor: change, and use the connections that grants name: connection.use runs
SQL with its credentials, rows.read shows rows; NAME may be *. admin: everything, and keys.)"},
    {"user list", "Who may sign in", {}, list},
    {"user change",
     "Another role, grants, password or wish; ends a lock-out",
     {kEmail,
      {"role", "What they may do", Kind::Value, "viewer|editor|admin"},
      kGrant,
      {"password", "Ask for a new password; ends the user's sessions", Kind::Flag},
      {"slack-direct", "Whether they hear of days by a direct message in Slack, too", Kind::Value,
       "on|off"}},
     change},
    {"user deactivate",
     "Sign a person out everywhere, and let them in no more",
     {kEmail},
     deactivate},
    {"user activate", "Let in again who was deactivated", {kEmail}, activate},
};

}  // namespace

std::span<const Command> user_commands() { return kCommands; }

}  // namespace millrace::cli
