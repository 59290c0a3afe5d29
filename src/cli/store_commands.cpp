#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
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
  Retention retention = context.home.configuration().retention;
  if (arguments.has("older-than")) {
    retention.versions = std::chrono::days(arguments.number("older-than", 0));
  }
  if (arguments.has("now")) retention.versions = std::chrono::seconds(0);
  pipeline::House& house = context.home.house(true);
  pipeline::Swept swept;
  {
    const ProgressBar clock(context.terminal, "Sweeping");
    swept = pipeline::sweep(house, dry_run, arguments.has("foreign"), retention);
  }
  if (!dry_run) {
    house.catalog.note("store_sweep", house.store.id(),
                       fmt::format("{} removed, {}{}",
                                   counted(static_cast<std::int64_t>(swept.removed.size()), "file"),
                                   bytes_text(swept.bytes),
                                   arguments.has("foreign") ? ", also foreign ones" : ""));
  }
  if (context.terminal.json()) {
    context.terminal.answer(
        {{"removed", swept.removed}, {"foreign", swept.foreign}, {"bytes", swept.bytes}});
    return kDone;
  }
  for (const std::string& path : swept.foreign) {
    context.terminal.say(fmt::format("not ours: {}", path));
  }
  context.terminal.say(fmt::format("{} {} ({})", dry_run ? "Would remove" : "Removed",
                                   counted(static_cast<std::int64_t>(swept.removed.size()), "file"),
                                   bytes_text(swept.bytes)));
  if (!swept.foreign.empty() && !arguments.has("foreign")) {
    context.terminal.say(
        fmt::format("{} made by nobody this catalog knows; `sweep --foreign` deletes what is",
                    counted(static_cast<std::int64_t>(swept.foreign.size()), "file") +
                        (swept.foreign.size() == 1 ? " was" : " were")));
  }
  return kDone;
}

/// For the audit log. What was done is done, also where that cannot be written.
void note(Context& context, const char* action, const fs::path& file, const std::string& about) {
  try {
    context.home.writing().note(action, file.filename().string(), about);
  } catch (const Error& error) {
    context.terminal.note(fmt::format("not in the audit log: {}", error.what()));
  }
}

/// SQLite's file and what lies beside it, under another name.
void rename_catalog(const fs::path& from, const fs::path& to) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (fs::exists(from.string() + suffix))
      fs::rename(from.string() + suffix, to.string() + suffix);
  }
}

[[noreturn]] void no_backup(const fs::path& path, const char* why) {
  throw Error(Fault::Misconfigured, "no_backup",
              fmt::format("{} is no backup of a catalog: {}", path.string(), why),
              "Name a file that `millrace backup` made");
}

void make_durable(const fs::path& copy) {
  fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write);
  file::sync(copy);
}

/// Makes the home's catalog anew, from `base` (empty: from nothing) and the store's records.
pipeline::Rebuilt replace_catalog(Context& context, const fs::path& base) {
  Home& home = context.home;
  const fs::path path = home.catalog_path();
  pipeline::settle_old_catalog(path, home.store(), real_env());
  // Whole before it takes the old one's place: a rebuild that fails changes nothing.
  const fs::path beside = path.string() + ".rebuilding";
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(beside.string() + suffix);
  if (!base.empty()) {
    if (!fs::is_regular_file(base)) no_backup(base, "there is no such file");
    fs::copy_file(base, beside);
    make_durable(beside);
  }
  pipeline::Rebuilt rebuilt;
  {
    const ProgressBar clock(context.terminal, "Reading the store's records");
    catalog::Catalog catalog({.path = beside}, real_env());
    if (!base.empty() && catalog.store_id().empty()) no_backup(base, "it names no store");
    catalog.close_dead_loads();
    catalog.set_project(home.configuration().project);
    rebuilt = pipeline::rebuild_catalog(catalog, home.store(), real_env());
  }
  if (fs::exists(path)) {
    const fs::path aside =
        fmt::format("{}.before-{}-{}", path.string(), base.empty() ? "rebuild" : "restore",
                    real_env().now().time_since_epoch().count());
    rename_catalog(path, aside);
    context.terminal.note(fmt::format("The old catalog lies in {}", aside.string()));
  }
  rename_catalog(beside, path);
  return rebuilt;
}

ExitCode rebuild_catalog(Context& context, const Arguments&) {
  const pipeline::Rebuilt rebuilt = replace_catalog(context, {});
  note(
      context, "catalog_rebuild", context.home.catalog_path(),
      fmt::format("the catalog is made again from {}", counted(rebuilt.records, "publish record")));
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
                                   context.home.path().string()));
  return kDone;
}

ExitCode back_up(Context& context, const Arguments& arguments) {
  const fs::path copy = fs::absolute(arguments.get("FILE"));
  if (!fs::is_directory(copy.parent_path())) {
    throw Error(Fault::Misconfigured, "no_folder",
                fmt::format("could not write {}: there is no folder {}", copy.string(),
                            copy.parent_path().string()),
                "Make the folder first, or name a file in another one");
  }
  const fs::path partial = copy.string() + ".partial";
  fs::remove(partial);
  {
    const ProgressBar clock(context.terminal, "Copying the catalog");
    if (fs::exists(copy)) context.home.reading().back_up(copy);  // Says so.
    context.home.reading().back_up(partial);
  }
  make_durable(partial);
  fs::rename(partial, copy);
  const auto bytes = static_cast<std::int64_t>(fs::file_size(copy));
  note(context, "catalog_backup", copy, "the catalog is copied to " + copy.string());
  if (context.terminal.json()) {
    context.terminal.answer({{"file", copy.string()}, {"bytes", bytes}});
    return kDone;
  }
  context.terminal.say(
      fmt::format("{} of the catalog are in {}; the store and the secrets are "
                  "files for any copying tool",
                  bytes_text(bytes), copy.string()));
  return kDone;
}

ExitCode restore(Context& context, const Arguments& arguments) {
  const fs::path backup = fs::absolute(arguments.get("FILE"));
  const pipeline::Rebuilt rebuilt = replace_catalog(context, backup);
  note(context, "catalog_restore", backup,
       fmt::format("the catalog is that of {}, and {} since then", backup.string(),
                   counted(rebuilt.added, "publish record")));
  if (context.terminal.json()) {
    context.terminal.answer({{"file", backup.string()},
                             {"records", rebuilt.records},
                             {"added", rebuilt.added},
                             {"unpublished", rebuilt.unpublished}});
    return kDone;
  }
  context.terminal.say(fmt::format("Restored from {}, and {} that the store holds since then",
                                   backup.string(), counted(rebuilt.added, "publish record")));
  for (const std::string& load : rebuilt.unpublished) {
    context.terminal.say(fmt::format("load {} was never published", load));
  }
  context.terminal.say("Not in the store: checks, keys and failed loads since the backup");
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
      {"older-than", "Days that superseded versions are kept for `undo`, at most 90", Kind::Value,
       "number"},
      {"now", "Keep no superseded version", Kind::Flag}},
     sweep,
     R"(Removes superseded versions and rejected rows that were kept for long enough: 30 days, or as
[retention] in millrace.toml says. `millrace serve` does it by itself once a day.)"},
    {"rebuild-catalog",
     "Make the catalog again from the records in the store",
     {},
     rebuild_catalog,
     R"(For a catalog that was lost, damaged, copied, or restored from an older backup. The old one
is kept beside the new one.)"},
    {"backup",
     "Copy the catalog into a file, while everything goes on",
     {{"FILE", "The file to make", Kind::Argument, "file"}},
     back_up,
     R"(The catalog alone: the store and the home's other files are copied by any tool.)"},
    {"restore",
     "Bring the catalog back from a backup, and what the store tells since",
     {{"FILE", "What `backup` made", Kind::Argument, "file"}},
     restore,
     R"(Stop `millrace serve` first. Days that were published after the backup come from the
records in the store, so none is lost; the catalog that was there is kept beside the new one.)"},
};

}  // namespace

std::span<const Command> store_commands() { return kCommands; }

}  // namespace millrace::cli
