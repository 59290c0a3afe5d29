#include <fmt/format.h>
#include <sys/statvfs.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "cli/command.h"
#include "engine/database.h"
#include "model/json.h"
#include "pipeline/sweep.h"
#include "pipeline/tell.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    const auto first = part.find_first_not_of(' ');
    if (first != std::string::npos) {
      parts.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
    }
  }
  return parts;
}

ExitCode init(Context& context, const Arguments& arguments) {
  Home& home = context.home;
  if (home.exists()) {
    throw Error(Fault::Conflict, "home_exists",
                fmt::format("{} is a Millrace home already", home.path().string()),
                "Edit its millrace.toml to change it");
  }
  std::string zone = arguments.get("zone"), units = arguments.get("unit-types");
  const auto choose = [&](std::string& value, std::string_view question, std::string_view usual) {
    if (!value.empty()) return;
    value = context.terminal.can_ask() ? context.terminal.ask(question, usual, false)
                                       : std::string(usual);
  };
  choose(zone,
         "The project's time zone: days begin at its midnight (UTC-8 is the hosted product's)",
         "UTC-8");
  choose(units, "Unit types, separated by commas", "userID,stableID");
  definition::Configuration configuration;
  configuration.home = home.path();
  configuration.project.zone = Zone::named(zone);
  configuration.project.unit_types = split(units);
  for (const std::string& root : arguments.all("files-root")) {
    configuration.file_roots.push_back(fs::absolute(root).lexically_normal().string());
  }
  file::make_folders(home.path());
  definition::write_configuration(configuration);
  home.writing();
  if (context.terminal.json()) {
    context.terminal.answer({{"home", home.path().string()},
                             {"zone", zone},
                             {"unit_types", configuration.project.unit_types}});
  }
  context.terminal.say(fmt::format("Made {} (zone {}, unit types {})", home.path().string(), zone,
                                   fmt::join(configuration.project.unit_types, ", ")));
  context.terminal.say(
      "Next: `millrace connection add KIND NAME`; the kinds: `millrace connection kinds`");
  return kDone;
}

ExitCode sweep(Context& context, const Arguments& arguments) {
  const bool dry_run = arguments.has("dry-run");
  const auto hours = std::chrono::hours(24 * 7);
  std::chrono::seconds retention = hours;
  if (arguments.has("older-than")) {
    retention = std::chrono::hours(24 * arguments.number("older-than", 7));
  }
  if (arguments.has("now")) retention = std::chrono::seconds(0);
  pipeline::House& house = context.home.house(true);
  const auto swept = pipeline::sweep(house, dry_run, arguments.has("foreign"), retention);
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

ExitCode rebuild_catalog(Context& context, const Arguments&) {
  Home& home = context.home;
  const fs::path path = home.catalog_path();
  if (fs::exists(path)) {
    const fs::path aside = fmt::format("{}.before-rebuild-{}", path.string(),
                                       real_env().now().time_since_epoch().count());
    fs::rename(path, aside);
    for (const char* suffix : {"-wal", "-shm"}) {
      std::error_code ignored;
      fs::rename(path.string() + suffix, aside.string() + suffix, ignored);
    }
    context.terminal.note(fmt::format("The old catalog lies in {}", aside.string()));
  }
  catalog::Catalog catalog({.path = path}, real_env());
  catalog.set_project(home.configuration().project);
  const auto rebuilt = pipeline::rebuild_catalog(catalog, home.store(), real_env());
  if (context.terminal.json()) {
    context.terminal.answer({{"records", rebuilt.records},
                             {"unpublished", rebuilt.unpublished},
                             {"not_restorable", rebuilt.not_restorable}});
    return kDone;
  }
  context.terminal.say(fmt::format("Rebuilt from {} publish records", rebuilt.records));
  for (const std::string& load : rebuilt.unpublished) {
    context.terminal.say(fmt::format("load {} was never published", load));
  }
  for (const std::string& what : rebuilt.not_restorable) {
    context.terminal.say(fmt::format("not in the store: {}", what));
  }
  return kDone;
}

struct Finding {
  std::string what;
  bool ok;
  std::string detail, advice;
};

/// One examination; what it throws is its finding.
template <class Look>
Finding look(const std::string& what, const Look& look_at) {
  try {
    return {what, true, look_at(), {}};
  } catch (const Error& error) {
    return {what, false, error.what(), error.advice};
  } catch (const std::exception& error) {
    return {what, false, error.what(), {}};
  }
}

std::string free_space(const fs::path& path) {
  struct statvfs space{};
  if (::statvfs(path.c_str(), &space) != 0) {
    throw Error(Fault::Unavailable, "no_disk", fmt::format("could not ask {}", path.string()));
  }
  const auto bytes = static_cast<std::int64_t>(space.f_bavail * space.f_frsize);
  if (bytes < (1LL << 30)) {
    throw Error(Fault::Unavailable, "disk_full", fmt::format("only {} free", bytes_text(bytes)),
                "Free some space, or run `millrace sweep`");
  }
  return bytes_text(bytes) + " free";
}

std::vector<Finding> examine(Home& home) {
  std::vector<Finding> found;
  found.push_back(look("home", [&] { return home.configuration().home.string(); }));
  found.push_back(look("libraries", [] { return library_folder(); }));
  found.push_back(look("engine", [] { return engine::Database::open({}).version(); }));
  for (const char* extension : {"httpfs", "aws"}) {
    found.push_back(look(fmt::format("engine extension {}", extension), [&] {
      engine::Options options;
      options.extensions = {extension};
      engine::Database::open(options);
      return std::string("loads");
    }));
  }
  found.push_back(look("driver postgres", [] {
    const fs::path driver = fs::path(library_folder()) / "libadbc_driver_postgresql.so";
    if (fs::exists(driver)) return driver.string();
    throw Error(Fault::Misconfigured, "no_driver", driver.string() + " is missing",
                "Run `make build`, or `make install`, again");
  }));
  found.push_back(look("store", [&] {
    home.store();
    return home.configuration().store_root;
  }));
  found.push_back(look("disk", [&] { return free_space(home.configuration().store_root); }));
  found.push_back(look("catalog", [&] {
    home.writing();
    return home.catalog_path().string();
  }));
  found.push_back(look("Delta readers", [&] {
    const auto news = pipeline::tell_others(home.house(true));
    return news.empty() ? std::string("up to date, nobody else writes")
                        : fmt::format("reconciled {}", fmt::join(news, "; "));
  }));
  found.push_back(look("clock", [] { return to_text(real_env().now()); }));
  return found;
}

ExitCode doctor(Context& context, const Arguments&) {
  const std::vector<Finding> found = examine(context.home);
  bool all_well = true;
  json::Value answers = json::Value::array();
  for (const Finding& finding : found) {
    all_well = all_well && finding.ok;
    answers.push_back({{"what", finding.what},
                       {"ok", finding.ok},
                       {"detail", finding.detail},
                       {"advice", finding.advice}});
    context.terminal.say(
        fmt::format("{} {:<24} {}",
                    context.terminal.toned(finding.ok ? "ok " : "BAD",
                                           finding.ok ? Terminal::Tone::Good : Terminal::Tone::Bad),
                    finding.what, finding.detail));
    if (!finding.advice.empty()) context.terminal.say("    what to do: " + finding.advice);
  }
  if (context.terminal.json()) context.terminal.answer(answers);
  return all_well ? kDone : kFailed;
}

ExitCode completion(Context& context, const Arguments& arguments) {
  context.terminal.raw(completion_script(arguments.get("SHELL")));
  return kDone;
}

using Kind = Option::Kind;
const Command kCommands[] = {
    {"init",
     "Make a home here or in --home",
     {{"zone", "The project's zone: UTC-8 (default), or an IANA name"},
      {"unit-types", "Unit types, separated by commas (default userID,stableID)"},
      {"files-root", "Folders that connections of kind `files` may read", Kind::List, "file"}},
     init},
    {"doctor", "Check engine, drivers, disk, clock, permissions", {}, doctor},
    {"sweep",
     "Remove files that no version needs",
     {{"dry-run", "Only say what would go", Kind::Flag},
      {"foreign", "Also delete data files that no load of this catalog made", Kind::Flag},
      {"older-than", "Days that superseded versions are kept for `undo` (default 7)"},
      {"now", "Keep no superseded version", Kind::Flag}},
     sweep},
    {"rebuild-catalog",
     "Make the catalog again from the records in the store",
     {},
     rebuild_catalog},
    {"completion",
     "Print the completion script for bash or zsh",
     {{"SHELL", "bash or zsh", Kind::Argument, "shell"}},
     completion},
};

}  // namespace

std::span<const Command> home_commands() { return kCommands; }

}  // namespace millrace::cli
