#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/one_day.h"
#include "definition/vault.h"
#include "model/json.h"
#include "notify/courier.h"
#include "notify/teller.h"

namespace millrace::cli {
namespace {

using notify::Channel;
using notify::Target;

std::string state_of(const catalog::Note& note) {
  return note.sent_at ? "sent" : note.refused_at ? "given up" : "waits";
}

json::Value note_json(const catalog::Note& note) {
  json::Value value{{"id", note.id},           {"event", note.event},
                    {"kind", note.kind},       {"title", note.title},
                    {"channel", note.channel}, {"target", note.target},
                    {"state", state_of(note)}, {"written_at", to_text(note.written_at)},
                    {"tries", note.tries}};
  if (note.sent_at) value["sent_at"] = to_text(*note.sent_at);
  if (!note.sent_at && !note.refused_at) value["next_at"] = to_text(note.next_at);
  if (!note.error_text.empty() && !note.sent_at) value["error"] = note.error_text;
  return value;
}

/// "mail:ana@example.com" is written ana@example.com; "#data", "webhook:ops", "direct:ana@…".
Target target_in(const std::string& text, const NotifySettings& settings) {
  const auto colon = text.find(':');
  if (colon != std::string::npos) {
    for (const Channel channel :
         {Channel::Mail, Channel::Direct, Channel::Slack, Channel::Webhook}) {
      if (text.substr(0, colon) == name_of(channel)) return {channel, text.substr(colon + 1)};
    }
  }
  if (settings.webhooks.contains(text)) return {Channel::Webhook, text};
  if (text.starts_with('#')) return {Channel::Slack, text};
  if (text.find('@') != std::string::npos) return {Channel::Mail, text};
  wrong_usage(fmt::format("--to {} is no target", text),
              "Write an e-mail address, direct:ADDRESS for a Slack message to that person, "
              "#channel, or webhook:NAME");
}

/// Those that are named; else the owner and all that hear of everything.
std::set<Target> test_targets(const Arguments& arguments, const NotifySettings& settings) {
  std::set<Target> targets;
  for (const std::string& to : arguments.all("to")) targets.insert(target_in(to, settings));
  if (targets.empty()) targets = notify::targets_of({}, settings);
  if (!targets.empty()) return targets;
  throw Error(Fault::Misconfigured, "nobody_to_tell",
              "millrace.toml names nobody who could be told, or no way to reach them",
              "Set [project] owner and [notify.smtp], or name somebody with --to: see "
              "docs/howto/notifications.md");
}

std::vector<catalog::Note> send_tests(Context& context, const std::set<Target>& targets) {
  Env& env = real_env();
  catalog::Catalog& catalog = context.home.writing();
  const definition::Configuration& configuration = context.home.configuration();
  const std::string event = new_id(env);
  notify::Courier courier(
      catalog,
      [&] {
        definition::Vault vault(configuration.home, catalog, env);
        return definition::resolve(configuration.notify, configuration.home, vault);
      },
      env);
  std::vector<catalog::Note> notes;
  for (const Target& target : targets) {
    notify::Message message;
    message.target = target;
    message.key = message.thread = "test/" + event;
    message.at = env.now();
    catalog::Note note = notify::note_of(message, event, env);
    // Nobody else may take it, and a test is tried once only.
    note.tries = 1;
    note.refused_at = message.at;
    catalog.post(note);
    note.refused_at.reset();
    courier.carry(note);
    if (!note.sent_at && !note.refused_at) {
      note.refused_at = env.now();
      catalog.put_note(note);
    }
    notes.push_back(note);
  }
  return notes;
}

ExitCode test(Context& context, const Arguments& arguments) {
  const auto targets = test_targets(
      arguments, notify::with_wishes(context.home.configuration().notify, context.home.writing()));
  json::Value answers = json::Value::array();
  bool failed = false;
  for (const catalog::Note& note : send_tests(context, targets)) {
    failed = failed || !note.sent_at;
    json::Value answer = note_json(note);
    answer["state"] = note.sent_at ? "sent" : "failed";
    answers.push_back(answer);
    context.terminal.say(note.sent_at ? fmt::format("{} {}: sent", note.channel, note.target)
                                      : fmt::format("{} {}: failed: {}", note.channel, note.target,
                                                    note.error_text));
  }
  if (context.terminal.json()) context.terminal.answer(answers);
  return failed ? kFailed : kDone;
}

ExitCode list(Context& context, const Arguments& arguments) {
  constexpr std::int64_t kUsual = 50;
  const auto notes =
      context.home.reading().notes(arguments.has("waiting"), arguments.number("limit", kUsual));
  json::Value answers = json::Value::array();
  Table table{{"written", "state", "to", "about", "tries", "remark"}, {}};
  for (const catalog::Note& note : notes) {
    answers.push_back(note_json(note));
    table.rows.push_back({minutes_text(note.written_at), state_of(note),
                          fmt::format("{} {}", note.channel, note.target), note.title,
                          fmt::format("{}", note.tries), note.sent_at ? "" : note.error_text});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (notes.empty()) {
    context.terminal.say(arguments.has("waiting") ? "Nothing waits to be sent"
                                                  : "Nothing was sent yet");
  } else {
    context.terminal.print(table);
  }
  return notes.empty() ? kNothingFound : kDone;
}

using OptionKind = Option::Kind;
const Command kCommands[] = {
    {"notify test",
     "Send a test message now, and say how that went",
     {{"to",
       "An e-mail address, direct:ADDRESS, #channel or webhook:NAME (default: the project's "
       "owner, and all that hear of everything)",
       OptionKind::List, "target"}},
     test,
     R"(Exit code 1 when one of them could not be reached; what the server said is shown.)"},
    {"notify list",
     "What people were told, and what waits to be sent",
     {{"waiting", "Only what waits", OptionKind::Flag},
      {"limit", "How many, the newest first (default 50)", OptionKind::Value, "number"}},
     list},
};

}  // namespace

std::span<const Command> notify_commands() { return kCommands; }

}  // namespace millrace::cli
