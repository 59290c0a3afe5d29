#include "cli/doctor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/process.h"
#include "base/scratch_folder.h"
#include "definition/vault.h"
#include "engine/database.h"
#include "pipeline/tell.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;
using Step = ProbeReport::Step;

/// One examination; what it throws is its finding.
template <class Look>
Step look(const std::string& what, const Look& look_at) {
  try {
    return {what, true, look_at(), {}};
  } catch (const Error& error) {
    return {what, false, error.what(), error.advice};
  } catch (const std::exception& error) {
    return {what, false, error.what(), {}};
  }
}

[[noreturn]] void bad(const std::string& what, const std::string& advice) {
  throw Error(Fault::Misconfigured, "bad", what, advice);
}

// -- what came with the program

std::string loads(const char* extension) {
  engine::Options options;
  options.extensions = {extension};
  engine::Database::open(options);
  return "loads";
}

std::string postgres_driver() {
  const fs::path driver = fs::path(library_folder()) / "libadbc_driver_postgresql.so";
  if (::access(driver.c_str(), R_OK) == 0) return driver.string();
  bad(fmt::format("{}: {}", driver.string(), std::strerror(errno)),
      "Run `make build`, or `make install`, again");
}

std::string ssh_client() {
  std::string_view folders;
  const std::string path = environment_variable("PATH");
  for (folders = path; !folders.empty();) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    const fs::path program = fs::path(folder) / "ssh";
    if (::access(program.c_str(), X_OK) == 0) return program.string();
  }
  return "none in PATH; only connections with ssh_host need it";
}

// -- what the machine gives

std::string free_space(const fs::path& path) {
  constexpr std::int64_t kEnough = 1 << 30;
  struct statvfs space{};
  if (::statvfs(path.c_str(), &space) != 0) {
    bad(fmt::format("asking {} failed: {}", path.string(), std::strerror(errno)), "");
  }
  const auto bytes = static_cast<std::int64_t>(space.f_bavail * space.f_frsize);
  const std::string found = fmt::format("{} free in {}", bytes_text(bytes), path.string());
  if (bytes < kEnough) bad("only " + found, "Free some space, or run `millrace sweep`");
  return found;
}

std::string scratch() {
  const ScratchFolder folder;
  file::write(folder.path() / "probe", "x");
  return free_space(folder.path().parent_path());
}

/// The clock that files are stamped with is the one that finds out what changed.
std::string clock(Home& home) {
  const ScratchFolder folder(home.path());
  file::write(folder.path() / "probe", "x");
  struct stat state{};
  const Instant now = real_env().now();
  if (::stat((folder.path() / "probe").c_str(), &state) == 0) {
    const Instant stamped{std::chrono::seconds(state.st_mtim.tv_sec)};
    const auto apart = std::chrono::abs(now - stamped);
    if (apart > std::chrono::seconds(60)) {
      bad(fmt::format("{}, but the home's file system says {}", to_text(now), to_text(stamped)),
          "Let one time service set both clocks");
    }
  }
  const Zone& zone = home.configuration().project.zone;
  return fmt::format("{}; yesterday in {} is {}", to_text(now).substr(0, 19) + "Z", zone.name(),
                     zone.day_of(now).plus(-1).text());
}

// -- the home

std::string writable(const fs::path& folder) {
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) == 0) return folder.string();
  bad(fmt::format("{}: {}", folder.string(), std::strerror(errno)),
      "Let the user that runs Millrace read and write the folder");
}

std::string secrets(const fs::path& home) {
  if (!fs::exists(home / "secrets")) return "none";
  std::int64_t count = 0;
  for (const auto& entry : fs::directory_iterator(home / "secrets")) {
    if (!entry.is_regular_file()) continue;
    ++count;
    const fs::perms others = fs::perms::group_all | fs::perms::others_all;
    if ((entry.status().permissions() & others) == fs::perms::none) continue;
    bad(fmt::format("{} may be read by others", entry.path().string()),
        fmt::format("chmod 600 {}", entry.path().string()));
  }
  return fmt::format("{}, for its owner only", counted(count, "file"));
}

std::string file_roots(Home& home) {
  const auto& roots = home.configuration().file_roots;
  for (const std::string& root : roots) {
    if (::access(root.c_str(), R_OK | X_OK) == 0) continue;
    bad(fmt::format("{}: {}", root, std::strerror(errno)),
        "Correct [files] roots in millrace.toml, or let this user read the folder");
  }
  return roots.empty() ? "none: connections of kind files read nothing"
                       : fmt::format("{}", fmt::join(roots, ", "));
}

std::string credentials(Home& home) {
  std::int64_t count = 0;
  definition::Vault vault(home.path(), home.reading(), real_env());
  for (const Connection& connection : home.reading().connections()) {
    definition::resolve(connection, home.path(), vault);
    ++count;
  }
  return fmt::format("of {} are there", counted(count, "connection"));
}

std::string delta_readers(Home& home) {
  const auto news = pipeline::tell_others(home.house(true));
  return news.empty() ? "up to date, nobody else writes"
                      : fmt::format("reconciled {}", fmt::join(news, "; "));
}

}  // namespace

std::vector<Step> examine(Home& home) {
  std::vector<Step> found;
  found.push_back(look("engine", [] { return engine::Database::open({}).version(); }));
  for (const char* extension : {"httpfs", "aws"}) {
    found.push_back(look(fmt::format("extension {}", extension), [&] { return loads(extension); }));
  }
  found.push_back(look("driver postgres", postgres_driver));
  found.push_back(look("ssh", ssh_client));
  found.push_back(look("scratch", scratch));
  const Step configuration = look("configuration", [&] {
    const Project& project = home.configuration().project;
    return fmt::format("{}: zone {}, unit types {}", (home.path() / "millrace.toml").string(),
                       project.zone.name(), fmt::join(project.unit_types, ", "));
  });
  found.push_back(configuration);
  // Without a home there is nothing more to look at.
  if (!configuration.ok) return found;
  found.push_back(look("clock", [&] { return clock(home); }));
  found.push_back(look("home", [&] { return writable(home.path()); }));
  found.push_back(look("secrets", [&] { return secrets(home.path()); }));
  found.push_back(look("file roots", [&] { return file_roots(home); }));
  found.push_back(look("store", [&] { return writable(home.configuration().store_root); }));
  found.push_back(look("disk", [&] { return free_space(home.configuration().store_root); }));
  const Step catalog = look("catalog", [&] {
    home.writing();
    return home.catalog_path().string();
  });
  found.push_back(catalog);
  if (!catalog.ok) return found;
  found.push_back(look("credentials", [&] { return credentials(home); }));
  found.push_back(look("Delta readers", [&] { return delta_readers(home); }));
  return found;
}

}  // namespace millrace::cli
