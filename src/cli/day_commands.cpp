#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/questions.h"
#include "engine/database.h"
#include "model/json.h"
#include "pipeline/days.h"
#include "pipeline/replay.h"

namespace millrace::cli {
namespace {

struct Asked {
  pipeline::House& house;
  Ingestion ingestion;
  Day day;
};

Asked asked(Context& context, const Arguments& arguments, bool write) {
  pipeline::House& house = context.home.house(write);
  const auto day = arguments.day("day");
  if (!day) {
    throw Error(Fault::Misconfigured, "wrong_usage", "--day is missing", "Add --day 2026-11-20");
  }
  return {house, house.catalog.ingestion(arguments.get("NAME")), *day};
}

/// Enough of an id to tell versions of one day apart.
std::string brief(const std::string& id) {
  return id.size() > 13 ? id.substr(0, 8) + "…" + id.substr(id.size() - 4) : id;
}

std::string minutes_text(Instant instant) {
  const std::string text = to_text(instant);
  return text.substr(0, 10) + " " + text.substr(11, 8);
}

Terminal::Tone tone_of(const std::string& status) {
  if (status == "failed") return Terminal::Tone::Bad;
  if (status == "held" || status == "loading") return Terminal::Tone::Warn;
  return status.starts_with("succeeded") ? Terminal::Tone::Good : Terminal::Tone::Plain;
}

json::Value day_json(const DayRow& row) {
  json::Value value{{"day", row.state.day.text()},
                    {"status", row.status},
                    {"rows", row.rows},
                    {"quarantined", row.quarantined},
                    {"version", row.state.current},
                    {"revision", row.revision},
                    {"stale", row.stale},
                    {"start", to_text(row.bounds.start)},
                    {"end", to_text(row.bounds.end)}};
  if (row.loaded_at) value["loaded_at"] = to_text(*row.loaded_at);
  if (!row.state.hold_reason.empty()) value["held"] = row.state.hold_reason;
  if (!row.state.error_text.empty()) {
    value["error"] = {{"code", row.state.error_code},
                      {"message", row.state.error_text},
                      {"advice", row.state.error_advice}};
  }
  return value;
}

std::string remark(const DayRow& row) {
  if (!row.state.hold_reason.empty()) return row.state.hold_reason;
  if (!row.state.error_text.empty()) return row.state.error_text;
  if (row.state.flags & kMovedDuringRead) return "moved during read";
  if (row.state.flags & kNotRepeatable) return "not repeatable: content checks are off";
  return row.stale ? "older definition" : "";
}

ExitCode days(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.reading();
  const Ingestion ingestion = catalog.ingestion(arguments.get("NAME"));
  const auto from = arguments.day("from"), to = arguments.day("to");
  std::optional<DayRange> range;
  if (from || to) {
    range = DayRange{from.value_or(Day(std::chrono::sys_days{})),
                     to.value_or(Day(std::chrono::sys_days{std::chrono::days{2932896}}))};
  }
  const std::vector<DayRow> rows = catalog.days(ingestion.id, range);
  json::Value answers = json::Value::array();
  Table table{{"day", "status", "rows", "quarantined", "version", "definition", "loaded (UTC)",
               "from (UTC)", "to (UTC)", "remark"},
              {}};
  for (const DayRow& row : rows) {
    if (context.terminal.json()) answers.push_back(day_json(row));
    table.rows.push_back(
        {row.state.day.text(), context.terminal.toned(row.status, tone_of(row.status)),
         grouped(row.rows), grouped(row.quarantined), brief(row.state.current), row.revision,
         row.loaded_at ? minutes_text(*row.loaded_at) : "–", minutes_text(row.bounds.start),
         minutes_text(row.bounds.end), remark(row)});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (rows.empty()) {
    context.terminal.say(fmt::format("No day of {} yet: `millrace load {} --day 2026-11-20`",
                                     ingestion.handle, ingestion.handle));
  } else {
    context.terminal.print(table);
  }
  return rows.empty() ? kNothingFound : kDone;
}

ExitCode history(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, false);
  const auto state = it.house.catalog.day(it.ingestion.id, it.day);
  json::Value answers = json::Value::array();
  Table table{{"version", "current", "published (UTC)", "kind", "read", "stored", "rejected",
               "definition", "fingerprint"},
              {}};
  for (const Version& version : it.house.catalog.history(it.ingestion.id, it.day)) {
    const bool current = state && state->current == version.id;
    json::Value value = json::from(version);
    value["current"] = current;
    answers.push_back(std::move(value));
    table.rows.push_back({version.id, current ? "yes" : "", minutes_text(version.published_at),
                          std::string(name_of(version.kind)), grouped(version.certificate.read),
                          grouped(version.certificate.output_rows),
                          grouped(version.certificate.rejected), version.revision,
                          version.fingerprint ? version.fingerprint->sum : "–"});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else {
    context.terminal.print(table);
  }
  return table.rows.empty() ? kNothingFound : kDone;
}

Version version_of(const Asked& it, const std::string& id) {
  if (const auto version = it.house.catalog.version(id)) return *version;
  throw Error(
      Fault::Misconfigured, "unknown_version",
      fmt::format("{} {} has no version {}", it.ingestion.handle, it.day.text(), id),
      fmt::format("See `millrace history {} --day {}`", it.ingestion.handle, it.day.text()));
}

Version current_version(const Asked& it) {
  const auto state = it.house.catalog.day(it.ingestion.id, it.day);
  if (state && !state->current.empty()) return version_of(it, state->current);
  throw Error(
      Fault::Misconfigured, "unknown_day",
      fmt::format("{} has no version of {}", it.ingestion.handle, it.day.text()),
      fmt::format("Load it with `millrace load {} --day {}`", it.ingestion.handle, it.day.text()));
}

/// What a certificate says, a line each; also how two of them are compared.
std::vector<std::pair<std::string, std::string>> lines_of(const Version& version) {
  const Certificate& proof = version.certificate;
  std::vector<std::pair<std::string, std::string>> lines{
      {"source rows read", grouped(proof.read)},
      {"  wholly loaded", grouped(proof.loaded)},
      {"  partly loaded", grouped(proof.partly_loaded)},
      {"  rejected", grouped(proof.rejected)},
      {"  excluded by rule", grouped(proof.excluded)}};
  const auto add = [&](std::string_view what, const Reasons& reasons) {
    for (const auto& [reason, rows] : reasons) {
      lines.emplace_back(fmt::format("    {} {}", what, reason), grouped(rows));
    }
  };
  add("rejected", proof.rejected_by_reason);
  add("partly", proof.partly_by_reason);
  add("excluded", proof.excluded_by_rule);
  lines.emplace_back("adds up", proof.adds_up() ? "yes" : "NO");
  lines.emplace_back("output rows", grouped(proof.output_rows));
  lines.emplace_back("counted by the source",
                     proof.source_count ? grouped(*proof.source_count) : "–");
  lines.emplace_back("counted by", proof.counted_by);
  lines.emplace_back("one snapshot", proof.snapshot ? "yes" : "no");
  lines.emplace_back("fingerprint before", proof.before ? proof.before->sum : "–");
  lines.emplace_back("fingerprint after", proof.after ? proof.after->sum : "–");
  for (const auto& [column, sum] : proof.sums) lines.emplace_back("sum of " + column, sum);
  lines.emplace_back("definition", version.revision);
  return lines;
}

ExitCode certificate(Context& context, const Arguments& arguments) {
  const Version version = current_version(asked(context, arguments, false));
  if (context.terminal.json()) {
    json::Value value = json::from(version.certificate);
    value["version"] = version.id;
    value["adds_up"] = version.certificate.adds_up();
    context.terminal.answer(value);
    return kDone;
  }
  context.terminal.say(fmt::format("Certificate of {} {}, version {}", arguments.get("NAME"),
                                   version.day.text(), version.id));
  for (const auto& [what, value] : lines_of(version)) {
    context.terminal.say(fmt::format("{:<28} {}", what, value));
  }
  return kDone;
}

ExitCode diff(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, false);
  const auto versions = it.house.catalog.history(it.ingestion.id, it.day);
  if (versions.size() < 2 && !arguments.has("V2")) {
    context.terminal.say("There is one version only; nothing to compare");
    if (context.terminal.json()) context.terminal.answer(json::Value::array());
    return kNothingFound;
  }
  const Version newer = arguments.has("V2")   ? version_of(it, arguments.get("V2"))
                        : arguments.has("V1") ? current_version(it)
                                              : versions[0];
  const Version older = arguments.has("V1") ? version_of(it, arguments.get("V1")) : versions[1];
  std::map<std::string, std::string> before;
  for (const auto& [what, value] : lines_of(older)) before[what] = value;
  json::Value answers = json::Value::array();
  Table table{{"", "before", "after"}, {}};
  for (const auto& [what, value] : lines_of(newer)) {
    const std::string old = before.contains(what) ? before[what] : "–";
    before.erase(what);
    if (old != value) table.rows.push_back({what, old, value});
  }
  for (const auto& [what, value] : before) table.rows.push_back({what, value, "–"});
  for (const auto& row : table.rows) {
    answers.push_back({{"what", row[0]}, {"before", row[1]}, {"after", row[2]}});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
    return kDone;
  }
  context.terminal.say(
      fmt::format("{} {}: {} -> {}", it.ingestion.handle, it.day.text(), older.id, newer.id));
  if (table.rows.empty()) {
    context.terminal.say("The certificates are the same");
  } else {
    context.terminal.print(table);
  }
  return kDone;
}

ExitCode undo(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, true);
  pipeline::undo(it.house, it.ingestion, it.day, arguments.get("to"));
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
        it.house, it.ingestion, it.day,
        [&](const Progress& at) { bar.at(at.load, at.stage, at.rows, at.bytes); }, context.stop);
  }
  const Certificate& then = before.certificate;
  const Certificate& now = outcome.certificate;
  if (context.terminal.json()) {
    context.terminal.answer({{"day", it.day.text()},
                             {"version", outcome.load},
                             {"replayed", then.rejected - now.rejected},
                             {"rejected", now.rejected},
                             {"certificate", json::from(now)}});
    return kDone;
  }
  context.terminal.say(fmt::format("{} {}: {} of {} rejected rows fit now; {} stay in quarantine",
                                   it.ingestion.handle, it.day.text(),
                                   grouped(then.rejected - now.rejected), grouped(then.rejected),
                                   grouped(now.rejected)));
  for (const auto& [reason, rows] : now.rejected_by_reason) {
    context.terminal.say(fmt::format("{}: {}", reason, grouped(rows)));
  }
  return kDone;
}

ExitCode quarantine(Context& context, const Arguments& arguments) {
  if (arguments.has("replay")) return replay(context, arguments);
  const Asked it = asked(context, arguments, false);
  const auto file = pipeline::quarantine_file(it.house, it.ingestion, it.day);
  if (!file) {
    context.terminal.say(
        fmt::format("No row of {} {} was rejected", it.ingestion.handle, it.day.text()));
    if (context.terminal.json()) context.terminal.answer(json::Value::array());
    return kNothingFound;
  }
  const std::string source = fmt::format("read_parquet({})", engine::literal(*file));
  engine::Database database =
      engine::Database::open({.allowed = {std::filesystem::path(*file).parent_path().string()}});
  if (arguments.has("export")) {
    const std::filesystem::path target = arguments.get("export");
    std::filesystem::copy_file(*file, target, std::filesystem::copy_options::overwrite_existing);
    context.terminal.say(fmt::format("Wrote {}", target.string()));
    return kDone;
  }
  json::Value rows = json::Value::array();
  const auto limit = arguments.number("rows", context.terminal.json() ? 1'000'000'000 : 20);
  database.each_json(fmt::format("select * from {} limit {}", source, limit),
                     [&](std::string_view row) { rows.push_back(json::parse(row, "a row")); });
  print_rows(context.terminal, rows);
  if (!context.terminal.json()) {
    database.each(
        fmt::format("select reason, count(*) from {} group by 1 order by 2 desc", source),
        [&](const engine::Row& row) {
          context.terminal.say(fmt::format("{}: {}", row[0].value_or("?"), row[1].value_or("0")));
        });
  }
  return kDone;
}

using Kind = Option::Kind;
const Option kName{"NAME", "The ingestion", Kind::Argument, "ingestion"};
const Option kDay{"day", "The day, as 2026-11-20"};
const Command kCommands[] = {
    {"days",
     "Each day: status, rows, version, definition, its two UTC instants",
     {kName, {"from", "First day"}, {"to", "Last day"}},
     days},
    {"history", "All versions of a day", {kName, kDay}, history},
    {"diff",
     "What differs between two versions' certificates (default: the last two)",
     {kName,
      kDay,
      {"V1", "The older version", Kind::OptionalArgument},
      {"V2", "The newer version", Kind::OptionalArgument}},
     diff},
    {"certificate",
     "What proves a day: read, loaded, rejected, counted by whom, fingerprints",
     {kName, kDay},
     certificate},
    {"undo",
     "Make the version before current again, and hold the day",
     {kName, kDay, {"to", "A version of `history`"}},
     undo},
    {"release", "End a hold", {kName, kDay}, release},
    {"quarantine",
     "Rejected rows with their reasons",
     {kName,
      kDay,
      {"export", "Write them to this Parquet file"},
      {"replay", "After a mapping fix: load those that fit now, without the warehouse", Kind::Flag},
      {"rows", "How many to show (default 20)"}},
     quarantine},
};

}  // namespace

std::span<const Command> day_commands() { return kCommands; }

}  // namespace millrace::cli
