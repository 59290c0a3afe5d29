#include "query/query.h"

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/questions.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

/// JSON is streamed, so that a large answer needs no memory; a table needs its widths first.
ExitCode run(Context& context, const Arguments& arguments) {
  const std::string sql = sql_or_file(arguments.get("SQL"));
  pipeline::House& house = context.home.house(false);
  if (context.terminal.json()) {
    bool first = true;
    query::run(
        sql, house.catalog, house.store,
        [&](std::string_view row) {
          context.terminal.raw(first ? "[\n" : ",\n");
          context.terminal.raw(row);
          first = false;
        },
        context.stop);
    context.terminal.raw(first ? "[]\n" : "\n]\n");
    return kDone;
  }
  json::Value rows = json::Value::array();
  query::run(
      sql, house.catalog, house.store,
      [&](std::string_view row) { rows.push_back(json::parse(row, "a row")); }, context.stop);
  print_rows(context.terminal, rows);
  return kDone;
}

const Command kCommands[] = {
    {"query",
     "SQL over events, metrics, exposures, entity_properties as they stand now",
     {{"SQL", "One SELECT, or a file that ends in .sql", Option::Kind::Argument, "file"}},
     run},
};

}  // namespace

std::span<const Command> query_commands() { return kCommands; }

}  // namespace millrace::cli
