#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/connections.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/questions.h"
#include "definition/plan.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

json::Value capabilities(const warehouse::Capabilities& facts) {
  return {{"fingerprint_sees_updates", facts.fingerprint_sees_updates},
          {"arrow_native", facts.arrow_native},
          {"folder_layout", facts.folder_layout},
          {"tells_writes", facts.tells_writes},
          {"count_reads_rows", facts.count_reads_rows},
          {"reads_max", facts.reads_max}};
}

ExitCode kinds(Context& context, const Arguments& arguments) {
  json::Value answers = json::Value::array();
  Table table{{"kind", "what it is"}, {}};
  const std::string wanted = arguments.get("KIND");
  if (!wanted.empty()) warehouse::kind_named(wanted);
  for (const warehouse::Kind* kind : warehouse::kinds()) {
    if (!wanted.empty() && wanted != kind->name) continue;
    Table fields{{"setting", "needed", "example", "what it is"}, {}};
    for (const warehouse::Setting& setting : kind->settings) {
      fields.rows.push_back(
          {std::string(setting.name), setting.required ? "yes" : "", std::string(setting.example),
           fmt::format("{}{}", setting.help, setting.secret ? ", by reference" : "")});
    }
    answers.push_back({{"kind", kind->name},
                       {"title", kind->title},
                       {"about", kind->about},
                       {"settings", api::settings_json(*kind)},
                       {"capabilities", capabilities(kind->capabilities)}});
    table.rows.push_back({std::string(kind->name), std::string(kind->about)});
    if (!wanted.empty() && !context.terminal.json()) {
      context.terminal.say(fmt::format("{}: {}\n", kind->title, kind->about));
      context.terminal.print(fields);
      context.terminal.say(fmt::format(
          "\nExample: millrace connection add {} NAME --set {}\nWhat is missing is asked for; a "
          "secret is kept in the home's secrets folder",
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

std::map<std::string, std::string> given_settings(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> settings;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      wrong_usage(fmt::format("--set takes KEY=VALUE, not {}", pair),
                  "Write --set host=127.0.0.1 port=5432; the name comes before --set");
    }
    settings[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return settings;
}

/// Asks a person for what is missing: what is required, and secrets.
void ask_for_missing(Terminal& terminal, const warehouse::Kind& kind,
                     std::map<std::string, std::string>& settings) {
  if (!terminal.can_ask()) return;
  for (const warehouse::Setting& setting : kind.settings) {
    const bool applies =
        setting.only_with.empty() || settings.contains(std::string(setting.only_with));
    if (!applies || settings.contains(std::string(setting.name))) continue;
    if (!setting.required && !setting.secret) continue;
    const std::string_view enter = setting.required ? "" : "; Enter for none";
    const std::string answer =
        terminal.ask(fmt::format("{} ({}{})", setting.name, setting.help, enter), setting.fallback,
                     setting.secret);
    if (!answer.empty()) settings[std::string(setting.name)] = answer;
  }
}

/// Where each secret that was given in clear goes; the connection then refers to it.
std::map<std::string, std::string> take_secrets(const warehouse::Kind& kind,
                                                Connection& connection) {
  std::map<std::string, std::string> secrets;
  for (const warehouse::Setting& setting : kind.settings) {
    const auto found = connection.settings.find(std::string(setting.name));
    if (!setting.secret || found == connection.settings.end() || found->second.empty()) continue;
    std::string& value = found->second;
    if (value.starts_with("env:") || value.starts_with("file:")) continue;
    const std::string file = fmt::format("secrets/{}.{}", connection.name, setting.name);
    secrets[file] = std::exchange(value, "file:" + file);
  }
  return secrets;
}

void require_probe(Context& context, const Connection& connection) {
  const ProbeReport report = probe(context, connection);
  print_probe(context.terminal, report);
  if (report.ok()) return;
  const auto failed = std::ranges::find_if(report.steps, [](const auto& step) { return !step.ok; });
  // People have read why, and what to do about it, with the steps.
  const bool is_told = !context.terminal.json();
  const bool is_sentence = failed->advice.ends_with('?') || failed->advice.ends_with('.');
  throw Error(Fault::Misconfigured, "probe_failed",
              fmt::format("connection {} was not added: {} failed{}", connection.name, failed->name,
                          is_told ? "" : ": " + failed->detail),
              is_told || failed->advice.empty()
                  ? "Mend that, or add it untested with --no-test"
                  : fmt::format("{}{} add it untested with --no-test", failed->advice,
                                is_sentence ? " Or" : "; or"));
}

/// The files of a connection, gone again unless it gets known.
class WrittenFiles {
 public:
  ~WrittenFiles() {
    std::error_code ignored;
    for (const fs::path& path : paths_) fs::remove(path, ignored);
  }
  void write(const fs::path& path, const std::string& text, unsigned mode) {
    paths_.push_back(path);
    file::write(path, text, mode);
  }
  void keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;
};

fs::path write_connection(Context& context, const Connection& connection,
                          const std::map<std::string, std::string>& secrets) {
  const fs::path home = context.home.path();
  const fs::path path = home / "connections" / (connection.name + ".toml");
  WrittenFiles files;
  if (!secrets.empty()) {
    file::make_folders(home / "secrets");
    fs::permissions(home / "secrets", fs::perms::owner_all);
  }
  for (const auto& [file, secret] : secrets) files.write(home / file, secret, 0600);
  file::make_folders(path.parent_path());
  files.write(path, definition::to_toml(connection), 0644);
  definition::apply(definition::read_files(path, context.home.configuration()),
                    context.home.writing(), false);
  files.keep();
  return path;
}

ExitCode add(Context& context, const Arguments& arguments) {
  const warehouse::Kind& kind = warehouse::kind_named(arguments.get("KIND"));
  Connection connection{
      .name = arguments.has("NAME") ? arguments.get("NAME") : std::string(kind.name),
      .kind = std::string(kind.name),
      .settings = given_settings(arguments.all("set")),
      .managed_by = {}};
  const std::string& name = connection.name;
  definition::require_name(name, "connection");
  const fs::path file = context.home.path() / "connections" / (name + ".toml");
  if (context.home.reading().connection(name) || fs::exists(file)) {
    throw Error(
        Fault::Conflict, "connection_exists", fmt::format("there is a connection {} already", name),
        fmt::format("Edit its file and `millrace apply` it, or `millrace connection remove {}`",
                    name));
  }
  ask_for_missing(context.terminal, kind, connection.settings);
  Connection untold = connection;
  const auto secrets = take_secrets(kind, connection);
  warehouse::validate(kind, connection.settings, context.home.configuration().file_roots);
  if (!arguments.has("no-test")) require_probe(context, untold);
  const fs::path path = write_connection(context, connection, secrets);
  if (context.terminal.json()) {
    context.terminal.answer({{"connection", name}, {"file", path.string()}});
  }
  context.terminal.say(
      fmt::format("Added {} ({}), written to {}", name, kind.title, path.string()));
  for (const auto& [secret, value] : secrets) {
    context.terminal.say(fmt::format("Its secret lies in {}, for your eyes only",
                                     (context.home.path() / secret).string()));
  }
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
  const json::Value found = ask(context, order, "connection " + arguments.get("NAME"));
  Table table{{"schema", "name", "kind"}, {}};
  for (const json::Value& entry : found) {
    const auto row = json::table(entry);
    table.rows.push_back({row.schema, row.name, row.kind});
  }
  if (context.terminal.json()) {
    context.terminal.answer(found);
  } else if (!table.rows.empty()) {
    context.terminal.print(table);
  } else {
    context.terminal.say(order.text.empty() ? "There is no table that this account may read"
                                            : fmt::format("There is no table like {}", order.text));
  }
  return table.rows.empty() ? kNothingFound : kDone;
}

ExitCode columns(Context& context, const Arguments& arguments) {
  WorkOrder order =
      question(context, known_connection(context, arguments.get("NAME")), Verb::Columns);
  order.text = arguments.get("TABLE");
  print_columns(context.terminal, ask(context, order, "connection " + arguments.get("NAME")));
  return kDone;
}

/// What `connection add` wrote: its file, and the secrets that it refers to.
void remove_files(const fs::path& home, const Connection& connection) {
  std::error_code ignored;
  const std::string file = fmt::format("connections/{}.toml", connection.name);
  if (connection.managed_by == "file:" + file) fs::remove(home / file, ignored);
  for (const auto& [key, value] : connection.settings) {
    const std::string secret = fmt::format("secrets/{}.{}", connection.name, key);
    if (value == "file:" + secret) fs::remove(home / secret, ignored);
  }
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
  remove_files(context.home.path(), connection);
  if (context.terminal.json()) {
    context.terminal.answer({{"connection", connection.name}, {"removed", true}});
  }
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
      {"set", "Its settings; a secret as env:VARIABLE, file:secrets/NAME, or itself", Kind::List,
       "setting"},
      {"no-test", "Add it without connecting", Kind::Flag}},
     add,
     R"(A secret that is asked for, or given itself, goes into the home's secrets folder (0600).

Examples
  millrace connection add postgres shop
  millrace connection add postgres shop --set host=db database=shop user=reader password=env:PW
  millrace connection add files exports --set path=/data/exports)"},
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
