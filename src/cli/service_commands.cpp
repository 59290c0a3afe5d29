#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/key.h"
#include "cli/command.h"
#include "cli/one_day.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

[[noreturn]] void wrong_usage(const std::string& what, const std::string& advice) {
  throw Error(Fault::Misconfigured, "wrong_usage", what, advice);
}

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

/// "2h", "30m", "90s"
std::chrono::seconds duration_in(const Arguments& arguments, std::string_view name,
                                 std::chrono::seconds fallback) {
  if (!arguments.has(name)) return fallback;
  const std::string text = arguments.get(name);
  std::int64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto unit = std::string_view(text).substr(static_cast<std::size_t>(read.ptr - text.data()));
  const std::int64_t seconds = unit == "h" ? 3600 : unit == "m" ? 60 : unit == "s" ? 1 : 0;
  constexpr std::int64_t kMost = 1'000;
  if (read.ec != std::errc() || count < 1 || count > kMost * 3600 || seconds == 0) {
    wrong_usage(fmt::format("--{} {} is no length of time", name, text),
                "Write for example 2h, 30m or 90s");
  }
  return std::chrono::seconds(count * seconds);
}

json::Value run_day_json(const Asked& it, const std::string& run, const catalog::RunDay* day) {
  json::Value value{{"run", run}, {"ingestion", it.ingestion.handle}, {"day", it.day.text()}};
  value["result"] = !day ? "asked" : std::string(name_of(day->attempt));
  if (!day) return value;
  value["load"] = day->load;
  value["rows"] = day->rows;
  if (!day->error_code.empty()) {
    value["error"] = {{"code", day->error_code}, {"message", day->error_text}};
  }
  return value;
}

catalog::RunDay wait_until_done(Context& context, const Asked& it, const std::string& run,
                                std::chrono::seconds timeout) {
  Env& env = real_env();
  const Instant until = env.now() + timeout;
  constexpr std::chrono::milliseconds kLook(200);
  do {
    for (const catalog::RunDay& day : it.house.catalog.run_days(run)) {
      const bool is_it = day.ingestion == it.ingestion.id && day.day == it.day;
      if (is_it && day.ended_at) return day;
    }
    if (!env.wait(kLook, context.stop)) {
      throw Error(Fault::Cancelled, "cancelled", "stopped waiting; the day stays asked for");
    }
  } while (env.now() < until);
  throw Error(
      Fault::Unavailable, "not_done_yet",
      fmt::format("{} was not loaded within {} s; it stays asked for", it.text(), timeout.count()),
      "See whether `millrace serve` runs, and what its log says");
}

ExitCode trigger(Context& context, const Arguments& arguments) {
  constexpr std::chrono::hours kPatience(2);
  const auto timeout = duration_in(arguments, "timeout", kPatience);
  const Asked it = asked(context, arguments, true);
  const std::string run =
      it.house.catalog.ask(new_id(real_env()), it.ingestion.id, {it.day}, "manual").front();
  std::optional<catalog::RunDay> day;
  if (arguments.has("wait")) day = wait_until_done(context, it, run, timeout);
  if (context.terminal.json()) {
    context.terminal.answer(run_day_json(it, run, day ? &*day : nullptr));
  } else if (!day) {
    context.terminal.say(fmt::format("{} is asked for: run {}", it.text(), run));
  } else {
    context.terminal.say(fmt::format("{}: {}{}{}", it.text(), name_of(day->attempt),
                                     day->error_text.empty() ? "" : ", ", day->error_text));
  }
  const bool is_well = !day || day->attempt == Attempt::Loaded || day->attempt == Attempt::Empty;
  return is_well ? kDone : kSomeDaysFailed;
}

const Command kCommands[] = {
    {"trigger",
     "Ask the running service to load a day",
     {{"NAME", "The ingestion", Option::Kind::Argument, "ingestion"},
      {"day", "The day", Option::Kind::NeededValue, "day"},
      {"wait", "Wait until it is done", Option::Kind::Flag},
      {"timeout", "How long to wait, for example 30m (default 2h)", Option::Kind::Value, "time"}},
     trigger,
     R"(What is asked for lies in the catalog until `millrace serve` (or `load --due`) does it;
asking twice is asking once. With --wait, exit code 4 when the day was not loaded.)"},
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
