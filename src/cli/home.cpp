#include "cli/home.h"

#include <fmt/format.h>

#include "base/file.h"

namespace millrace::cli {
namespace fs = std::filesystem;

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
  if (!configuration_) configuration_ = definition::read_configuration(path_);
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
  pipeline::claim_store(*catalog, store(), real_env());
  const Project& wanted = configuration().project;
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
                        .resolve = [home](const Connection& connection) {
                          return definition::resolve(connection, home);
                        }});
  }
  return *house_;
}

}  // namespace millrace::cli
