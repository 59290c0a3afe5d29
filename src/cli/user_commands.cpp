#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "api/password.h"
#include "api/people.h"
#include "cli/command.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

json::Value user_json(const catalog::User& user) {
  return {{"email", user.email},
          {"role", user.role},
          {"grants", user.grants},
          {"status", user.active ? "active" : "deactivated"}};
}

void tell(Context& context, const catalog::User& user, const std::string& sentence) {
  if (context.terminal.json()) context.terminal.answer(user_json(user));
  context.terminal.say(sentence);
}

Secret password_for(Context& context, const std::string& email) {
  return context.terminal.ask_secret("Password of " + email);
}

catalog::User known_user(Context& context, const Arguments& arguments) {
  auto user = context.home.writing().user(arguments.get("EMAIL"));
  if (user) return *std::move(user);
  throw Error(Fault::Misconfigured, "unknown_user",
              fmt::format("there is no user {}", arguments.get("EMAIL")),
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
  Table table{{"e-mail", "role", "status", "grants"}, {}};
  for (const catalog::User& user : users) {
    answers.push_back(user_json(user));
    table.rows.push_back({user.email, user.role, user.active ? "active" : "deactivated",
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
  catalog::User user = known_user(context, arguments);
  if (arguments.has("role")) user.role = arguments.get("role");
  if (arguments.has("grant")) user.grants = arguments.all("grant");
  if (user.role == "viewer" && !arguments.has("grant")) user.grants.clear();
  api::require_role_and_grants(user.role, user.grants);
  if (arguments.has("password")) user.password = api::hash_of(password_for(context, user.email));
  user.locked_until.reset();
  context.home.writing().put_user(user);
  tell(context, user, fmt::format("{} is {} now", user.email, user.role));
  return kDone;
}

ExitCode deactivate(Context& context, const Arguments& arguments) {
  catalog::User user = known_user(context, arguments);
  user.active = false;
  context.home.writing().put_user(user);
  tell(context, user, user.email + " is signed out everywhere, and may not sign in again");
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
     "Another role, other grants, or another password; ends a lock-out",
     {kEmail,
      {"role", "What they may do", Kind::Value, "viewer|editor|admin"},
      kGrant,
      {"password", "Ask for a new password; ends the user's sessions", Kind::Flag}},
     change},
    {"user deactivate", "Sign a person out everywhere, for good", {kEmail}, deactivate},
};

}  // namespace

std::span<const Command> user_commands() { return kCommands; }

}  // namespace millrace::cli
