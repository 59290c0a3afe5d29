#include "cli/home.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "definition/vault.h"

namespace millrace::cli {
namespace fs = std::filesystem;

namespace {

/// The project's unit types are those of its file, then those that the API made.
void add_unit_types_of_api(Project& project, catalog::Catalog& catalog) {
  std::vector<std::string>& names = project.unit_types;
  for (const catalog::UnitType& type : catalog.unit_types()) {
    const bool is_known = std::ranges::find(names, type.name) != names.end();
    if (!type.file && !is_known) names.push_back(type.name);
  }
}

void add_unit_types_of_api(definition::Configuration& configuration) {
  if (!fs::exists(configuration.catalog_url)) return;
  try {
    catalog::Catalog catalog({.path = configuration.catalog_url, .read_only = true}, real_env());
    add_unit_types_of_api(configuration.project, catalog);
  } catch (const Error& error) {
    // Whoever needs the catalog will say what is wrong with it.
    log::debug("could not ask the catalog for unit types", {{"error", error.what()}});
  }
}

/// Whose shell it is, for the audit log.
catalog::Actor actor_of_shell() {
  const passwd* user = getpwuid(getuid());
  return {.kind = "shell", .id = {}, .name = user ? user->pw_name : std::to_string(getuid())};
}

}  // namespace

fs::path Home::find(const std::string& given) {
  if (!given.empty()) return fs::absolute(given);
  if (const std::string named = environment_variable("MILLRACE_HOME"); !named.empty()) {
    return fs::absolute(named);
  }
  std::error_code ignored;
  for (fs::path folder = fs::current_path(ignored); !folder.empty();
       folder = folder.parent_path()) {
    if (fs::exists(folder / "millrace.toml", ignored)) return folder;
    if (folder == folder.parent_path()) break;
  }
  return fs::path(environment_variable("HOME")) / ".millrace";
}

bool Home::exists() const {
  std::error_code problem;
  if (fs::exists(path_ / "millrace.toml", problem)) return true;
  if (problem != std::errc::permission_denied) return false;
  throw Error(Fault::Misconfigured, "no_permission",
              fmt::format("looking into the home {} failed: {}", path_.string(), problem.message()),
              "Let this user read the folder, or name another with --home or $MILLRACE_HOME");
}

void Home::require() {
  if (exists()) return;
  throw Error(Fault::Misconfigured, "no_home",
              fmt::format("there is no Millrace home in {}", path_.string()),
              "Make one with `millrace init`, or name another with --home or $MILLRACE_HOME");
}

const definition::Configuration& Home::configuration() {
  require();
  if (!configuration_) {
    configuration_ = definition::read_configuration(path_);
    add_unit_types_of_api(*configuration_);
  }
  return *configuration_;
}

fs::path Home::catalog_path() { return configuration().catalog_url; }

catalog::Catalog& Home::reading() {
  if (catalog_) return *catalog_;
  if (!fs::exists(catalog_path())) return writing();
  catalog_ = std::make_unique<catalog::Catalog>(
      catalog::Catalog::Options{.path = catalog_path(), .read_only = true}, real_env());
  return *catalog_;
}

catalog::Catalog& Home::writing() {
  if (catalog_ && writable_) return *catalog_;
  house_.reset();
  catalog_.reset();
  auto catalog = std::make_unique<catalog::Catalog>(
      catalog::Catalog::Options{.path = catalog_path()}, real_env());
  catalog->act_as(actor_ ? *actor_ : actor_of_shell());
  pipeline::claim_store(*catalog, store(), real_env());
  Project wanted = configuration().project;
  add_unit_types_of_api(wanted, *catalog);
  const Project known = catalog->project();
  if (known.zone != wanted.zone || known.unit_types != wanted.unit_types) {
    catalog->set_project(wanted);
  }
  catalog_ = std::move(catalog);
  writable_ = true;
  return *catalog_;
}

store::Store& Home::store() {
  if (!store_) {
    const fs::path root = configuration().store_root;
    store_ = std::make_unique<store::Store>(store::local_folder(root), configuration().project.id,
                                            real_env());
  }
  return *store_;
}

pipeline::House& Home::house(bool write) {
  catalog::Catalog& catalog = write ? writing() : reading();
  if (!house_) {
    const fs::path home = path_;
    house_ = std::make_unique<pipeline::House>(
        pipeline::House{.env = real_env(),
                        .catalog = catalog,
                        .store = store(),
                        .project = configuration().project,
                        .file_roots = configuration().file_roots,
                        .resolve =
                            [home, &catalog](const Connection& connection) {
                              definition::Vault vault(home, catalog, real_env());
                              return definition::resolve(connection, home, vault);
                            },
                        .time_most = configuration().service.load_most});
  }
  return *house_;
}

}  // namespace millrace::cli
