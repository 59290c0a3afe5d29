#include "cli/trigger.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/one_day.h"
#include "definition/dbt.h"
#include "model/json.h"
#include "pipeline/load.h"

namespace millrace::cli {
namespace {

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

/// One ingestion's day that was asked for, and what became of it, as far as is known.
struct Triggered {
  Asked it;
  std::string run;
  std::optional<catalog::RunDay> day;
};

json::Value triggered_json(const Triggered& one) {
  json::Value value{
      {"run", one.run}, {"ingestion", one.it.ingestion.handle}, {"day", one.it.day.text()}};
  value["result"] = one.day ? std::string(name_of(one.day->attempt)) : "asked";
  if (!one.day) return value;
  value["load"] = one.day->load;
  value["rows"] = one.day->rows;
  if (!one.day->error_code.empty()) {
    value["error"] = {{"code", one.day->error_code}, {"message", one.day->error_text}};
  }
  return value;
}

// Both of what `triggered_json` made, here or elsewhere.

std::string sentence(const json::Value& one) {
  const auto text = [&](const char* name) { return one.at(name).get<std::string>(); };
  const std::string what = text("ingestion") + " " + text("day");
  if (text("result") == "asked") {
    return fmt::format("{} is asked for: run {}", what, text("run"));
  }
  const bool failed = one.contains("error");
  return fmt::format("{}: {}{}{}", what, text("result"), failed ? ", " : "",
                     failed ? one["error"]["message"].get<std::string>() : "");
}

bool is_well(const json::Value& one) {
  const std::string result = one.at("result").get<std::string>();
  return result == "asked" || result == name_of(Attempt::Loaded) ||
         result == name_of(Attempt::Empty);
}

catalog::RunDay wait_until_done(Context& context, const Triggered& one, Instant until) {
  Env& env = real_env();
  constexpr std::chrono::milliseconds kLook(200);
  do {
    for (const catalog::RunDay& day : one.it.house.catalog.run_days(one.run)) {
      const bool is_it = day.ingestion == one.it.ingestion.id && day.day == one.it.day;
      if (is_it && day.ended_at) return day;
    }
    if (!env.wait(kLook, context.stop)) {
      throw Error(Fault::Cancelled, "cancelled", "stopped waiting; the day stays asked for");
    }
  } while (env.now() < until);
  throw Error(Fault::Unavailable, "not_done_yet",
              fmt::format("{} was not loaded in time; it stays asked for", one.it.text()),
              "See whether `millrace serve` runs, and what its log says");
}

/// The ingestions that read models of a run of dbt, all of which were built.
std::vector<Ingestion> built_by_dbt(Context& context, const Arguments& arguments) {
  const auto models = definition::dbt_results_in(arguments.get("dbt-results"));
  std::vector<Ingestion> built;
  for (Ingestion& one : context.home.house(true).catalog.ingestions()) {
    std::vector<std::string> read, failed;
    for (const definition::DbtModel& model : models) {
      if (!definition::reads_relation(one.definition.query, model.relation)) continue;
      (model.succeeded ? read : failed).push_back(model.name);
    }
    if (!failed.empty()) {
      context.terminal.note(fmt::format("{} is not asked for: {} did not succeed", one.handle,
                                        fmt::join(failed, ", ")));
    } else if (!read.empty() && one.upkeep.enabled) {
      built.push_back(std::move(one));
    }
  }
  return built;
}

std::vector<Ingestion> wanted(Context& context, const Arguments& arguments) {
  if (arguments.has("NAME") == arguments.has("dbt-results")) {
    wrong_usage("trigger takes an ingestion, or dbt's results",
                "Write `trigger NAME --day D`, or `trigger --dbt-results FILE --day D`");
  }
  if (arguments.has("dbt-results")) return built_by_dbt(context, arguments);
  return {context.home.house(true).catalog.ingestion(arguments.get("NAME"))};
}

}  // namespace

ExitCode trigger(Context& context, const Arguments& arguments) {
  const Instant until = real_env().now() + patience_in(arguments);
  pipeline::House& house = context.home.house(true);
  const std::string run = new_id(real_env());
  std::vector<Triggered> all;
  const Day day = *arguments.day("day");
  pipeline::require_begun(house, day);
  for (const Ingestion& one : wanted(context, arguments)) {
    all.push_back({.it = {house, one, day},
                   .run = house.catalog.ask(run, one.id, {day}, "manual").front(),
                   .day = {}});
  }
  json::Value answers = json::Value::array();
  for (Triggered& one : all) {
    if (arguments.has("wait")) one.day = wait_until_done(context, one, until);
    answers.push_back(triggered_json(one));
    say_triggered(context.terminal, answers.back());
  }
  return answer_triggered(context.terminal, arguments, answers);
}

void say_triggered(Terminal& terminal, const json::Value& one) { terminal.say(sentence(one)); }

ExitCode answer_triggered(Terminal& terminal, const Arguments& arguments,
                          const json::Value& answers) {
  if (terminal.json()) {
    terminal.answer(arguments.has("NAME") ? answers.at(0) : answers);
  } else if (answers.empty()) {
    terminal.say("No enabled ingestion reads a model of that run");
  }
  if (answers.empty()) return kNothingFound;
  return std::ranges::all_of(answers, is_well) ? kDone : kSomeDaysFailed;
}

std::chrono::seconds patience_in(const Arguments& arguments) {
  constexpr std::chrono::hours kPatience(2);
  return duration_in(arguments, "timeout", kPatience);
}

json::Value triggered_elsewhere(const json::Value& asked, const json::Value& day) {
  json::Value ended{
      {"run", asked["run"]}, {"ingestion", asked["ingestion"]}, {"day", asked["day"]}};
  ended["result"] = day["status"];
  for (const char* name : {"load", "rows", "error"}) {
    if (day.contains(name)) ended[name] = day[name];
  }
  return ended;
}

}  // namespace millrace::cli
