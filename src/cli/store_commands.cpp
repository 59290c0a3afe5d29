#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/doctor.h"
#include "model/json.h"
#include "pipeline/rebuild.h"
#include "pipeline/sweep.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

ExitCode sweep(Context& context, const Arguments& arguments) {
  const bool dry_run = arguments.has("dry-run");
  std::chrono::seconds retention = pipeline::kRetention;
  if (arguments.has("older-than")) {
    retention = std::chrono::days(arguments.number("older-than", 0));
  }
  if (arguments.has("now")) retention = std::chrono::seconds(0);
  pipeline::House& house = context.home.house(true);
  pipeline::Swept swept;
  {
    const ProgressBar clock(context.terminal, "Sweeping");
    swept = pipeline::sweep(house, dry_run, arguments.has("foreign"), retention);
  }
  if (context.terminal.json()) {
    context.terminal.answer(
        {{"removed", swept.removed}, {"foreign", swept.foreign}, {"bytes", swept.bytes}});
    return kDone;
  }
  for (const std::string& path : swept.foreign) {
    context.terminal.say(fmt::format("not ours: {}", path));
  }
  context.terminal.say(fmt::format("{} {} files ({})", dry_run ? "Would remove" : "Removed",
                                   swept.removed.size(), bytes_text(swept.bytes)));
  if (!swept.foreign.empty() && !arguments.has("foreign")) {
    context.terminal.say(
        fmt::format("{} files were made by nobody this catalog knows; "
                    "`sweep --foreign` deletes them",
                    swept.foreign.size()));
  }
  return kDone;
}

/// SQLite's file and what lies beside it, under another name.
void rename_catalog(const fs::path& from, const fs::path& to) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (fs::exists(from.string() + suffix))
      fs::rename(from.string() + suffix, to.string() + suffix);
  }
}

ExitCode rebuild_catalog(Context& context, const Arguments&) {
  Home& home = context.home;
  const fs::path path = home.catalog_path();
  pipeline::settle_old_catalog(path, home.store(), real_env());
  // Whole before it takes the old one's place: a rebuild that fails changes nothing.
  const fs::path beside = path.string() + ".rebuilding";
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(beside.string() + suffix);
  pipeline::Rebuilt rebuilt;
  {
    const ProgressBar clock(context.terminal, "Reading the store's records");
    catalog::Catalog catalog({.path = beside}, real_env());
    catalog.set_project(home.configuration().project);
    rebuilt = pipeline::rebuild_catalog(catalog, home.store(), real_env());
  }
  if (fs::exists(path)) {
    const fs::path aside = fmt::format("{}.before-rebuild-{}", path.string(),
                                       real_env().now().time_since_epoch().count());
    rename_catalog(path, aside);
    context.terminal.note(fmt::format("The old catalog lies in {}", aside.string()));
  }
  rename_catalog(beside, path);
  if (context.terminal.json()) {
    context.terminal.answer({{"records", rebuilt.records},
                             {"unpublished", rebuilt.unpublished},
                             {"not_restorable", rebuilt.not_restorable}});
    return kDone;
  }
  context.terminal.say(fmt::format("Rebuilt from {}", counted(rebuilt.records, "publish record")));
  for (const std::string& load : rebuilt.unpublished) {
    context.terminal.say(fmt::format("load {} was never published", load));
  }
  for (const std::string& what : rebuilt.not_restorable) {
    context.terminal.say(fmt::format("not in the store: {}", what));
  }
  context.terminal.say(fmt::format("Next: `millrace apply {}` defines again what its files say",
                                   home.path().string()));
  return kDone;
}

ExitCode doctor(Context& context, const Arguments&) {
  const std::vector<ProbeReport::Step> findings = examine(context.home);
  bool all_well = true;
  json::Value answers = json::Value::array();
  for (const ProbeReport::Step& finding : findings) {
    all_well = all_well && finding.ok;
    answers.push_back({{"what", finding.name},
                       {"ok", finding.ok},
                       {"detail", finding.detail},
                       {"advice", finding.advice}});
    print_finding(context.terminal, finding);
  }
  if (context.terminal.json()) context.terminal.answer(answers);
  return all_well ? kDone : kFailed;
}

using Kind = Option::Kind;
const Command kCommands[] = {
    {"doctor",
     "Check engine, drivers, disk, clock, permissions",
     {},
     doctor,
     "Exits with 1 when something is BAD. Warehouses are tested by `millrace connection test "
     "NAME`."},
    {"sweep",
     "Remove files that no version needs",
     {{"dry-run", "Only say what would go", Kind::Flag},
      {"foreign", "Also delete data files that no load of this catalog made", Kind::Flag},
      {"older-than", "Days that superseded versions are kept for `undo` (default 30, at most 90)",
       Kind::Value, "number"},
      {"now", "Keep no superseded version", Kind::Flag}},
     sweep},
    {"rebuild-catalog",
     "Make the catalog again from the records in the store",
     {},
     rebuild_catalog,
     R"(For a catalog that was lost, damaged, copied, or restored from an older backup. The old one
is kept beside the new one.)"},
};

}  // namespace

std::span<const Command> store_commands() { return kCommands; }

}  // namespace millrace::cli
