#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "cli/command.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

/// What loads of one ingestion, day of publishing and trigger added up to.
struct Used {
  std::int64_t loads = 0, rows = 0;
};
using Key = std::tuple<Day, std::string, std::string>;  ///< Published on, ingestion, trigger.

Day first_of_month(Day day) {
  const std::chrono::year_month_day date(day.sys());
  return Day(std::chrono::sys_days(date.year() / date.month() / 1));
}

Day last_of_month(Day day) {
  const std::chrono::year_month_day date(day.sys());
  return Day(std::chrono::sys_days(date.year() / date.month() / std::chrono::last));
}

DayRange range_of(const Arguments& arguments, Day today) {
  const DayRange range{arguments.day("from").value_or(first_of_month(today)),
                       arguments.day("to").value_or(today)};
  if (range.first <= range.last) return range;
  wrong_usage(fmt::format("{} lies before {}", range.last.text(), range.first.text()),
              "--from is the first day and --to the last");
}

/// At the pace of the month so far, today included.
std::int64_t projected(std::int64_t rows, Day today) {
  const auto days = DayRange{first_of_month(today), today}.size();
  return rows * DayRange{first_of_month(today), last_of_month(today)}.size() / days;
}

std::map<Key, Used> used_in(catalog::Catalog& catalog, const Zone& zone, DayRange range,
                            const std::string& only) {
  std::map<std::string, std::string> handles;
  for (const Ingestion& ingestion : catalog.ingestions(true)) {
    handles[ingestion.id] = ingestion.handle;
  }
  std::map<Key, Used> all;
  const Interval span{zone.bounds(range.first).start, zone.bounds(range.last).end};
  for (const catalog::LedgerEntry& entry : catalog.ledger(span)) {
    if (!only.empty() && entry.ingestion != only) continue;
    const auto handle = handles.find(entry.ingestion);
    Used& used = all[{zone.day_of(entry.at),
                      handle == handles.end() ? entry.ingestion : handle->second, entry.trigger}];
    ++used.loads;
    used.rows += entry.rows;
  }
  return all;
}

ExitCode usage(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.reading();
  const Zone zone = catalog.project().zone;
  const Day today = zone.day_of(real_env().now());
  const DayRange range = range_of(arguments, today);
  const std::string only =
      arguments.has("NAME") ? catalog.ingestion(arguments.get("NAME")).id : std::string();
  std::int64_t sum = 0;
  json::Value answers = json::Value::array();
  Table table{{"published on", "ingestion", "trigger", "loads", "rows"}, {}};
  for (const auto& [key, used] : used_in(catalog, zone, range, only)) {
    const auto& [day, ingestion, trigger] = key;
    sum += used.rows;
    answers.push_back({{"day", day.text()},
                       {"ingestion", ingestion},
                       {"trigger", trigger},
                       {"loads", used.loads},
                       {"rows", used.rows}});
    table.rows.push_back({day.text(), ingestion, trigger, grouped(used.loads), grouped(used.rows)});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
    return answers.empty() ? kNothingFound : kDone;
  }
  if (!table.rows.empty()) context.terminal.print(table);
  std::string line = fmt::format("{} from {} to {}", counted(sum, "billable row"),
                                 range.first.text(), range.last.text());
  if (range.first == first_of_month(today) && range.last == today) {
    line +=
        fmt::format("; at this pace {} by the end of the month", grouped(projected(sum, today)));
  }
  context.terminal.say(line);
  return answers.empty() ? kNothingFound : kDone;
}

const Command kCommands[] = {
    {"usage",
     "Billable rows: per day of publishing, ingestion and trigger",
     {{"NAME", "Only this ingestion", Option::Kind::OptionalArgument, "ingestion"},
      {"from", "First day (default: the first of this month)", Option::Kind::Value, "day"},
      {"to", "Last day (default: today)", Option::Kind::Value, "day"}},
     usage,
     R"(Every row that a published load adds counts once; a reload or a backfill counts again. Rows
that a version shares with the one before (a replay) are not counted twice. Days are the
project's.)"},
};

}  // namespace

std::span<const Command> usage_commands() { return kCommands; }

}  // namespace millrace::cli
