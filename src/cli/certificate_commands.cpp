#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli/one_day.h"
#include "model/json.h"

namespace millrace::cli {
namespace {

/// What a certificate says, a line each; also how two of them are compared.
std::vector<std::pair<std::string, std::string>> lines_of(const Version& version) {
  const Certificate& proof = version.certificate;
  std::vector<std::pair<std::string, std::string>> lines{
      {"source rows read", grouped(proof.read)},
      {"  wholly loaded", grouped(proof.loaded)},
      {"  partly loaded", grouped(proof.partly_loaded)},
      {"  rejected", grouped(proof.rejected)},
      {"  excluded by rule", grouped(proof.excluded)}};
  const auto add = [&](std::string_view what, const Reasons& reasons) {
    for (const auto& [reason, rows] : reasons) {
      lines.emplace_back(fmt::format("    {} {}", what, reason), grouped(rows));
    }
  };
  add("rejected", proof.rejected_by_reason);
  add("partly", proof.partly_by_reason);
  add("excluded", proof.excluded_by_rule);
  lines.emplace_back("adds up", proof.adds_up() ? "yes" : "NO");
  lines.emplace_back("output rows", grouped(proof.output_rows));
  lines.emplace_back("counted by the source",
                     proof.source_count ? grouped(*proof.source_count) : "–");
  lines.emplace_back("counted by", proof.counted_by);
  lines.emplace_back("one snapshot", proof.snapshot ? "yes" : "no");
  lines.emplace_back("fingerprint before", proof.before ? proof.before->sum : "–");
  lines.emplace_back("fingerprint after", proof.after ? proof.after->sum : "–");
  for (const auto& [column, sum] : proof.sums) lines.emplace_back("sum of " + column, sum);
  lines.emplace_back("definition", version.revision);
  return lines;
}

}  // namespace

ExitCode certificate(Context& context, const Arguments& arguments) {
  const Version version = current_version(asked(context, arguments, false));
  if (context.terminal.json()) {
    json::Value value = json::from(version.certificate);
    value["version"] = version.id;
    value["adds_up"] = version.certificate.adds_up();
    context.terminal.answer(value);
    return kDone;
  }
  context.terminal.say(fmt::format("Certificate of {} {}, version {}", arguments.get("NAME"),
                                   version.day.text(), version.id));
  for (const auto& [what, value] : lines_of(version)) {
    context.terminal.say(fmt::format("{:<28} {}", what, value));
  }
  return kDone;
}

ExitCode diff(Context& context, const Arguments& arguments) {
  const Asked it = asked(context, arguments, false);
  const auto versions = it.house.catalog.history(it.ingestion.id, it.day);
  if (versions.empty()) current_version(it);  // Says that there is none.
  if (versions.size() < 2 && !arguments.has("V2")) {
    context.terminal.say("There is one version only; nothing to compare");
    if (context.terminal.json()) context.terminal.answer(json::Value::array());
    return kNothingFound;
  }
  const Version newer = arguments.has("V2")   ? version_of(it, arguments.get("V2"))
                        : arguments.has("V1") ? current_version(it)
                                              : versions[0];
  const Version older = arguments.has("V1") ? version_of(it, arguments.get("V1")) : versions[1];
  std::map<std::string, std::string> before;
  for (const auto& [what, value] : lines_of(older)) before[what] = value;
  json::Value answers = json::Value::array();
  Table table{{"", "before", "after"}, {}};
  for (const auto& [what, value] : lines_of(newer)) {
    const std::string old = before.contains(what) ? before[what] : "–";
    before.erase(what);
    if (old != value) table.rows.push_back({what, old, value});
  }
  for (const auto& [what, value] : before) table.rows.push_back({what, value, "–"});
  for (const auto& row : table.rows) {
    answers.push_back({{"what", row[0]}, {"before", row[1]}, {"after", row[2]}});
  }
  if (context.terminal.json()) {
    context.terminal.answer(answers);
    return kDone;
  }
  context.terminal.say(
      fmt::format("{} {}: {} -> {}", it.ingestion.handle, it.day.text(), older.id, newer.id));
  if (table.rows.empty()) {
    context.terminal.say("The certificates are the same");
  } else {
    context.terminal.print(table);
  }
  return kDone;
}

}  // namespace millrace::cli
