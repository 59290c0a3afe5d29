#include "cli/questions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "definition/files.h"

namespace millrace::cli {
namespace {

constexpr std::size_t kCellMax = 60;

std::string cell(const json::Value& value) {
  std::string text = value.is_null()     ? ""
                     : value.is_string() ? value.get<std::string>()
                                         : value.dump();
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  if (text.size() <= kCellMax) return text;
  std::size_t cut = kCellMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "…";
}

}  // namespace

Connection known_connection(Context& context, const std::string& name) {
  if (const auto connection = context.home.reading().connection(name)) return *connection;
  throw Error(Fault::Misconfigured, "unknown_connection",
              fmt::format("there is no connection '{}'", name), "See `millrace connection list`");
}

WorkOrder question(Context& context, const Connection& connection, Verb verb) {
  const definition::Configuration& configuration = context.home.configuration();
  WorkOrder order;
  order.verb = verb;
  order.kind = connection.kind;
  order.settings = definition::resolve(connection, context.home.path());
  order.roots = configuration.file_roots;
  order.unit_types = configuration.project.unit_types;
  order.definition.zone = configuration.project.zone.name();
  return order;
}

ProbeReport probe(Context& context, const Connection& connection) {
  return json::probe_report(
      pipeline::run_worker(question(context, connection, Verb::Probe), {}, context.stop));
}

void print_probe(Terminal& terminal, const ProbeReport& report) {
  for (const ProbeReport::Step& step : report.steps) {
    terminal.say(fmt::format("{} {:<16} {}",
                             terminal.toned(step.ok ? "ok " : "BAD",
                                            step.ok ? Terminal::Tone::Good : Terminal::Tone::Bad),
                             step.name, step.detail));
    if (!step.advice.empty()) terminal.say("    what to do: " + step.advice);
  }
  if (!report.server.empty()) terminal.say("server: " + report.server);
}

void print_columns(Terminal& terminal, const json::Value& columns) {
  if (terminal.json()) {
    terminal.answer(columns);
    return;
  }
  Table table{{"column", "type", "the warehouse's type"}, {}};
  for (const json::Value& entry : columns) {
    const Column column = json::column(entry);
    table.rows.push_back({column.name, std::string(name_of(column.type)), column.vendor_type});
  }
  terminal.print(table);
}

void print_rows(Terminal& terminal, const json::Value& rows) {
  if (terminal.json()) {
    terminal.answer(rows);
    return;
  }
  Table table;
  for (const json::Value& row : rows) {
    std::vector<std::string> cells;
    for (const auto& [name, value] : row.items()) {
      if (table.rows.empty()) table.header.push_back(name);
      cells.push_back(cell(value));
    }
    table.rows.push_back(std::move(cells));
  }
  if (!table.rows.empty()) terminal.print(table);
  terminal.say(fmt::format("{} {}", table.rows.size(), table.rows.size() == 1 ? "row" : "rows"));
}

std::string example_settings(const warehouse::Kind& kind) {
  std::string text;
  for (const warehouse::Setting& setting : kind.settings) {
    if (!setting.required) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", setting.name, setting.example);
  }
  return text;
}

std::string sql_or_file(const std::string& given) {
  const bool names_file =
      given.find_first_of(" \n\t") == std::string::npos && given.ends_with(".sql");
  return names_file ? file::read(given) : given;
}

}  // namespace millrace::cli
