#include "query/query.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/questions.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

/// One array, streamed, so that a large answer needs no memory.
class JsonRows {
 public:
  explicit JsonRows(Terminal& terminal) : terminal_(terminal) {}
  void add(std::string_view row) {
    terminal_.raw(rows_++ == 0 ? "[\n" : ",\n");
    terminal_.raw(row);
  }
  void end() { terminal_.raw(rows_ == 0 ? "[]\n" : "\n]\n"); }
  bool begun() const { return rows_ > 0; }

 private:
  Terminal& terminal_;
  std::int64_t rows_ = 0;
};

/// Ends a query whose other rows nobody would see.
struct ScreenIsFull {};

ExitCode run_json(Context& context, pipeline::House& house, const std::string& sql) {
  JsonRows rows(context.terminal);
  try {
    query::run(
        sql, house.catalog, house.store, [&](std::string_view row) { rows.add(row); },
        context.stop);
  } catch (const Error& error) {
    if (!rows.begun()) throw;
    // The array stays open, so that nobody takes the part for the whole.
    context.terminal.note(fmt::format("error: {}", error.what()));
    return kFailed;
  }
  rows.end();
  return kDone;
}

ExitCode run(Context& context, const Arguments& arguments) {
  const std::string sql = sql_or_file(arguments.get("SQL"));
  pipeline::House& house = context.home.house(false);
  if (context.terminal.json() && !context.terminal.lines()) return run_json(context, house, sql);
  json::Value rows = json::Value::array();
  bool more = false;
  try {
    ProgressBar bar(context.terminal, "query");
    const bool all = context.terminal.json();
    query::run(
        sql, house.catalog, house.store,
        [&](std::string_view row) {
          if (!all && rows.size() >= kTableRowsMax) throw ScreenIsFull();
          rows.push_back(json::parse(row, "a row"));
        },
        context.stop, [&](std::function<double()> part) { bar.ask_part(std::move(part)); });
  } catch (const ScreenIsFull&) {
    more = true;
  }
  print_rows(context.terminal, rows, more);
  return kDone;
}

const Command kCommands[] = {
    {"query",
     "SQL over events, metrics, exposures, entity_properties as they stand now",
     {{"SQL", "One SELECT, or a file that ends in .sql", Option::Kind::Argument, "sql"}},
     run,
     R"(Columns
  events             day, ingestion, event_name, ts, unit_<type>, value, value_text, metadata (JSON)
  metrics            day, ingestion, metric_name, unit_type, unit_id, value, numerator, denominator
  exposures          day, ingestion, experiment, group_id, ts, unit_<type>, metadata (JSON)
  entity_properties  day, ingestion, unit_type, unit_id, ts, properties (JSON)
  each of them       _ingestion: the ingestion's id; _load: the load that brought the row

Examples
  millrace query "select day, count(*) from events group by day order by day"
  millrace query "select metadata->>'page' as page, sum(value) from events group by 1" --json)"},
};

}  // namespace

std::span<const Command> query_commands() { return kCommands; }

}  // namespace millrace::cli
