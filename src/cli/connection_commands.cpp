#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/questions.h"
#include "definition/plan.h"
#include "model/json.h"
#include "warehouse/connector.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

ExitCode kinds(Context& context, const Arguments& arguments) {
  json::Value answers = json::Value::array();
  Table table{{"kind", "what it is"}, {}};
  const std::string wanted = arguments.get("KIND");
  if (!wanted.empty()) warehouse::kind_named(wanted);
  for (const warehouse::Kind* kind : warehouse::kinds()) {
    if (!wanted.empty() && wanted != kind->name) continue;
    json::Value settings = json::Value::array();
    Table fields{{"setting", "needed", "example", "what it is"}, {}};
    for (const warehouse::Setting& setting : kind->settings) {
      settings.push_back({{"name", setting.name},
                          {"help", setting.help},
                          {"example", setting.example},
                          {"required", setting.required},
                          {"secret", setting.secret},
                          {"default", setting.fallback}});
      fields.rows.push_back({std::string(setting.name), setting.required ? "yes" : "",
                             std::string(setting.example), std::string(setting.help)});
    }
    answers.push_back({{"kind", kind->name},
                       {"title", kind->title},
                       {"about", kind->about},
                       {"settings", settings}});
    table.rows.push_back({std::string(kind->name), std::string(kind->about)});
    if (!wanted.empty() && !context.terminal.json()) {
      context.terminal.say(fmt::format("{}: {}\n", kind->title, kind->about));
      context.terminal.print(fields);
      context.terminal.say(fmt::format("\nExample: millrace connection add {} NAME --set {}",
                                       kind->name, example_settings(*kind)));
    }
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (wanted.empty()) {
    context.terminal.print(table);
    context.terminal.say("\nThe settings of one: `millrace connection kinds KIND`");
  }
  return kDone;
}

/// Asks for what --set left out; a secret goes into a file of its own and is referred to.
Connection asked(Context& context, const warehouse::Kind& kind, const std::string& name,
                 const std::vector<std::string>& given) {
  Connection connection{
      .name = name, .kind = std::string(kind.name), .settings = {}, .managed_by = {}};
  for (const std::string& pair : given) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      throw Error(Fault::Misconfigured, "wrong_usage", fmt::format("--set {} has no '='", pair),
                  "Write --set host=127.0.0.1 port=5432");
    }
    connection.settings[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  for (const warehouse::Setting& setting : kind.settings) {
    const std::string key(setting.name);
    auto found = connection.settings.find(key);
    if (found == connection.settings.end() && (setting.required || setting.secret) &&
        context.terminal.can_ask()) {
      const std::string answer = context.terminal.ask(
          fmt::format("{} ({})", setting.name, setting.help), setting.fallback, setting.secret);
      if (!answer.empty()) found = connection.settings.emplace(key, answer).first;
    }
    if (found == connection.settings.end() || !setting.secret) continue;
    std::string& value = found->second;
    if (value.starts_with("env:") || value.starts_with("file:")) continue;
    const fs::path secret = fs::path("secrets") / fmt::format("{}.{}", name, key);
    file::make_folders(context.home.path() / "secrets");
    file::write(context.home.path() / secret, value, 0600);
    value = "file:" + secret.string();
  }
  warehouse::validate(kind, connection.settings);
  return connection;
}

ExitCode add(Context& context, const Arguments& arguments) {
  const warehouse::Kind& kind = warehouse::kind_named(arguments.get("KIND"));
  const std::string name = arguments.has("NAME") ? arguments.get("NAME") : std::string(kind.name);
  catalog::Catalog& catalog = context.home.writing();
  if (catalog.connection(name)) {
    throw Error(
        Fault::Conflict, "connection_exists", fmt::format("there is a connection {} already", name),
        fmt::format("Edit connections/{}.toml and `millrace apply` it, or remove it", name));
  }
  const Connection connection = asked(context, kind, name, arguments.all("set"));
  if (!arguments.has("no-test")) {
    const ProbeReport report = probe(context, connection);
    print_probe(context.terminal, report);
    if (!report.ok()) {
      throw Error(Fault::Misconfigured, "probe_failed",
                  fmt::format("connection {} was not added: its test failed", name),
                  "Mend what the failed step says, or add it untested with --no-test");
    }
  }
  const fs::path path = context.home.path() / "connections" / (name + ".toml");
  file::make_folders(path.parent_path());
  file::write(path, definition::to_toml(connection));
  definition::apply(definition::read_files(path, context.home.configuration()), catalog, false);
  if (context.terminal.json()) {
    context.terminal.answer({{"connection", name}, {"file", path.string()}});
  }
  context.terminal.say(
      fmt::format("Added {} ({}), written to {}", name, kind.title, path.string()));
  context.terminal.say(
      fmt::format("Next: `millrace connection tables {}`, then `millrace map "
                  "--connection {} --dataset events --query 'select …'`",
                  name, name));
  return kDone;
}

ExitCode list(Context& context, const Arguments&) {
  json::Value answers = json::Value::array();
  Table table{{"name", "kind", "managed by"}, {}};
  for (const Connection& connection : context.home.reading().connections()) {
    answers.push_back({{"name", connection.name},
                       {"kind", connection.kind},
                       {"managed_by", connection.managed_by}});
    table.rows.push_back({connection.name, connection.kind, connection.managed_by});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
  } else if (table.rows.empty()) {
    context.terminal.say("No connection yet; add one with `millrace connection add KIND NAME`");
  } else {
    context.terminal.print(table);
  }
  return kDone;
}

ExitCode show(Context& context, const Arguments& arguments) {
  const Connection connection = known_connection(context, arguments.get("NAME"));
  if (context.terminal.json()) {
    context.terminal.answer({{"name", connection.name},
                             {"kind", connection.kind},
                             {"settings", connection.settings},
                             {"managed_by", connection.managed_by}});
  } else {
    context.terminal.raw(definition::to_toml(connection));
  }
  return kDone;
}

ExitCode test(Context& context, const Arguments& arguments) {
  const ProbeReport report = probe(context, known_connection(context, arguments.get("NAME")));
  if (context.terminal.json()) {
    context.terminal.answer(json::from(report));
  } else {
    print_probe(context.terminal, report);
  }
  return report.ok() ? kDone : kFailed;
}

ExitCode tables(Context& context, const Arguments& arguments) {
  WorkOrder order =
      question(context, known_connection(context, arguments.get("NAME")), Verb::Browse);
  order.text = arguments.get("PATTERN");
  const json::Value found = pipeline::run_worker(order, {}, context.stop);
  if (context.terminal.json()) {
    context.terminal.answer(found);
    return kDone;
  }
  Table table{{"schema", "name", "kind"}, {}};
  for (const json::Value& entry : found) {
    const auto row = json::table(entry);
    table.rows.push_back({row.schema, row.name, row.kind});
  }
  context.terminal.print(table);
  return table.rows.empty() ? kNothingFound : kDone;
}

ExitCode columns(Context& context, const Arguments& arguments) {
  WorkOrder order =
      question(context, known_connection(context, arguments.get("NAME")), Verb::Columns);
  order.text = arguments.get("TABLE");
  print_columns(context.terminal, pipeline::run_worker(order, {}, context.stop));
  return kDone;
}

ExitCode remove(Context& context, const Arguments& arguments) {
  const Connection connection = known_connection(context, arguments.get("NAME"));
  catalog::Catalog& catalog = context.home.writing();
  for (const Ingestion& ingestion : catalog.ingestions()) {
    if (ingestion.connection != connection.name) continue;
    throw Error(
        Fault::Conflict, "connection_in_use",
        fmt::format("ingestion {} uses connection {}", ingestion.handle, connection.name),
        fmt::format("Remove it first with `millrace ingestion remove {}`", ingestion.handle));
  }
  catalog.remove_connection(connection.name);
  fs::remove(context.home.path() / "connections" / (connection.name + ".toml"));
  context.terminal.say(fmt::format("Removed connection {}", connection.name));
  return kDone;
}

using Kind = Option::Kind;
const Option kName{"NAME", "The connection", Kind::Argument, "connection"};
const Command kCommands[] = {
    {"connection kinds",
     "What can be connected; with KIND, its settings and an example",
     {{"KIND", "One kind", Kind::OptionalArgument, "kind"}},
     kinds},
    {"connection add",
     "Ask for what is missing, test it, write its TOML",
     {{"KIND", "The kind of warehouse", Kind::Argument, "kind"},
      {"NAME", "A name for it (default: the kind)", Kind::OptionalArgument},
      {"set", "Settings as key=value", Kind::List},
      {"no-test", "Add it without connecting", Kind::Flag}},
     add},
    {"connection list", "The connections", {}, list},
    {"connection show", "One connection as TOML, without secrets", {kName}, show},
    {"connection test", "Reach it, log in, read; say what is wrong", {kName}, test},
    {"connection tables",
     "Its tables",
     {kName, {"PATTERN", "Part of a name", Kind::OptionalArgument}},
     tables},
    {"connection columns",
     "The columns of a table",
     {kName, {"TABLE", "The table, or a file or glob", Kind::Argument}},
     columns},
    {"connection remove", "Forget a connection that nothing uses", {kName}, remove},
};

}  // namespace

std::span<const Command> connection_commands() { return kCommands; }

}  // namespace millrace::cli
