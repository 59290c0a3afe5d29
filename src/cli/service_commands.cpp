#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "cli/command.h"
#include "cli/one_day.h"
#include "cli/trigger.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

/// Also 0, which means no limit.
std::int64_t limit_in(const Arguments& arguments, std::string_view name, std::int64_t fallback) {
  if (!arguments.has(name)) return fallback;
  const std::string text = arguments.get(name);
  std::int64_t limit = -1;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || limit < 0) {
    wrong_usage(fmt::format("--{} {} is no number of requests", name, text),
                "Write digits only; 0 means no limit");
  }
  return limit;
}

json::Value key_json(const catalog::ApiKey& key) {
  json::Value value{{"id", key.id},
                    {"type", key.type},
                    {"key", key.hint},
                    {"description", key.description},
                    {"scopes", key.scopes},
                    {"status", key.active ? "active" : "deactivated"},
                    {"per_10s", key.per_10s},
                    {"per_15min", key.per_15min},
                    {"created_at", to_text(key.created_at)}};
  if (key.last_used_at) value["last_used_at"] = to_text(*key.last_used_at);
  return value;
}

ExitCode key_create(Context& context, const Arguments& arguments) {
  api::NewKey key = api::make_key(arguments.get("type"), arguments.get("description"), real_env());
  key.kept.per_10s = limit_in(arguments, "per-10s", key.kept.per_10s);
  key.kept.per_15min = limit_in(arguments, "per-15min", key.kept.per_15min);
  if (const auto scopes = arguments.all("scope"); !scopes.empty()) key.kept.scopes = scopes;
  api::require_scopes(key.kept.type, key.kept.scopes);
  context.home.writing().put_key(key.kept);
  if (context.terminal.json()) {
    json::Value value = key_json(key.kept);
    value["key"] = key.text;
    context.terminal.answer(value);
    return kDone;
  }
  context.terminal.say(key.text);
  context.terminal.note("This is shown once; keep it where secrets are kept");
  return kDone;
}

ExitCode key_list(Context& context, const Arguments&) {
  const std::vector<catalog::ApiKey> keys = context.home.reading().keys();
  json::Value answers = json::Value::array();
  Table table{{"id", "key", "status", "last used", "description"}, {}};
  for (const catalog::ApiKey& key : keys) {
    answers.push_back(key_json(key));
    table.rows.push_back({key.id, key.hint, key.active ? "active" : "deactivated",
                          key.last_used_at ? minutes_text(*key.last_used_at) : "never",
                          key.description});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (keys.empty()) {
    context.terminal.say("No keys yet: make one with `millrace key create`");
  } else {
    context.terminal.print(table);
  }
  return keys.empty() ? kNothingFound : kDone;
}

ExitCode key_deactivate(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.writing();
  const std::string id = arguments.get("ID");
  std::vector<catalog::ApiKey> keys = catalog.keys();
  const auto found = std::ranges::find_if(keys, [&](const auto& key) { return key.id == id; });
  if (found == keys.end()) {
    throw Error(Fault::Misconfigured, "unknown_key",
                fmt::format("there is no key with the id {}", id), "See `millrace key list`");
  }
  found->active = false;
  catalog.put_key(*found);
  if (context.terminal.json()) {
    context.terminal.answer(key_json(*found));
  } else {
    context.terminal.say(fmt::format("{} is deactivated: calls with it answer 401", found->hint));
  }
  return kDone;
}

const Command kCommands[] = {
    {"trigger",
     "Ask the running service to load a day",
     {{"NAME", "The ingestion", Option::Kind::OptionalArgument, "ingestion"},
      {"dbt-results", "Instead of NAME: dbt's run_results.json", Option::Kind::Value, "dbt"},
      {"day", "The day", Option::Kind::NeededValue, "day"},
      {"wait", "Wait until it is done", Option::Kind::Flag},
      {"timeout", "How long to wait, for example 30m (default 2h)", Option::Kind::Value, "time"}},
     trigger,
     R"(What is asked for lies in the catalog until `millrace serve` (or `load --due`) does it;
asking twice is asking once. With --wait, exit code 4 when the day was not loaded.

With --dbt-results every enabled ingestion is meant whose query reads a model of that run, as long
as all models that it reads succeeded. Exit code 3 when there is none.

Examples
  millrace trigger purchases --day 2026-11-20 --wait --timeout 30m
  dbt build && millrace trigger --dbt-results target/run_results.json --day 2026-11-20)"},
    {"key create",
     "Make a key for callers of the API; it is shown once",
     {{"type", "What it may call", Option::Kind::NeededValue, "console|secret|client"},
      {"description", "What it is for", Option::Kind::Value, "text"},
      {"scope", "Instead of omni_read_write: what a console key may do", Option::Kind::List,
       "omni_read_only|omni_read_write|can_access_keys"},
      {"per-10s", "Requests in 10 seconds (default 100; 0: no limit)", Option::Kind::Value,
       "limit"},
      {"per-15min", "Requests in 15 minutes (default 900; 0: no limit)", Option::Kind::Value,
       "limit"}},
     key_create,
     R"(console: everything below /console/v1, and mark_data_ready. secret: mark_data_ready.
client: nothing yet. Only a digest of the key is kept.)"},
    {"key list", "Which keys there are, and when each was last used", {}, key_list},
    {"key deactivate",
     "Refuse a key from now on",
     {{"ID", "Its id, as `key list` shows it", Option::Kind::Argument, "text"}},
     key_deactivate},
};

}  // namespace

std::span<const Command> service_commands() { return kCommands; }

}  // namespace millrace::cli
