#include "cli/questions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/plain_text.h"
#include "definition/files.h"
#include "definition/vault.h"
#include "pipeline/worker.h"

namespace millrace::cli {
namespace {

constexpr std::size_t kCellMax = 60;
constexpr std::size_t kLastCellMax = 200;  ///< Nothing is pushed away by it.

std::string cell(const json::Value& value, std::size_t bytes_max) {
  std::string text = value.is_null()     ? ""
                     : value.is_string() ? value.get<std::string>()
                                         : value.dump();
  text = harmless_cell(text);
  if (text.size() <= bytes_max) return text;
  std::size_t cut = bytes_max;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "…";
}

}  // namespace

Connection known_connection(Context& context, const std::string& name) {
  catalog::Catalog& catalog = context.home.reading();
  if (const auto connection = catalog.connection(name)) return *connection;
  std::vector<std::string> names;
  for (const Connection& connection : catalog.connections()) names.push_back(connection.name);
  throw Error(Fault::Misconfigured, "unknown_connection",
              fmt::format("there is no connection {}{}", name, did_you_mean(nearest(name, names))),
              "See `millrace connection list`");
}

WorkOrder question(Context& context, const Connection& connection, Verb verb) {
  const definition::Configuration& configuration = context.home.configuration();
  WorkOrder order;
  order.verb = verb;
  order.kind = connection.kind;
  definition::Vault vault(context.home.path(), context.home.reading(), real_env());
  order.settings = definition::resolve(connection, context.home.path(), vault);
  order.roots = configuration.file_roots;
  order.unit_types = configuration.project.unit_types;
  order.definition.zone = configuration.project.zone.name();
  return order;
}

json::Value ask(Context& context, const WorkOrder& order, const std::string& where) {
  const ProgressBar clock(context.terminal, fmt::format("Asking {}", where));
  try {
    return pipeline::run_worker(order, {}, context.stop);
  } catch (const Error& error) {
    throw error.at(where);
  }
}

ProbeReport probe(Context& context, const Connection& connection) {
  return json::probe_report(ask(context, question(context, connection, Verb::Probe),
                                fmt::format("connection {}", connection.name)));
}

void print_finding(Terminal& terminal, const ProbeReport::Step& finding) {
  const auto mark = finding.ok ? terminal.toned("ok ", Terminal::Tone::Good)
                               : terminal.toned("BAD", Terminal::Tone::Bad);
  terminal.say(fmt::format("{} {:<18} {}", mark, finding.name, finding.detail));
  if (!finding.advice.empty()) terminal.say("    what to do: " + finding.advice);
}

void print_probe(Terminal& terminal, const ProbeReport& report) {
  for (const ProbeReport::Step& step : report.steps) print_finding(terminal, step);
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

void print_rows(Terminal& terminal, const json::Value& rows, bool more) {
  if (terminal.json()) {
    terminal.answer(rows);
    return;
  }
  Table table;
  for (const json::Value& row : rows) {
    std::vector<std::string> cells;
    for (const auto& [name, value] : row.items()) {
      if (table.rows.empty()) table.header.push_back(name);
      cells.push_back(cell(value, cells.size() + 1 < row.size() ? kCellMax : kLastCellMax));
    }
    table.rows.push_back(std::move(cells));
  }
  if (!table.rows.empty()) terminal.print(table);
  const std::string count = counted(static_cast<std::int64_t>(table.rows.size()), "row");
  terminal.say(more ? fmt::format("The first {}; --json gives all", count) : count);
}

std::string example_settings(const warehouse::Kind& kind) {
  std::string text;
  for (const warehouse::Setting& setting : kind.settings) {
    if (!setting.required) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", setting.name, setting.example);
  }
  return text;
}

}  // namespace millrace::cli
