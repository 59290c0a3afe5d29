#include "cli/outcomes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace millrace::cli {

using pipeline::DayOutcome;
using Tone = Terminal::Tone;

json::Value outcome_json(const DayOutcome& outcome) {
  json::Value value{{"day", outcome.day.text()},
                    {"status", outcome.held ? "held" : name_of(outcome.attempt)},
                    {"load", outcome.load}};
  if (outcome.error) {
    value["error"] = json::whole(*outcome.error);
  } else {
    value["certificate"] = json::from(outcome.certificate);
    if (!outcome.took_ms.empty()) value["took_ms"] = outcome.took_ms;
  }
  if (!outcome.note.empty()) value["note"] = outcome.note;
  return value;
}

void tell_outcome(Terminal& terminal, const std::string& ingestion, const DayOutcome& outcome) {
  if (terminal.json()) return;
  const std::string day = outcome.day.text();
  const auto advise = [&](const std::string& advice) {
    if (!advice.empty()) terminal.note(fmt::format("            what to do: {}", advice));
  };
  if (outcome.error) {
    terminal.note(fmt::format("{}  {}  {}", day, terminal.toned_note("failed", Tone::Bad),
                              outcome.error->text(terminal.shows_rows())));
    advise(outcome.error->advice);
  } else if (outcome.held) {
    terminal.note(
        fmt::format("{}  {}  {}", day, terminal.toned_note("held", Tone::Warn), outcome.note));
    advise(
        fmt::format("readers see the version before; if the warehouse is right, publish it with "
                    "`millrace load {} --day {} --accept`",
                    ingestion, day));
  } else if (!outcome.note.empty()) {
    terminal.note(fmt::format("{}  {}", day, outcome.note));
  }
}

json::Value check_json(const Terminal& terminal, const CheckResult& result) {
  json::Value value = json::from(result);
  value["compared"] = !result.by.empty();
  if (result.error) value["error"]["message"] = result.error->text(terminal.shows_rows());
  return value;
}

std::vector<std::string> check_cells(const Terminal& terminal, const CheckResult& result) {
  const auto text = [](const std::optional<std::int64_t>& rows) {
    return rows ? grouped(*rows) : std::string("–");
  };
  const std::string answer = result.changed      ? terminal.toned("yes", Tone::Warn)
                             : result.error      ? terminal.toned("failed", Tone::Bad)
                             : result.by.empty() ? "–"
                                                 : "no";
  return {answer, result.by.empty() ? "–" : result.by, text(result.rows_then),
          text(result.rows_now),
          result.error ? result.error->text(terminal.shows_rows()) : result.note};
}

void Totals::add(const DayOutcome& outcome) {
  ++days;
  rows += outcome.certificate.read;
  rejected += outcome.certificate.rejected;
  partly_loaded += outcome.certificate.partly_loaded;
  if (outcome.error) {
    ++failed;
  } else if (outcome.held) {
    ++held;
  } else {
    if (outcome.attempt == Attempt::Empty) ++empty;
    output += outcome.certificate.output_rows;
  }
}

ExitCode Totals::exit_code() const {
  const std::int64_t not_begun = asked - days;
  if (failed + held + not_begun == 0) return kDone;
  return failed == asked && asked == 1 ? kFailed : kSomeDaysFailed;
}

std::string Totals::text(double seconds) const {
  const std::int64_t loaded = days - failed - held;
  std::string line = counted(loaded, "day") + " loaded";
  if (empty > 0) line += fmt::format(" ({} without data)", grouped(empty));
  // What a load had read that failed in the middle is not known.
  if (loaded > 0 || rows > 0) {
    line += fmt::format(": {} read, {} stored", counted(rows, "row"), grouped(output));
  }
  if (partly_loaded > 0) line += fmt::format(", {} partly loaded", grouped(partly_loaded));
  if (rejected > 0) line += fmt::format(", {} in quarantine", grouped(rejected));
  if (held > 0) line += fmt::format("; {} held", grouped(held));
  if (failed > 0) line += fmt::format("; {} failed", grouped(failed));
  if (asked > days) line += fmt::format("; {} not begun", grouped(asked - days));
  return line + fmt::format("; {}", seconds_text(seconds));
}

}  // namespace millrace::cli
