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
  explicit JsonRows(Terminal& terminal) : terminal_(terminal), lines_(terminal.lines()) {}
  void add(std::string_view row) {
    const bool is_first = rows_++ == 0;
    terminal_.raw(is_first ? (lines_ ? "{\"result\":[" : "[\n") : (lines_ ? "," : ",\n"));
    terminal_.raw(row);
  }
  void end() {
    if (rows_ == 0) terminal_.raw(lines_ ? "{\"result\":[" : "[");
    terminal_.raw(lines_ ? "]}\n" : rows_ == 0 ? "]\n" : "\n]\n");
  }
  bool begun() const { return rows_ > 0; }

 private:
  Terminal& terminal_;
  const bool lines_;
  std::int64_t rows_ = 0;
};

/// Ends a query whose other rows nobody would see.
struct ScreenIsFull {};

/// Tells how far it is until the first row comes.
void run_query(Context& context, const std::string& sql,
               const std::function<void(std::string_view row)>& each) {
  pipeline::House& house = context.home.house(false);
  std::optional<ProgressBar> bar(std::in_place, context.terminal, "query");
  query::run(
      sql, house.catalog, house.store,
      [&](std::string_view row) {
        bar.reset();
        each(row);
      },
      context.stop,
      [&](std::function<double()> part) {
        if (bar) bar->ask_part(std::move(part));
      });
}

ExitCode run_json(Context& context, const std::string& sql) {
  JsonRows rows(context.terminal);
  try {
    run_query(context, sql, [&](std::string_view row) { rows.add(row); });
  } catch (const Error& error) {
    if (!rows.begun()) throw;
    // The array stays open, so that nobody takes the part for the whole.
    context.terminal.note(fmt::format("error: {}", error.text(context.terminal.shows_rows())));
    return kFailed;
  }
  rows.end();
  return kDone;
}

ExitCode run(Context& context, const Arguments& arguments) {
  const std::string sql = arguments.get("SQL");
  if (context.terminal.json()) return run_json(context, sql);
  json::Value rows = json::Value::array();
  bool more = false;
  try {
    run_query(context, sql, [&](std::string_view row) {
      if (rows.size() >= kTableRowsMax) throw ScreenIsFull();
      rows.push_back(json::parse(row, "a row"));
    });
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
