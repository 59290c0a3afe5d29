#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/one_day.h"
#include "model/json.h"
#include "pipeline/load.h"
#include "pipeline/statements.h"

namespace millrace::cli {
namespace {

using catalog::RunDay;

ExitCode pause(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.writing();
  const Ingestion ingestion = catalog.ingestion(arguments.get("NAME"));
  const std::string why = arguments.has("why") ? arguments.get("why") : "paused by a person";
  const bool is_new = catalog.pause(ingestion.id, why);
  if (context.terminal.json()) {
    context.terminal.answer(
        {{"ingestion", ingestion.handle}, {"paused", true}, {"is_new", is_new}});
    return kDone;
  }
  context.terminal.say(
      is_new ? fmt::format("{} is paused: nothing automatic happens to it, and what is asked for "
                           "waits until `millrace resume {}`",
                           ingestion.handle, ingestion.handle)
             : fmt::format("{} was paused already", ingestion.handle));
  return kDone;
}

ExitCode resume(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.writing();
  const Ingestion ingestion = catalog.ingestion(arguments.get("NAME"));
  const bool was_paused = catalog.resume(ingestion.id);
  if (context.terminal.json()) {
    context.terminal.answer(
        {{"ingestion", ingestion.handle}, {"paused", false}, {"was_paused", was_paused}});
    return kDone;
  }
  context.terminal.say(was_paused ? fmt::format("{} goes on", ingestion.handle)
                                  : fmt::format("{} was not paused", ingestion.handle));
  return kDone;
}

ExitCode retry(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  const Ingestion ingestion = house.catalog.ingestion(arguments.get("NAME"));
  std::vector<Day> days = pipeline::failed_days(house, ingestion);
  if (const auto day = arguments.day("day")) {
    std::erase_if(days, [&](Day failed) { return failed != *day; });
  }
  std::set<std::string> runs;
  if (!days.empty()) {
    for (const std::string& run :
         house.catalog.ask(new_id(house.env), ingestion.id, days, "manual")) {
      runs.insert(run);
    }
  }
  if (context.terminal.json()) {
    json::Value answer{
        {"ingestion", ingestion.handle}, {"days", json::Value::array()}, {"runs", runs}};
    for (const Day day : days) answer["days"].push_back(day.text());
    context.terminal.answer(answer);
  } else if (days.empty()) {
    context.terminal.say(fmt::format("{}: no such day has failed", ingestion.handle));
  } else {
    context.terminal.say(fmt::format("{}: {} asked for again: run {}", ingestion.handle,
                                     counted(static_cast<std::int64_t>(days.size()), "failed day") +
                                         (days.size() == 1 ? " is" : " are"),
                                     *runs.begin()));
  }
  return days.empty() ? kNothingFound : kDone;
}

/// Waits until whoever works on the loads has ended them; returns those that are still open.
std::vector<std::string> wait_until_closed(Context& context, pipeline::House& house,
                                           const std::vector<catalog::LoadRow>& loads) {
  constexpr std::chrono::seconds kPatience(20);
  constexpr std::chrono::milliseconds kLook(100);
  std::vector<std::string> open;
  const Instant until = house.env.now() + kPatience;
  do {
    pipeline::close_dead_loads(house, context.stop);
    open.clear();
    for (const catalog::LoadRow& load : loads) {
      const auto now = house.catalog.load(load.id);
      if (now && !now->closed_at) open.push_back(load.id);
    }
  } while (!open.empty() && house.env.now() < until && house.env.wait(kLook, context.stop));
  return open;
}

ExitCode cancel(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  const Ingestion ingestion = house.catalog.ingestion(arguments.get("NAME"));
  const auto wanted =
      house.catalog.want_cancel(ingestion.id, arguments.day("day"), arguments.get("run"));
  const auto open = wait_until_closed(context, house, wanted.loads);
  std::vector<std::string> loads;
  for (const catalog::LoadRow& load : wanted.loads) loads.push_back(load.id);
  pipeline::EndedStatements found;
  if (!loads.empty()) found = pipeline::end_statements(house, ingestion, loads, context.stop);
  if (!open.empty() || !found.still.empty()) {
    throw Error(Fault::Unavailable, "not_cancelled",
                fmt::format("{}: {} of {} loads and {} statements of the warehouse have not ended",
                            ingestion.handle, open.size(), loads.size(), found.still.size()),
                "They were told to; look again with `millrace run list`, and ask the warehouse");
  }
  const auto under_way = static_cast<std::int64_t>(loads.size());
  if (context.terminal.json()) {
    context.terminal.answer({{"ingestion", ingestion.handle},
                             {"loads", loads},
                             {"not_begun", wanted.asked},
                             {"statements_left", 0}});
  } else if (under_way + wanted.asked == 0) {
    context.terminal.say(fmt::format("{}: there is nothing to cancel", ingestion.handle));
  } else {
    context.terminal.say(fmt::format(
        "{}: {} under way and {} not begun were cancelled; the warehouse runs nothing of them",
        ingestion.handle, counted(under_way, "load"), counted(wanted.asked, "day")));
  }
  return under_way + wanted.asked == 0 ? kNothingFound : kDone;
}

/// What a run has come to, day by day.
struct RunSum {
  std::int64_t waiting = 0, under_way = 0, done = 0, failed = 0, rows = 0;

  explicit RunSum(const std::vector<RunDay>& days) {
    for (const RunDay& day : days) {
      rows += day.rows;
      if (day.attempt == Attempt::Failed || day.attempt == Attempt::Rejected) {
        ++failed;
      } else if (day.ended_at) {
        ++done;
      } else {
        ++(day.started_at ? under_way : waiting);
      }
    }
  }
  std::string status() const {
    if (under_way > 0) return "running";
    if (waiting > 0) return "waiting";
    return failed > 0 ? "failed" : "succeeded";
  }
};

Instant began(const std::vector<RunDay>& days) {
  std::optional<Instant> first;
  for (const RunDay& day : days) {
    if (const auto at = day.asked_at ? day.asked_at : day.started_at) {
      first = std::min(first.value_or(*at), *at);
    }
  }
  return first.value_or(Instant());
}

std::string handle_of(catalog::Catalog& catalog, const std::string& id) {
  const auto ingestion = catalog.ingestion_by_id(id);
  return ingestion ? ingestion->handle : id;
}

/// The ingestions of a run, in the order in which they come.
std::vector<std::string> handles_of(catalog::Catalog& catalog, const std::vector<RunDay>& days) {
  std::vector<std::string> ids, handles;
  for (const RunDay& day : days) {
    if (std::ranges::find(ids, day.ingestion) != ids.end()) continue;
    ids.push_back(day.ingestion);
    handles.push_back(handle_of(catalog, day.ingestion));
  }
  return handles;
}

std::string text_of(const std::vector<std::string>& handles) {
  return handles.size() == 1 ? handles.front()
                             : fmt::format("{} and {} more", handles.front(), handles.size() - 1);
}

std::string days_text(const std::vector<RunDay>& days) {
  const auto [first, last] =
      std::ranges::minmax_element(days, {}, [](const RunDay& day) { return day.day; });
  return first->day == last->day ? first->day.text() : first->day.text() + " – " + last->day.text();
}

ExitCode run_list(Context& context, const Arguments& arguments) {
  constexpr std::int64_t kUsual = 20;
  catalog::Catalog& catalog = context.home.reading();
  json::Value answers = json::Value::array();
  Table table{{"run", "begun", "trigger", "ingestion", "days", "status", "done", "failed", "rows"},
              {}};
  for (const std::string& run : catalog.runs(arguments.number("limit", kUsual), 0)) {
    const std::vector<RunDay> days = catalog.run_days(run);
    if (days.empty()) continue;
    const RunSum sum(days);
    const std::vector<std::string> handles = handles_of(catalog, days);
    answers.push_back({{"run", run},
                       {"begun_at", to_text(began(days))},
                       {"trigger", days.front().trigger},
                       {"ingestion", handles.front()},
                       {"ingestions", handles},
                       {"status", sum.status()},
                       {"waiting", sum.waiting},
                       {"under_way", sum.under_way},
                       {"done", sum.done},
                       {"failed", sum.failed},
                       {"rows", sum.rows}});
    table.rows.push_back({run, minutes_text(began(days)), days.front().trigger, text_of(handles),
                          days_text(days), sum.status(), grouped(sum.done), grouped(sum.failed),
                          grouped(sum.rows)});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (table.rows.empty()) {
    context.terminal.say("Nothing has run yet");
  } else {
    context.terminal.print(table);
  }
  return answers.empty() ? kNothingFound : kDone;
}

ExitCode run_show(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.reading();
  const std::vector<RunDay> days = catalog.run_days(arguments.get("RUN"));
  if (days.empty()) {
    throw Error(Fault::Misconfigured, "unknown_run",
                fmt::format("there is no run {}", arguments.get("RUN")), "See `millrace run list`");
  }
  json::Value answers = json::Value::array();
  Table table{{"ingestion", "day", "status", "load", "started", "ended", "rows", "error"}, {}};
  const auto text = [](const std::optional<Instant>& at) {
    return at ? minutes_text(*at) : std::string("–");
  };
  for (const RunDay& day : days) {
    const bool has_ended = day.started_at || !day.error_code.empty();
    const std::string status(has_ended      ? name_of(day.attempt)
                             : day.ended_at ? "in another run"
                                            : "asked");
    const std::string handle = handle_of(catalog, day.ingestion);
    json::Value one{{"ingestion", handle},    {"day", day.day.text()}, {"status", status},
                    {"trigger", day.trigger}, {"load", day.load},      {"rows", day.rows}};
    if (day.asked_at) one["asked_at"] = to_text(*day.asked_at);
    if (day.started_at) one["started_at"] = to_text(*day.started_at);
    if (day.ended_at) one["ended_at"] = to_text(*day.ended_at);
    const std::string& error = context.terminal.error_text(day.error_text, day.error_in_full);
    if (!day.error_code.empty()) one["error"] = {{"code", day.error_code}, {"message", error}};
    answers.push_back(std::move(one));
    table.rows.push_back({handle, day.day.text(), status, day.load, text(day.started_at),
                          text(day.ended_at), grouped(day.rows), error});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else {
    context.terminal.print(table);
  }
  return kDone;
}

using Kind = Option::Kind;
const Option kName{"NAME", "The ingestion", Kind::Argument, "ingestion"};
const Command kCommands[] = {
    {"run list",
     "What was asked, by whom, and what became of it; newest first",
     {{"limit", "How many (default 20)", Kind::Value, "number"}},
     run_list},
    {"run show",
     "The days of one run",
     {{"RUN", "Its id, as `run list` shows it", Kind::Argument, "text"}},
     run_show},
    {"cancel",
     "End what is under way for an ingestion, here and in the warehouse",
     {kName,
      {"day", "Only this day", Kind::Value, "day"},
      {"run", "Only what belongs to this run", Kind::Value, "text"}},
     cancel,
     R"(Whichever process loads them stops within seconds, and what was asked for and has not begun
is not begun. Days keep the version that they had. Then the warehouse is asked whether a statement
of theirs still runs; exits with 1 when one does. With --day, other days of the same request begin
again.)"},
    {"retry",
     "Ask the running service to load failed days again",
     {kName, {"day", "Only this day", Kind::Value, "day"}},
     retry},
    {"pause",
     "Let nothing automatic happen to an ingestion",
     {kName, {"why", "For those who wonder", Kind::Value, "text"}},
     pause,
     R"(What is under way is finished, unless `cancel` ends it; `millrace load` still loads.)"},
    {"resume", "End a pause", {kName}, resume},
};

}  // namespace

std::span<const Command> run_commands() { return kCommands; }

}  // namespace millrace::cli
