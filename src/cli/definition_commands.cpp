#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/questions.h"
#include "definition/guess.h"
#include "definition/plan.h"
#include "model/json.h"
#include "pipeline/load.h"
#include "pipeline/tell.h"

namespace millrace::cli {
namespace {

using definition::Change;
using definition::Plan;

std::string_view sign(Change::What what) {
  switch (what) {
    case Change::What::Add:
      return "+ add";
    case Change::What::Update:
      return "~ change";
    case Change::What::Remove:
      return "- remove";
    case Change::What::Revive:
      return "+ revive";
    case Change::What::Keep:
      return "  keep";
  }
  return "";
}

json::Value plan_json(const Plan& plan) {
  json::Value changes = json::Value::array();
  for (const Change& change : plan.changes) {
    if (change.what == Change::What::Keep) continue;
    changes.push_back({{"what", std::string(sign(change.what).substr(2))},
                       {"kind", change.kind},
                       {"name", change.name},
                       {"details", change.details},
                       {"stale_days", change.stale_days}});
  }
  return changes;
}

void print_plan(Terminal& terminal, const Plan& plan) {
  if (terminal.json()) {
    terminal.answer(plan_json(plan));
    return;
  }
  if (plan.empty()) {
    terminal.say("Nothing to change: the catalog already is what the files say");
    return;
  }
  for (const Change& change : plan.changes) {
    if (change.what == Change::What::Keep) continue;
    terminal.say(fmt::format("{} {} {}", sign(change.what), change.kind, change.name));
    for (const std::string& detail : change.details) terminal.say("    " + detail);
    if (change.stale_days > 0) {
      terminal.say(
          fmt::format("    {} days carry the old definition; `millrace load {} --stale` "
                      "rebuilds them",
                      change.stale_days, change.name));
    }
  }
}

definition::FileSet files_of(Context& context, const Arguments& arguments) {
  return definition::read_files(arguments.get("PATH"), context.home.configuration());
}

ExitCode plan(Context& context, const Arguments& arguments) {
  print_plan(context.terminal, definition::plan(files_of(context, arguments),
                                                context.home.reading(), arguments.has("prune")));
  return kDone;
}

/// Loads the days of changed ingestions again: all stale ones, or those of the last two weeks.
ExitCode rebuild(Context& context, const Plan& done, const std::string& which) {
  pipeline::House& house = context.home.house(true);
  constexpr int kWindowDays = 14;
  const Day since = pipeline::latest_day(house).plus(1 - kWindowDays);
  ExitCode worst = kDone;
  for (const Change& change : done.changes) {
    if (!change.changes_definition) continue;
    pipeline::LoadRequest request;
    request.ingestion = house.catalog.ingestion(change.name);
    request.trigger = "backfill";
    for (const Day day : house.catalog.stale_days(request.ingestion.id)) {
      if (which == "all" || day >= since) request.days.push_back(day);
    }
    if (request.days.empty()) continue;
    const auto outcomes = pipeline::load(house, request, {}, {}, context.stop);
    std::size_t failed = 0;
    for (const auto& outcome : outcomes) failed += outcome.error ? 1 : 0;
    context.terminal.say(fmt::format("{}: {} days rebuilt, {} failed", change.name,
                                     outcomes.size() - failed, failed));
    if (failed > 0) worst = kSomeDaysFailed;
  }
  return worst;
}

ExitCode apply(Context& context, const Arguments& arguments) {
  const std::string which = arguments.has("rebuild") ? arguments.get("rebuild") : "none";
  if (which != "none" && which != "window" && which != "all") {
    throw Error(Fault::Misconfigured, "wrong_usage", fmt::format("--rebuild {} is unknown", which),
                "Use none, window (the last 14 days) or all");
  }
  const definition::FileSet files = files_of(context, arguments);
  const Plan done = definition::apply(files, context.home.writing(), arguments.has("prune"));
  pipeline::try_to_tell_others(context.home.house(true));
  print_plan(context.terminal, done);
  return which == "none" ? kDone : rebuild(context, done, which);
}

ExitCode export_all(Context& context, const Arguments& arguments) {
  context.terminal.raw(definition::export_toml(context.home.reading(), arguments.get("NAME")));
  return kDone;
}

ExitCode list(Context& context, const Arguments&) {
  json::Value answers = json::Value::array();
  Table table{{"name", "dataset", "connection", "kind", "definition", "managed by"}, {}};
  for (const Ingestion& ingestion : context.home.reading().ingestions()) {
    const std::string revision = revision_of(ingestion.definition);
    const std::string dataset(name_of(ingestion.definition.dataset));
    answers.push_back({{"name", ingestion.handle},
                       {"title", ingestion.name},
                       {"id", ingestion.id},
                       {"dataset", dataset},
                       {"connection", ingestion.connection},
                       {"kind", ingestion.kind},
                       {"revision", revision},
                       {"managed_by", ingestion.managed_by}});
    table.rows.push_back({ingestion.handle, dataset, ingestion.connection, ingestion.kind, revision,
                          ingestion.managed_by});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (table.rows.empty()) {
    context.terminal.say("No ingestion yet; `millrace map` writes the TOML of one");
  } else {
    context.terminal.print(table);
  }
  return kDone;
}

ExitCode show(Context& context, const Arguments& arguments) {
  const Ingestion ingestion = context.home.reading().ingestion(arguments.get("NAME"));
  if (context.terminal.json()) {
    context.terminal.answer({{"name", ingestion.handle},
                             {"id", ingestion.id},
                             {"revision", revision_of(ingestion.definition)},
                             {"definition", json::from(ingestion.definition)},
                             {"limits", json::from(ingestion.limits)}});
  } else {
    context.terminal.raw(definition::to_toml(ingestion));
  }
  return kDone;
}

ExitCode remove(Context& context, const Arguments& arguments) {
  catalog::Catalog& catalog = context.home.writing();
  const Ingestion ingestion = catalog.ingestion(arguments.get("NAME"));
  if (arguments.has("with-data")) {
    catalog.remove_ingestion(ingestion.id);
  } else {
    catalog.archive_ingestion(ingestion.id);
  }
  pipeline::try_to_tell_others(context.home.house(true));
  context.terminal.say(
      arguments.has("with-data")
          ? fmt::format("Removed {} and its days; `millrace sweep` frees the disk",
                        ingestion.handle)
          : fmt::format("Archived {}: its days stay; add it again to revive it", ingestion.handle));
  return kDone;
}

/// A sample of a raw query, or (with an ingestion) of mapped rows with each problem marked.
json::Value sample_of(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(false);
  WorkOrder order;
  if (arguments.has("NAME")) {
    order =
        pipeline::order_for(house, house.catalog.ingestion(arguments.get("NAME")), Verb::Sample);
  } else {
    order = question(context, known_connection(context, arguments.get("connection")), Verb::Sample);
    order.definition.query = sql_or_file(arguments.get("query"));
  }
  order.rows = arguments.number("rows", 100);
  DayOrder day;
  day.day = arguments.day("day").value_or(pipeline::latest_day(house));
  order.days = {day};
  return pipeline::run_worker(order, {}, context.stop);
}

ExitCode sample(Context& context, const Arguments& arguments) {
  if (arguments.has("NAME") == (arguments.has("connection") && arguments.has("query"))) {
    throw Error(Fault::Misconfigured, "wrong_usage", "sample takes one thing to look at",
                "Write `sample NAME`, or `sample --connection NAME --query SQL`");
  }
  const json::Value found = sample_of(context, arguments);
  if (context.terminal.json()) {
    context.terminal.answer(found);
    return kDone;
  }
  if (!arguments.has("NAME")) {
    print_columns(context.terminal, found.at("columns"));
    context.terminal.say("");
  }
  print_rows(context.terminal, found.at("rows"));
  for (const json::Value& note : found.value("notes", json::Value::array())) {
    context.terminal.say(note.get<std::string>());
  }
  return kDone;
}

ExitCode map(Context& context, const Arguments& arguments) {
  const auto dataset = dataset_named(arguments.get("dataset"));
  if (!dataset || !arguments.has("query") || !arguments.has("connection")) {
    throw Error(Fault::Misconfigured, "wrong_usage",
                "map needs --connection, --query and --dataset",
                "The datasets are events, metrics, exposures, entity_properties");
  }
  const json::Value found = sample_of(context, arguments);
  std::vector<Column> columns;
  for (const json::Value& entry : found.at("columns")) columns.push_back(json::column(entry));
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& row : found.at("rows")) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const auto& [name, value] : row.items()) {
      cells.push_back(value.is_null()     ? ""
                      : value.is_string() ? value.get<std::string>()
                                          : value.dump());
    }
  }
  context.terminal.raw(
      definition::guess_mapping(arguments.get("connection"), sql_or_file(arguments.get("query")),
                                *dataset, columns, rows, context.home.configuration().project));
  return kDone;
}

using Kind = Option::Kind;
const Option kPath{"PATH", "A TOML file, or a folder of them", Kind::Argument, "file"};
const Option kPrune{"prune", "Also remove what the same files made and no longer say", Kind::Flag};
const Option kConnection{"connection", "The connection", Kind::Value, "connection"};
const Option kQuery{"query", "SQL, or a file that ends in .sql"};
const Option kName{"NAME", "The ingestion", Kind::Argument, "ingestion"};
const Command kCommands[] = {
    {"sample",
     "A few rows of any query, or mapped rows of an ingestion with problems marked",
     {{"NAME", "An ingestion", Kind::OptionalArgument, "ingestion"},
      kConnection,
      kQuery,
      {"day", "The day (default: yesterday)"},
      {"rows", "How many (default 100)"}},
     sample},
    {"map",
     "Guess a mapping; print ready TOML",
     {kConnection,
      kQuery,
      {"dataset", "events, metrics, exposures or entity_properties"},
      {"day", "The day that placeholders stand for"},
      {"rows", "Rows to look at (default 100)"}},
     map},
    {"plan", "Show what `apply` would change", {kPath, kPrune}, plan},
    {"apply",
     "Make connections and ingestions be what the TOML says",
     {kPath,
      kPrune,
      {"rebuild", "Days of changed definitions to load again: none (default), window, all"}},
     apply},
    {"export",
     "Connections and ingestions as TOML",
     {{"NAME", "One of them", Kind::OptionalArgument, "ingestion"}},
     export_all},
    {"ingestion list", "The ingestions", {}, list},
    {"ingestion show", "One ingestion as TOML", {kName}, show},
    {"ingestion remove",
     "Archive an ingestion; its days stay",
     {kName, {"with-data", "Forget its days and versions too", Kind::Flag}},
     remove},
};

}  // namespace

std::span<const Command> definition_commands() { return kCommands; }

}  // namespace millrace::cli
