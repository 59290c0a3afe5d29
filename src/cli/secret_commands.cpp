#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/one_day.h"
#include "definition/vault.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

definition::Vault vault_of(Context& context) {
  return {context.home.path(), context.home.writing(), real_env()};
}

ExitCode set(Context& context, const Arguments& arguments) {
  const std::string name = arguments.get("NAME");
  const Secret value = context.terminal.ask_secret(name);
  if (value.empty()) {
    wrong_usage(fmt::format("no value for {} came", name),
                "Type it when asked, or send it to stdin: millrace secret set NAME < file");
  }
  vault_of(context).put(name, value);
  if (context.terminal.json()) context.terminal.answer({{"secret", name}});
  context.terminal.say(
      fmt::format("The secret {0} is set; a connection refers to it as \"secret:{0}\"", name));
  return kDone;
}

ExitCode list(Context& context, const Arguments&) {
  const auto secrets = context.home.reading().secrets();
  json::Value answers = json::Value::array();
  Table table{{"name", "set (UTC)", "master key"}, {}};
  for (const catalog::SealedSecret& secret : secrets) {
    answers.push_back(
        {{"name", secret.name}, {"set_at", to_text(secret.set_at)}, {"master_key", secret.key}});
    table.rows.push_back({secret.name, minutes_text(secret.set_at), secret.key.substr(0, 8)});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (secrets.empty()) {
    context.terminal.say("No secrets yet: set one with `millrace secret set NAME`");
  } else {
    context.terminal.print(table);
  }
  return secrets.empty() ? kNothingFound : kDone;
}

ExitCode remove(Context& context, const Arguments& arguments) {
  const std::string name = arguments.get("NAME");
  if (!context.home.writing().secret(name)) {
    throw Error(Fault::Misconfigured, "secret_missing", "there is no secret " + name,
                "See `millrace secret list`");
  }
  context.home.writing().remove_secret(name);
  if (context.terminal.json()) context.terminal.answer({{"secret", name}, {"removed", true}});
  context.terminal.say(fmt::format("The secret {} is forgotten", name));
  return kDone;
}

ExitCode rotate(Context& context, const Arguments&) {
  const std::string where = vault_of(context).rotate();
  if (context.terminal.json()) context.terminal.answer({{"master_key", where}});
  context.terminal.say(fmt::format("All secrets are encrypted with the master key in {}", where));
  return kDone;
}

const Option kName{"NAME", "What it is called, for example shop.password", Option::Kind::Argument,
                   "text"};
const Command kCommands[] = {
    {"secret set",
     "Keep a secret, encrypted in the catalog; asks for it, or reads it from stdin",
     {kName},
     set,
     R"(A connection's setting refers to it: password = "secret:shop.password". The master key is
$MILLRACE_MASTER_KEY, the file in $MILLRACE_MASTER_KEY_FILE, or secrets/master.key in the home,
which the first secret makes.)"},
    {"secret list", "Which secrets there are, without their values", {}, list},
    {"secret remove", "Forget a secret", {kName}, remove},
    {"secret rotate",
     "Encrypt all secrets with a new master key",
     {},
     rotate,
     R"(Where the environment names the master key, MILLRACE_NEW_MASTER_KEY or
MILLRACE_NEW_MASTER_KEY_FILE must name the new one; afterwards make it the only one.)"},
};

}  // namespace

std::span<const Command> secret_commands() { return kCommands; }

}  // namespace millrace::cli
