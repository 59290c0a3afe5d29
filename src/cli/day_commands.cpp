#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/one_day.h"
#include "cli/outcomes.h"
#include "cli/questions.h"
#include "engine/database.h"
#include "model/json.h"
#include "pipeline/days.h"
#include "pipeline/replay.h"
#include "schedule/missing.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

Terminal::Tone tone_of(const std::string& status) {
  if (status == "failed") return Terminal::Tone::Bad;
  if (status == "held" || status == "loading" || status == schedule::kMissing) {
    return Terminal::Tone::Warn;
  }
  return status.starts_with("succeeded") ? Terminal::Tone::Good : Terminal::Tone::Plain;
}

json::Value day_json(const DayRow& row, const Terminal& terminal) {
  json::Value value{{"day", row.state.day.text()},
                    {"status", row.status},
                    {"rows", row.rows},
                    {"quarantined", row.quarantined},
                    {"partly_loaded", row.partly_loaded},
                    {"version", row.state.current},
                    {"revision", row.revision},
                    {"stale", row.stale},
                    {"start", to_text(row.bounds.start)},
                    {"end", to_text(row.bounds.end)}};
  if (row.loaded_at) value["loaded_at"] = to_text(*row.loaded_at);
  if (!row.state.hold_reason.empty()) value["held"] = row.state.hold_reason;
  if (const auto flags = remarks_of(row.state.flags); !flags.empty()) value["flags"] = flags;
  if (!row.known_difference.empty()) value["known_difference"] = row.known_difference;
  if (!row.note.empty()) value["note"] = row.note;
  if (!row.state.error_text.empty()) {
    value["error"] = {{"code", row.state.error_code},
                      {"message", terminal.error_text(row.state.error_text, row.error_in_full)},
                      {"advice", row.state.error_advice}};
  }
  return value;
}

/// Everything that a person should know of a day: what is wrong first, then what is known.
std::string remark(const DayRow& row, const Terminal& terminal) {
  std::vector<std::string> told;
  if (row.partly_loaded > 0) told.push_back(grouped(row.partly_loaded) + " partly loaded");
  if (!row.state.hold_reason.empty()) told.push_back(row.state.hold_reason);
  if (!row.state.error_text.empty()) {
    told.push_back(terminal.error_text(row.state.error_text, row.error_in_full));
  }
  if (!row.note.empty()) told.push_back(row.note);
  if (row.state.flags & kMovedDuringRead) told.emplace_back("moved during read");
  if (row.state.flags & kUnusualVolume) told.emplace_back("unusual volume");
  if (row.state.flags & kNotRepeatable) {
    told.emplace_back("not repeatable: content checks are off");
  }
  if (!row.known_difference.empty()) told.push_back(row.known_difference);
  if (row.stale && row.known_difference.find("older definition") == std::string::npos) {
    told.emplace_back("older definition");
  }
  return fmt::format("{}", fmt::join(told, "; "));
}

ExitCode days(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.reading();
  const Ingestion ingestion = catalog.ingestion(arguments.get("NAME"));
  const auto from = arguments.day("from"), to = arguments.day("to");
  require_order(from, to);
  std::optional<DayRange> range;
  if (from || to) {
    range = DayRange{from.value_or(Day(std::chrono::sys_days{})),
                     to.value_or(Day(std::chrono::sys_days{std::chrono::days{2932896}}))};
  }
  const std::vector<DayRow> rows =
      schedule::days_with_missing(catalog, ingestion, range, real_env().now());
  json::Value answers = json::Value::array();
  Table table{{"day", "status", "rows", "quarantined", "version", "definition", "loaded (UTC)",
               "from (UTC)", "to (UTC)", "remark"},
              {}};
  for (const DayRow& row : rows) {
    if (context.terminal.json()) answers.push_back(day_json(row, context.terminal));
    table.rows.push_back(
        {row.state.day.text(), context.terminal.toned(row.status, tone_of(row.status)),
         grouped(row.rows), grouped(row.quarantined), brief(row.state.current), brief(row.revision),
         row.loaded_at ? minutes_text(*row.loaded_at) : "", minutes_text(row.bounds.start),
         minutes_text(row.bounds.end), remark(row, context.terminal)});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (rows.empty()) {
    context.terminal.say(range ? fmt::format("No day of {} in that range", ingestion.handle)
                               : fmt::format("No day of {} yet: `millrace load {}` loads yesterday",
                                             ingestion.handle, ingestion.handle));
  } else {
    context.terminal.print(table);
  }
  return rows.empty() ? kNothingFound : kDone;
}

ExitCode checks_of_day(Context& context, const Asked& it) {
  const Terminal& terminal = context.terminal;
  json::Value answers = json::Value::array();
  Table table{{"checked (UTC)", "took", "estimated", "changed", "answered by", "rows then",
               "rows now", "note"},
              {}};
  for (const catalog::Checked& checked : it.house.catalog.checks(it.ingestion.id, it.day)) {
    const CheckResult& result = checked.result;
    json::Value& value = answers.emplace_back(check_json(terminal, result));
    value["at"] = to_text(checked.at);
    std::vector<std::string>& row = table.rows.emplace_back(check_cells(terminal, result));
    row.insert(row.begin(),
               {minutes_text(checked.at),
                result.took_ms ? seconds_text(static_cast<double>(*result.took_ms) / 1e3) : "–",
                result.bytes ? bytes_text(*result.bytes) : "–"});
  }
  if (terminal.json()) {
    context.terminal.answer(answers);
  } else if (table.rows.empty()) {
    context.terminal.say(fmt::format("{} was never checked", it.text()));
  } else {
    context.terminal.print(table);
  }
  return table.rows.empty() ? kNothingFound : kDone;
}

ExitCode history(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, false);
  if (arguments.has("checks")) return checks_of_day(context, it);
  const auto state = it.house.catalog.day(it.ingestion.id, it.day);
  json::Value answers = json::Value::array();
  Table table{{"version", "state", "published (UTC)", "kind", "read", "stored", "rejected",
               "definition", "fingerprint"},
              {}};
  for (const Version& version : it.house.catalog.history(it.ingestion.id, it.day)) {
    const bool current = state && state->current == version.id;
    const bool swept = it.house.catalog.is_swept(version.id);
    json::Value value = json::from(version);
    value["current"] = current;
    value["swept"] = swept;
    answers.push_back(std::move(value));
    table.rows.push_back({version.id,
                          current ? "current"
                          : swept ? "swept"
                                  : "",
                          minutes_text(version.published_at), std::string(name_of(version.kind)),
                          grouped(version.certificate.read),
                          grouped(version.certificate.output_rows),
                          grouped(version.certificate.rejected), brief(version.revision),
                          version.fingerprint ? version.fingerprint->sum : "–"});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (table.rows.empty()) {
    context.terminal.say(fmt::format("{} has no version", it.text()));
  } else {
    context.terminal.print(table);
  }
  return table.rows.empty() ? kNothingFound : kDone;
}

ExitCode undo(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, true);
  const std::string to = arguments.has("to") ? version_of(it, arguments.get("to")).id : "";
  pipeline::undo(it.house, it.ingestion, it.day, to);
  const auto state = it.house.catalog.day(it.ingestion.id, it.day);
  if (context.terminal.json()) {
    context.terminal.answer({{"day", it.day.text()}, {"version", state->current}, {"held", true}});
  }
  context.terminal.say(fmt::format(
      "{} {} is version {} again, and held: nothing automatic reloads it until `millrace release` "
      "or an explicit load",
      it.ingestion.handle, it.day.text(), state->current));
  return kDone;
}

ExitCode release(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, true);
  pipeline::release(it.house, it.ingestion, it.day);
  if (context.terminal.json()) context.terminal.answer({{"day", it.day.text()}, {"held", false}});
  context.terminal.say(fmt::format("{} {} is no longer held", it.ingestion.handle, it.day.text()));
  return kDone;
}

ExitCode replay(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, true);
  const Version before = current_version(it);
  pipeline::DayOutcome outcome;
  {
    ProgressBar bar(context.terminal, it.ingestion.handle, 1);
    outcome = pipeline::replay(
        it.house, it.ingestion, it.day, [&](const Progress& progress) { bar.at(progress); },
        context.stop);
  }
  const Certificate& then = before.certificate;
  const Certificate& now = outcome.certificate;
  if (context.terminal.json()) {
    context.terminal.answer({{"day", it.day.text()},
                             {"version", outcome.load.empty() ? before.id : outcome.load},
                             {"replayed", then.rejected - now.rejected},
                             {"rejected", now.rejected},
                             {"certificate", json::from(now)}});
    return kDone;
  }
  context.terminal.say(fmt::format("{} {}: {} of {} rejected rows fit now; {} stay in quarantine",
                                   it.ingestion.handle, it.day.text(),
                                   grouped(then.rejected - now.rejected), grouped(then.rejected),
                                   grouped(now.rejected)));
  if (outcome.load.empty()) context.terminal.say("Nothing was changed. What rejects them now:");
  for (const auto& [reason, rows] : now.rejected_by_reason) {
    context.terminal.say(fmt::format("{}: {}", reason, grouped(rows)));
  }
  return kDone;
}

/// Only what the file holds: what its folders say is known.
std::string rows_in(const std::string& file) {
  return fmt::format("read_parquet({}, hive_partitioning = false)", engine::literal(file));
}

/// Parquet, CSV or JSON, as the file's name says.
/// Throws Misconfigured `wrong_usage` where it does not.
std::string_view export_format(const fs::path& target) {
  const fs::path extension = target.extension();
  if (extension == ".parquet") return "parquet";
  if (extension == ".csv") return "csv, HEADER";
  if (extension == ".json") return "json";
  wrong_usage(fmt::format("--export {}: the name does not say in which form", target.string()),
              "Name a file that ends in .parquet, .csv or .json");
}

void export_rows(const fs::path& rows, const fs::path& target) {
  const fs::path whole = fs::absolute(target);
  const std::string_view format = export_format(target);
  if (!fs::is_directory(whole.parent_path())) {
    throw Error(Fault::Misconfigured, "no_folder",
                fmt::format("could not write {}: there is no folder {}", target.string(),
                            whole.parent_path().string()),
                "Make the folder first, or name a file in another one");
  }
  engine::Database database = engine::Database::open(
      {.allowed = {rows.parent_path().string(), whole.parent_path().string()}});
  try {
    database.execute(fmt::format("COPY (FROM {}) TO {} (FORMAT {})", rows_in(rows.string()),
                                 engine::literal(whole.string()), format));
  } catch (const Error& error) {
    Error told = error;
    if (told.advice.empty()) told.advice = "Name a file that this user may write";
    throw told;
  }
}

void print_reasons(Terminal& terminal, engine::Database& database, const std::string& source) {
  Table table{{"reason", "rows"}, {}};
  database.each(fmt::format("select reason, count(*) from {} group by 1 order by 2 desc", source),
                [&](const engine::Row& row) {
                  table.rows.push_back({std::string(row[0].value_or("?")),
                                        grouped(std::stoll(std::string(row[1].value_or("0"))))});
                });
  terminal.print(table);
  terminal.say("");
}

ExitCode quarantine(Context& context, const Arguments& arguments) {
  if (arguments.has("replay")) return replay(context, arguments);
  Terminal& terminal = context.terminal;
  if (arguments.has("export")) export_format(arguments.get("export"));
  const Asked it = asked(context, arguments, false);
  const auto file = pipeline::quarantine_file(it.house, it.ingestion, it.day);
  if (!file) {
    terminal.say(fmt::format("No row of {} was rejected", it.text()));
    if (terminal.json()) terminal.answer(json::Value::array());
    return kNothingFound;
  }
  if (arguments.has("export")) {
    export_rows(*file, arguments.get("export"));
    if (terminal.json()) terminal.answer({{"file", arguments.get("export")}});
    terminal.say(fmt::format("Wrote {}", arguments.get("export")));
    return kDone;
  }
  engine::Database database =
      engine::Database::open({.allowed = {fs::path(*file).parent_path().string()}});
  const std::string source = rows_in(*file);
  if (!terminal.json()) print_reasons(terminal, database, source);
  const auto limit = arguments.number("rows", terminal.json() ? 1'000'000'000 : 20);
  json::Value rows = json::Value::array();
  database.each_json(
      fmt::format("select * from {} limit {}", source, limit),
      [&](std::string_view row) { rows.push_back(json::parse(row, "a row")); }, context.stop);
  print_rows(terminal, rows);
  return kDone;
}

using Kind = Option::Kind;
const Option kName{"NAME", "The ingestion", Kind::Argument, "ingestion"};
const Option kDay{"day", "The day, as 2026-11-20", Kind::NeededValue, "day"};
const Command kCommands[] = {
    {"days",
     "Each day: status, rows, version, definition, its two UTC instants",
     {kName, {"from", "First day", Kind::Value, "day"}, {"to", "Last day", Kind::Value, "day"}},
     days},
    {"history",
     "All versions of a day, or what its checks found",
     {kName, kDay, {"checks", "What was asked about it, and answered: the last 100", Kind::Flag}},
     history},
    {"certificate",
     "What proves a day: read, loaded, rejected, counted by whom, fingerprints",
     {kName, kDay},
     certificate},
    {"diff",
     "What differs between two versions' certificates (default: the last two)",
     {kName,
      {"V1", "The older version", Kind::OptionalArgument},
      {"V2", "The newer version (default: the current one)", Kind::OptionalArgument},
      kDay},
     diff},
    {"undo",
     "Make the version before current again, and hold the day",
     {kName, kDay, {"to", "A version of `history`", Kind::Value, "version"}},
     undo,
     R"(A held day is checked, but nothing automatic loads it again until `millrace release` or an
explicit `millrace load`.)"},
    {"release", "End a hold", {kName, kDay}, release},
    {"quarantine",
     "Rejected rows with their reasons",
     {kName,
      kDay,
      {"export", "Write them to this file: .parquet, .csv or .json", Kind::Value, "file"},
      {"replay", "After a mapping fix: load those that fit now, without the warehouse", Kind::Flag},
      {"rows", "How many to show (default 20)", Kind::Value, "number"}},
     quarantine},
};

}  // namespace

std::span<const Command> day_commands() { return kCommands; }

}  // namespace millrace::cli
