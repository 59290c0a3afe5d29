#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/remote_command.h"
#include "cli/command.h"
#include "cli/questions.h"
#include "cli/rebuild.h"
#include "definition/guess.h"
#include "definition/plan.h"
#include "model/json.h"
#include "pipeline/load.h"
#include "pipeline/tell.h"

namespace millrace::cli {
namespace {

using definition::Change;
using definition::Plan;

char sign(Change::What what) {
  switch (what) {
    case Change::What::Add:
    case Change::What::Revive:
      return '+';
    case Change::What::Update:
      return '~';
    case Change::What::Remove:
      return '-';
    case Change::What::Keep:
      return ' ';
  }
  return ' ';
}

/// Something to say about it, changed or not.
bool is_told(const Change& change) {
  return change.what != Change::What::Keep || !change.details.empty() || change.stale_days > 0;
}

json::Value plan_json(const Plan& plan) {
  json::Value changes = json::Value::array();
  for (const Change& change : plan.changes) {
    if (is_told(change)) changes.push_back(definition::change_json(change));
  }
  return changes;
}

void print_plan(Terminal& terminal, const Plan& plan) {
  if (terminal.json()) return;
  for (const Change& change : plan.changes) {
    if (!is_told(change)) continue;
    terminal.say(fmt::format("{} {} {} {}", sign(change.what), name_of(change.what), change.kind,
                             change.name));
    for (const std::string& detail : change.details) terminal.say("    " + detail);
    if (!change.follow_up_cost.empty()) terminal.say("    " + change.follow_up_cost);
    if (change.stale_days > 0) {
      const auto days = static_cast<std::int64_t>(change.stale_days);
      terminal.say(
          fmt::format("    {} by an older definition; `millrace load {} --stale` "
                      "loads {} again",
                      counted(days, "day") + (days == 1 ? " was loaded" : " were loaded"),
                      change.name, days == 1 ? "it" : "them"));
    }
  }
  if (plan.empty()) {
    const bool is_blank = plan.changes.empty();
    terminal.say(
        fmt::format("Nothing to change{}",
                    is_blank ? ": nothing there defines a connection or an ingestion" : ""));
  }
}

/// "1 connection and 2 ingestions"
std::string applied_text(const Plan& done) {
  const auto changed = [&](std::string_view kind) {
    return std::ranges::count_if(done.changes, [&](const Change& change) {
      return change.kind == kind && change.what != Change::What::Keep;
    });
  };
  std::string text;
  for (const std::string_view kind : {"connection", "ingestion"}) {
    if (const auto count = changed(kind); count > 0) {
      text += (text.empty() ? "" : " and ") + counted(count, kind);
    }
  }
  return text;
}

definition::FileSet files_of(Context& context, const Arguments& arguments) {
  const definition::Configuration& known = context.home.configuration();
  if (context.remote) return definition::understand(context.remote->files, known);
  const auto here = definition::gather(arguments.get("PATH"), known, arguments.get("as"));
  return definition::understand(here, known);
}

ExitCode plan(Context& context, const Arguments& arguments) {
  const Plan plan = definition::plan(files_of(context, arguments), context.home.reading(),
                                     arguments.has("prune"));
  print_plan(context.terminal, plan);
  if (context.terminal.json()) context.terminal.answer(plan_json(plan));
  return kDone;
}

ExitCode apply(Context& context, const Arguments& arguments) {
  const std::string which = arguments.has("rebuild") ? arguments.get("rebuild") : "none";
  const definition::FileSet files = files_of(context, arguments);
  const Plan done = definition::apply(files, context.home.writing(), arguments.has("prune"));
  pipeline::try_to_tell_others(context.home.house(true));
  print_plan(context.terminal, done);
  if (!done.empty()) context.terminal.say(fmt::format("Applied: {}", applied_text(done)));
  std::vector<RebuiltDays> rebuilt;
  if (which != "none") rebuilt = rebuild(context, done, which);
  json::Value answers = json::Value::array();
  for (const RebuiltDays& days : rebuilt) {
    answers.push_back(days.as_json());
    context.terminal.say(days.text());
  }
  if (context.terminal.json()) {
    context.terminal.answer({{"changes", plan_json(done)}, {"rebuilt", answers}});
  }
  return std::ranges::all_of(rebuilt, &RebuiltDays::is_well) ? kDone : kSomeDaysFailed;
}

void print_toml(Terminal& terminal, const std::string& toml) {
  if (terminal.json()) {
    terminal.answer({{"toml", toml}});
  } else {
    terminal.raw(toml);
  }
}

ExitCode export_all(Context& context, const Arguments& arguments) {
  print_toml(context.terminal,
             definition::export_toml(context.home.reading(), arguments.get("NAME")));
  return kDone;
}

ExitCode list(Context& context, const Arguments&) {
  json::Value answers = json::Value::array();
  Table table{{"name", "title", "dataset", "connection", "kind", "definition", "managed by"}, {}};
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
    const std::string title = ingestion.name == ingestion.handle ? "" : ingestion.name;
    table.rows.push_back({ingestion.handle, title, dataset, ingestion.connection, ingestion.kind,
                          revision, ingestion.managed_by});
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
  const bool with_data = arguments.has("with-data");
  if (with_data) {
    catalog.remove_ingestion(ingestion.id);
  } else {
    catalog.archive_ingestion(ingestion.id);
  }
  pipeline::try_to_tell_others(context.home.house(true));
  if (context.terminal.json()) {
    context.terminal.answer(
        {{"name", ingestion.handle}, {"id", ingestion.id}, {"with_data", with_data}});
  }
  context.terminal.say(
      with_data
          ? fmt::format("Removed {} and its days; `millrace sweep` frees the disk",
                        ingestion.handle)
          : fmt::format("Archived {}: its days stay; add it again to revive it", ingestion.handle));
  if (ingestion.managed_by.starts_with("file:")) {
    context.terminal.say(
        fmt::format("{} still defines it: the next `apply` of that file brings it "
                    "back",
                    ingestion.managed_by.substr(5)));
  }
  return kDone;
}

/// A sample of a raw query, or (with an ingestion) of mapped rows with each problem marked.
json::Value sample_of(Context& context, const Arguments& arguments) {
  pipeline::House& house = context.home.house(false);
  const std::string name = arguments.get(arguments.has("NAME") ? "NAME" : "connection");
  WorkOrder order;
  if (arguments.has("NAME")) {
    order = pipeline::order_for(house, house.catalog.ingestion(name), Verb::Sample);
  } else {
    order = question(context, known_connection(context, name), Verb::Sample);
    order.definition.query = arguments.get("query");
  }
  order.rows = arguments.number("rows", 100);
  DayOrder day;
  day.day = arguments.day("day").value_or(pipeline::latest_day(house));
  order.days = {day};
  return ask(context, order, (arguments.has("NAME") ? "ingestion " : "connection ") + name);
}

ExitCode sample(Context& context, const Arguments& arguments) {
  const bool raw = arguments.has("connection") && arguments.has("query");
  if (arguments.has("NAME") ? arguments.has("connection") || arguments.has("query") : !raw) {
    wrong_usage("sample takes one thing to look at",
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
  const Dataset dataset = *dataset_named(arguments.get("dataset"));
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
  print_toml(context.terminal,
             definition::guess_mapping(arguments.get("connection"), arguments.get("query"), dataset,
                                       columns, rows, context.home.configuration().project));
  return kDone;
}

using Kind = Option::Kind;
const Option kPath{"PATH", "A TOML file, or a folder of them", Kind::Argument, "file"};
const Option kAs{"as",
                 "A name for the set of files, which then belong to it wherever they lie; with "
                 "--server by default the folder's",
                 Kind::Value, "set"};
const Option kPrune{"prune", "Also remove what the same files made and no longer say", Kind::Flag};
const Option kConnection{"connection", "The connection", Kind::Value, "connection"};
const Option kQuery{"query", "One SELECT, or a file that ends in .sql", Kind::Value, "sql"};
const Option kName{"NAME", "The ingestion", Kind::Argument, "ingestion"};
const Command kCommands[] = {
    {"sample",
     "A few rows of any query, or mapped rows of an ingestion with problems marked",
     {{"NAME", "An ingestion", Kind::OptionalArgument, "ingestion"},
      kConnection,
      kQuery,
      {"day", "The day (default: yesterday)", Kind::Value, "day"},
      {"rows", "How many (default 100)", Kind::Value, "number"}},
     sample,
     R"(Examples
  millrace sample --connection shop --query "select * from purchases" --rows 5
  millrace sample purchases --day 2026-11-20)"},
    {"map",
     "Guess a mapping; print ready TOML",
     {{"connection", "The connection", Kind::NeededValue, "connection"},
      {"query", "One SELECT, or a file that ends in .sql", Kind::NeededValue, "sql"},
      {"dataset", "What the rows become", Kind::NeededValue,
       "events|metrics|exposures|entity_properties"},
      {"day", "The day that placeholders stand for (default: yesterday)", Kind::Value, "day"},
      {"rows", "Rows to look at (default 100)", Kind::Value, "number"}},
     map,
     R"(Each line says in a comment why it was guessed: read it before you apply it.

Example
  millrace map --connection shop --dataset events --query "select * from purchases" > shop.toml)"},
    {"plan",
     "Show what `apply` would change, and how many loaded days are older",
     {kPath, kPrune, kAs},
     plan},
    {"apply",
     "Make connections and ingestions be what the TOML says",
     {kPath,
      kPrune,
      kAs,
      {"rebuild",
       "Load days of an older definition again: none (default), those of the last two weeks "
       "(window), or all",
       Kind::Value, "none|window|all"}},
     apply,
     R"(A changed definition loads nothing again by itself: --rebuild, or `load NAME --stale`.
Exits with 4 when --rebuild left days failed or held. With --server the service
is asked for those days, and nobody waits for them.)"},
    {"export",
     "What exists, as TOML; applied again it changes nothing",
     {{"NAME", "One ingestion with its connection, or one connection", Kind::OptionalArgument,
       "name"}},
     export_all},
    {"ingestion list", "The ingestions", {}, list},
    {"ingestion show", "One ingestion as TOML", {kName}, show},
    {"ingestion remove",
     "Archive an ingestion; its days stay",
     {kName, {"with-data", "Forget its days and versions too", Kind::Flag}},
     remove,
     R"(An archived ingestion keeps its id and its days. Defined again with the same kind, dataset
and name, it is the same one.)"},
};

}  // namespace

std::span<const Command> definition_commands() { return kCommands; }

}  // namespace millrace::cli
