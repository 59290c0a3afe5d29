#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "model/json.h"
#include "pipeline/check.h"
#include "pipeline/days.h"
#include "pipeline/load.h"

namespace millrace::cli {
namespace {

using pipeline::DayOutcome;

[[noreturn]] void wrong_usage(const std::string& what, const std::string& advice) {
  throw Error(Fault::Misconfigured, "wrong_usage", what, advice);
}

std::vector<Day> days_of(const Arguments& arguments, pipeline::House& house,
                         const Ingestion& ingestion) {
  const auto day = arguments.day("day"), from = arguments.day("from"), to = arguments.day("to");
  const int ways = (day ? 1 : 0) + (from || to ? 1 : 0) + (arguments.has("failed") ? 1 : 0) +
                   (arguments.has("stale") ? 1 : 0) + (arguments.has("last") ? 1 : 0);
  if (ways > 1) {
    wrong_usage("several ways to say which days were given",
                "Use one of --day, --from with --to, --last, --failed, --stale");
  }
  if (day) return {*day};
  if (from || to) {
    if (!from || !to) wrong_usage("--from and --to go together", "Give both, each as 2026-11-20");
    if (*to < *from) wrong_usage("--to lies before --from", "Swap them");
    return DayRange{*from, *to}.days();
  }
  if (arguments.has("failed")) return pipeline::failed_days(house, ingestion);
  if (arguments.has("stale")) return house.catalog.stale_days(ingestion.id);
  const Day latest = pipeline::latest_day(house);
  const int count = static_cast<int>(arguments.number("last", 1));
  return DayRange{latest.plus(1 - count), latest}.days();
}

json::Value outcome_json(const DayOutcome& outcome) {
  json::Value value{{"day", outcome.day.text()},
                    {"status", outcome.held ? "held" : name_of(outcome.attempt)},
                    {"load", outcome.load}};
  if (outcome.error) {
    value["error"] = json::from(*outcome.error);
  } else {
    value["certificate"] = json::from(outcome.certificate);
  }
  if (!outcome.note.empty()) value["note"] = outcome.note;
  return value;
}

void tell_outcome(Terminal& terminal, const DayOutcome& outcome) {
  if (outcome.error) {
    terminal.note(fmt::format("{}  {}  {}", outcome.day.text(),
                              terminal.toned("failed", Terminal::Tone::Bad),
                              outcome.error->what()));
    if (!outcome.error->advice.empty()) {
      terminal.note(fmt::format("            what to do: {}", outcome.error->advice));
    }
  } else if (outcome.held) {
    terminal.note(fmt::format("{}  {}  {}", outcome.day.text(),
                              terminal.toned("held", Terminal::Tone::Warn), outcome.note));
  } else if (!outcome.note.empty()) {
    terminal.note(fmt::format("{}  {}", outcome.day.text(), outcome.note));
  }
}

struct Totals {
  std::int64_t days = 0, empty = 0, held = 0, failed = 0, rows = 0, rejected = 0, output = 0;
  void add(const DayOutcome& outcome) {
    ++days;
    if (outcome.error) {
      ++failed;
    } else if (outcome.held) {
      ++held;
    } else {
      if (outcome.attempt == Attempt::Empty) ++empty;
      rows += outcome.certificate.read;
      rejected += outcome.certificate.rejected;
      output += outcome.certificate.output_rows;
    }
  }
  ExitCode exit_code() const {
    if (failed + held == 0) return kDone;
    return failed + held == days && failed > 0 && days == 1 ? kFailed : kSomeDaysFailed;
  }
  std::string text(double seconds) const {
    std::string line = fmt::format("{} {} loaded", days - failed - held,
                                   days - failed - held == 1 ? "day" : "days");
    if (empty > 0) line += fmt::format(" ({} without data)", empty);
    line += fmt::format(": {} rows read, {} stored", grouped(rows), grouped(output));
    if (rejected > 0) line += fmt::format(", {} in quarantine", grouped(rejected));
    if (held > 0) line += fmt::format("; {} held", held);
    if (failed > 0) line += fmt::format("; {} failed", failed);
    return line + fmt::format("; {}", seconds_text(seconds));
  }
};

/// Days that are held get published; the rest is loaded, as `--accept` promises.
std::vector<Day> accept_held(pipeline::House& house, const Ingestion& ingestion,
                             const std::vector<Day>& days, const pipeline::OnDay& done) {
  std::vector<Day> others;
  for (const Day day : days) {
    const auto state = house.catalog.day(ingestion.id, day);
    if (state && !state->held_load.empty()) {
      done(pipeline::accept(house, ingestion, day));
    } else {
      others.push_back(day);
    }
  }
  return others;
}

/// What a load that was cut short has left to do.
void drop_loaded(pipeline::House& house, pipeline::LoadRequest& request) {
  std::set<Day> loaded;
  for (const DayRow& row : house.catalog.days(request.ingestion.id)) {
    if (!row.state.current.empty()) loaded.insert(row.state.day);
  }
  std::erase_if(request.days, [&](Day day) { return loaded.contains(day); });
}

ExitCode load(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  pipeline::LoadRequest request;
  request.ingestion = house.catalog.ingestion(arguments.get("NAME"));
  request.days = days_of(arguments, house, request.ingestion);
  if (arguments.has("missing")) drop_loaded(house, request);
  request.jobs = static_cast<int>(arguments.number("jobs", 1));
  request.accept = arguments.has("accept");
  if (request.days.empty()) {
    context.terminal.say(fmt::format("{}: Nothing to load", request.ingestion.handle));
    if (context.terminal.json()) context.terminal.answer(json::Value::array());
    return kDone;
  }
  const auto start = std::chrono::steady_clock::now();
  Totals totals;
  json::Value answers = json::Value::array();
  {
    ProgressBar bar(context.terminal, request.ingestion.handle,
                    static_cast<std::int64_t>(request.days.size()));
    const auto done = [&](const DayOutcome& outcome) {
      totals.add(outcome);
      answers.push_back(outcome_json(outcome));
      if (!context.terminal.json()) tell_outcome(context.terminal, outcome);
      bar.day_done();
    };
    if (request.accept) request.days = accept_held(house, request.ingestion, request.days, done);
    if (!request.days.empty()) {
      pipeline::load(
          house, request,
          [&](const Progress& progress) {
            bar.at(progress.load, progress.stage, progress.rows, progress.bytes);
          },
          done, context.stop);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (context.terminal.json()) context.terminal.answer(answers);
  context.terminal.say(fmt::format("{}: {}", request.ingestion.handle, totals.text(took.count())));
  return totals.exit_code();
}

ExitCode check(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  const Ingestion ingestion = house.catalog.ingestion(arguments.get("NAME"));
  std::vector<Day> days;
  if (arguments.has("day") || arguments.has("last") || arguments.has("from")) {
    days = days_of(arguments, house, ingestion);
  } else {
    for (const DayRow& row : house.catalog.days(ingestion.id)) {
      if (!row.state.current.empty()) days.push_back(row.state.day);
    }
  }
  const auto results = pipeline::check(house, ingestion, days, context.stop);
  bool changed = false;
  json::Value answers = json::Value::array();
  Table table{{"day", "changed", "found by", "rows then", "rows now", "note"}, {}};
  for (const CheckResult& result : results) {
    changed = changed || result.changed;
    answers.push_back(json::from(result));
    const auto text = [](const std::optional<std::int64_t>& rows) {
      return rows ? grouped(*rows) : std::string("–");
    };
    if (!result.changed && result.note.empty() && results.size() > 40) continue;
    table.rows.push_back({result.day.text(), result.changed ? "yes" : "no",
                          result.by.empty() ? "–" : result.by, text(result.rows_then),
                          text(result.rows_now), result.note});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else {
    if (!table.rows.empty()) context.terminal.print(table);
    std::int64_t count = 0;
    for (const CheckResult& result : results) count += result.changed ? 1 : 0;
    context.terminal.say(
        fmt::format("{} of {} days changed since they were loaded", count, results.size()));
  }
  return changed && arguments.has("exit-code") ? kSomethingChanged : kDone;
}

ExitCode validate(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  const Ingestion ingestion = house.catalog.ingestion(arguments.get("NAME"));
  const Day day = arguments.day("day").value_or(pipeline::latest_day(house));
  ProgressBar bar(context.terminal, "validate", 0);
  const Manifest manifest = pipeline::validate(
      house, ingestion, day,
      [&](const Progress& at) { bar.at(at.load, at.stage, at.rows, at.bytes); }, context.stop);
  const Certificate& found = manifest.certificate;
  if (context.terminal.json()) {
    context.terminal.answer(json::from(manifest));
    return kDone;
  }
  Table table{{"of the day's rows", "rows"},
              {{"read", grouped(found.read)}, {"loaded", grouped(found.loaded)}}};
  const auto add = [&](const std::string& what, const Reasons& reasons) {
    for (const auto& [reason, rows] : reasons) table.rows.push_back({what + reason, grouped(rows)});
  };
  if (found.partly_loaded > 0)
    table.rows.push_back({"partly loaded", grouped(found.partly_loaded)});
  add("partly: ", found.partly_by_reason);
  add("rejected: ", found.rejected_by_reason);
  add("excluded: ", found.excluded_by_rule);
  context.terminal.print(table);
  if (!manifest.note.empty()) context.terminal.say(manifest.note);
  const bool fits = ingestion.limits.max_rejected.allows(found.rejected, found.read);
  context.terminal.say(fmt::format("A load would {} (max_rejected is {}); nothing was kept",
                                   fits ? "succeed" : "fail",
                                   ingestion.limits.max_rejected.text()));
  return kDone;
}

using Kind = Option::Kind;
const Command kCommands[] = {
    {"load",
     "Load days: yesterday, unless told otherwise",
     {{"NAME", "The ingestion", Kind::Argument, "ingestion"},
      {"day", "One day, as 2026-11-20"},
      {"from", "First day of a range"},
      {"to", "Last day of a range"},
      {"failed", "Days whose last load failed", Kind::Flag},
      {"stale", "Days loaded by an older definition", Kind::Flag},
      {"missing", "Only those of the range that have no version yet: resumes a long load",
       Kind::Flag},
      {"jobs", "Loads at the same time (default 1)"},
      {"accept", "Publish what is held, or what shrank", Kind::Flag}},
     load},
    {"check",
     "What changed in the warehouse since each day was loaded",
     {{"NAME", "The ingestion", Kind::Argument, "ingestion"},
      {"day", "One day"},
      {"from", "First day of a range"},
      {"to", "Last day of a range"},
      {"last", "The last so many days"},
      {"exit-code", "Exit with 5 when something changed", Kind::Flag}},
     check},
    {"validate",
     "Map a whole day like a load, count per reason, keep nothing",
     {{"NAME", "The ingestion", Kind::Argument, "ingestion"}, {"day", "The day"}},
     validate},
};

}  // namespace

std::span<const Command> load_commands() { return kCommands; }

}  // namespace millrace::cli
