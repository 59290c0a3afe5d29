#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/outcomes.h"
#include "model/json.h"
#include "pipeline/check.h"
#include "pipeline/days.h"
#include "pipeline/load.h"
#include "pipeline/loadable_days.h"

namespace millrace::cli {
namespace {

using pipeline::DayOutcome;

/// `loads`: of `load`, whose ways to name days are not all those of `check`.
std::vector<Day> days_of(const Arguments& arguments, pipeline::House& house,
                         const Ingestion& ingestion, bool loads) {
  const auto day = arguments.day("day"), from = arguments.day("from"), to = arguments.day("to");
  const int ways = (day ? 1 : 0) + (from || to ? 1 : 0) + (arguments.has("failed") ? 1 : 0) +
                   (arguments.has("stale") ? 1 : 0) + (arguments.has("last") ? 1 : 0);
  if (ways > 1) {
    wrong_usage("several ways to say which days were given",
                loads ? "Use one of --day, --from with --to, --failed, --stale, --missing, --due"
                      : "Use one of --day, --from with --to, --last");
  }
  if (day) return {*day};
  if (from || to) {
    if (!from || !to) wrong_usage("--from and --to go together", "Give both, each as 2026-11-20");
    require_order(from, to);
    return DayRange{*from, *to}.days();
  }
  if (arguments.has("failed")) return pipeline::failed_days(house, ingestion);
  if (arguments.has("stale")) return house.catalog.stale_days(ingestion.id);
  const Day latest = pipeline::latest_day(house);
  const int count = static_cast<int>(arguments.number("last", 1));
  return DayRange{latest.plus(1 - count), latest}.days();
}

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

void tell_unfinished(Terminal& terminal, pipeline::House& house, const std::vector<Day>& days) {
  // One that has not begun is refused.
  const Day today = pipeline::latest_day(house).plus(1);
  const auto unfinished = std::ranges::count(days, today);
  if (unfinished == 0 || terminal.json()) return;
  terminal.note(fmt::format("{} not over yet in {}: load {} again when {} complete",
                            counted(unfinished, "day") + (unfinished == 1 ? " is" : " are"),
                            house.project.zone.name(), unfinished == 1 ? "it" : "them",
                            unfinished == 1 ? "it is" : "they are"));
}

void tell_older_zone(Terminal& terminal, const pipeline::House& house, const Ingestion& ingestion) {
  const std::string& zone = ingestion.definition.zone;
  if (zone == house.project.zone.name() || terminal.json()) return;
  terminal.note(
      fmt::format("days of {} are those of {}, as when it was applied; millrace.toml says "
                  "{} now: `millrace apply` its file to follow",
                  ingestion.handle, zone, house.project.zone.name()));
}

ExitCode load(Context& context, const Arguments& arguments) {
  if (arguments.has("due") == arguments.has("NAME")) {
    wrong_usage("load takes an ingestion, or --due", "Write `load NAME`, or `load --due`");
  }
  if (arguments.has("due")) return load_due(context);
  pipeline::House& house = context.home.house(true);
  pipeline::LoadRequest request;
  request.ingestion = house.catalog.ingestion(arguments.get("NAME"));
  request.days = days_of(arguments, house, request.ingestion, true);
  if (arguments.has("missing")) drop_loaded(house, request);
  request.jobs = static_cast<int>(arguments.number("jobs", 1));
  request.accept = arguments.has("accept");
  if (request.days.empty()) {
    context.terminal.say(fmt::format("{}: Nothing to load", request.ingestion.handle));
    if (context.terminal.json()) context.terminal.answer(json::Value::array());
    return kDone;
  }
  pipeline::require_loadable(house, request);
  const auto [first, last] = std::ranges::minmax(request.days);
  house.catalog.note("ingestion_load", request.ingestion.handle,
                     fmt::format("{} of {} from {} to {}{}",
                                 counted(static_cast<std::int64_t>(request.days.size()), "day"),
                                 request.ingestion.handle, first.text(), last.text(),
                                 request.accept ? ", also what is held" : ""));
  tell_unfinished(context.terminal, house, request.days);
  tell_older_zone(context.terminal, house, request.ingestion);
  const auto start = std::chrono::steady_clock::now();
  Totals totals{.asked = static_cast<std::int64_t>(request.days.size())};
  json::Value answers = json::Value::array();
  {
    ProgressBar bar(context.terminal, request.ingestion.handle, totals.asked);
    const auto done = [&](const DayOutcome& outcome) {
      totals.add(outcome);
      answers.push_back(outcome_json(outcome));
      tell_outcome(context.terminal, request.ingestion.handle, outcome);
      bar.day_done();
    };
    if (request.accept) request.days = accept_held(house, request.ingestion, request.days, done);
    if (!request.days.empty()) {
      pipeline::load(
          house, request, [&](const Progress& progress) { bar.at(progress); }, done, context.stop);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (context.terminal.json()) context.terminal.answer(answers);
  context.terminal.say(fmt::format("{}: {}", request.ingestion.handle, totals.text(took.count())));
  return totals.exit_code();
}

std::vector<Day> days_to_check(const Arguments& arguments, pipeline::House& house,
                               const Ingestion& ingestion) {
  if (arguments.has("day") || arguments.has("last") || arguments.has("from") ||
      arguments.has("to")) {
    return days_of(arguments, house, ingestion, false);
  }
  std::vector<Day> days;
  for (const DayRow& row : house.catalog.days(ingestion.id)) {
    if (!row.state.current.empty()) days.push_back(row.state.day);
  }
  return days;
}

void print_checks(Terminal& terminal, const std::vector<CheckResult>& results) {
  constexpr std::size_t kShownMax = 40;
  Table table{{"day", "changed", "answered by", "rows then", "rows now", "note"}, {}};
  std::int64_t changed = 0, unknown = 0, failed = 0;
  for (const CheckResult& result : results) {
    changed += result.changed ? 1 : 0;
    failed += result.error ? 1 : 0;
    unknown += result.by.empty() && !result.error ? 1 : 0;
    const bool quiet = !result.changed && result.note.empty() && !result.error;
    if (quiet && results.size() > kShownMax) continue;
    std::vector<std::string>& row = table.rows.emplace_back(check_cells(terminal, result));
    row.insert(row.begin(), result.day.text());
  }
  if (!table.rows.empty()) terminal.print(table);
  std::string line = fmt::format("{} of {} changed since loaded", changed,
                                 counted(static_cast<std::int64_t>(results.size()), "day"));
  if (unknown > 0) line += fmt::format("; {} could not be compared", unknown);
  if (failed > 0) line += fmt::format("; {} could not be asked", failed);
  terminal.say(line);
}

ExitCode check(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  const Ingestion ingestion = house.catalog.ingestion(arguments.get("NAME"));
  const std::vector<Day> days = days_to_check(arguments, house, ingestion);
  std::vector<CheckResult> results;
  {
    ProgressBar bar(context.terminal, ingestion.handle, static_cast<std::int64_t>(days.size()));
    try {
      results = pipeline::check(
          house, ingestion, days, pipeline::CheckDepth::Exact, context.stop,
          [&](const CheckResult&) { bar.day_done(); },
          [&](const Progress& progress) { bar.at(progress); });
    } catch (const Error& error) {
      throw error.at(ingestion.handle);
    }
  }
  bool changed = false, loaded = false, failed = false;
  json::Value answers = json::Value::array();
  for (const CheckResult& result : results) {
    changed = changed || result.changed;
    loaded = loaded || result.rows_then.has_value();
    failed = failed || result.error.has_value();
    answers.push_back(check_json(context.terminal, result));
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (results.empty()) {
    context.terminal.say(fmt::format("No day of {} was ever loaded", ingestion.handle));
  } else {
    print_checks(context.terminal, results);
  }
  if (!loaded) return kNothingFound;
  if (failed) return kSomeDaysFailed;
  return changed && arguments.has("exit-code") ? kSomethingChanged : kDone;
}

json::Value validation_json(const Manifest& manifest, const Ingestion& ingestion, bool fits) {
  json::Value value{{"day", manifest.day.text()},
                    {"revision", manifest.revision},
                    {"would_load", fits},
                    {"max_rejected", ingestion.limits.max_rejected.text()},
                    {"moved_during_read", manifest.moved_during_read},
                    {"not_repeatable", manifest.not_repeatable},
                    {"certificate", json::from(manifest.certificate)}};
  if (!manifest.note.empty()) value["note"] = manifest.note;
  return value;
}

ExitCode validate(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(true);
  const Ingestion ingestion = house.catalog.ingestion(arguments.get("NAME"));
  const Day day = arguments.day("day").value_or(pipeline::latest_day(house));
  Manifest manifest;
  {
    ProgressBar bar(context.terminal, ingestion.handle, 1);
    try {
      manifest = pipeline::validate(
          house, ingestion, day, [&](const Progress& progress) { bar.at(progress); }, context.stop);
    } catch (const Error& error) {
      throw error.at(fmt::format("{} {}", ingestion.handle, day.text()));
    }
  }
  const Certificate& found = manifest.certificate;
  const bool fits = ingestion.limits.max_rejected.allows(found.rejected, found.read);
  if (context.terminal.json()) {
    context.terminal.answer(validation_json(manifest, ingestion, fits));
    return kDone;
  }
  Table table{{"of the rows of " + day.text(), "rows"},
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
  context.terminal.say(fmt::format("A load would {} (max_rejected is {}); nothing was kept",
                                   fits ? "succeed" : "fail",
                                   ingestion.limits.max_rejected.text()));
  return kDone;
}

using Kind = Option::Kind;
const Option kName{"NAME", "The ingestion", Kind::Argument, "ingestion"};
const Option kDay{"day", "One day, as 2026-11-20", Kind::Value, "day"};
const Option kFrom{"from", "First day of a range", Kind::Value, "day"};
const Option kTo{"to", "Last day of a range", Kind::Value, "day"};
const Command kCommands[] = {
    {"load",
     "Load days: yesterday, unless told otherwise",
     {{"NAME", "The ingestion", Kind::OptionalArgument, "ingestion"},
      kDay,
      kFrom,
      kTo,
      {"due", "Whatever is due now, of every enabled ingestion: what `serve` does", Kind::Flag},
      {"failed", "Days whose last load failed", Kind::Flag},
      {"stale", "Days loaded by an older definition", Kind::Flag},
      {"missing", "Of these, only days without a version: resumes a long load", Kind::Flag},
      {"jobs", "Loads at the same time (default 1)", Kind::Value, "number"},
      {"accept", "Publish what is held, or what shrank", Kind::Flag}},
     load,
     R"(One bad day does not stop the others: exits with 4 when some days failed, were held, or were
not begun (Ctrl-C), and with 1 when the only day failed.

Examples
  millrace load purchases --day 2026-11-20
  millrace load purchases --from 2026-09-01 --to 2026-11-30 --missing --jobs 2)"},
    {"check",
     "What changed in the warehouse since each day was loaded",
     {kName,
      kDay,
      kFrom,
      kTo,
      {"last", "The last so many days (default: every loaded day)", Kind::Value, "number"},
      {"exit-code", "Exit with 5 when something changed", Kind::Flag}},
     check,
     R"(The first answer wins: an equal change token says no, another COUNT says yes, then the
fingerprint decides. A changed day is loaded again by `millrace load`. A day that was never loaded,
or cannot be compared, is not changed: --json says "compared": false of it.)"},
    {"validate",
     "Map a whole day like a load, count per reason, keep nothing",
     {kName, {"day", "The day (default: yesterday)", Kind::Value, "day"}},
     validate},
};

}  // namespace

std::span<const Command> load_commands() { return kCommands; }

}  // namespace millrace::cli
