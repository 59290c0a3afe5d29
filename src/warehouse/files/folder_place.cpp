#include "warehouse/files/folder_place.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/env.h"

namespace millrace::warehouse::files {
namespace {

namespace fs = std::filesystem;
using lake::FileState;

/// File systems tick in milliseconds and copies keep seconds: a file as young as this may change
/// once more without showing it.
constexpr std::chrono::seconds kFresh(2);

bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, in_path] = std::ranges::mismatch(folder, path);
  return in_folder == folder.end();
}

class FolderPlace final : public lake::Place {
 public:
  explicit FolderPlace(fs::path folder)
      : folder_(std::move(folder)), base_(folder_.string() + "/") {}

  const std::string& base() const override { return base_; }

  std::string resolve(const std::string& path) const override {
    if (path.find("://") != std::string::npos) throw lake::not_allowed(path, "it is not a file");
    if (lake::climbs(path)) throw lake::not_allowed(path, "it goes up with ..");
    if (!path.starts_with('/')) return base_ + path;
    if (path.starts_with(base_)) return path;
    throw lake::not_allowed(path, "it lies outside " + folder_.string());
  }

  std::vector<FileState> files(engine::Database& database, const std::string& glob,
                               std::stop_token stop) override {
    std::vector<FileState> files;
    database.each(
        "select file from glob(" + engine::literal(glob) + ") order by file",
        [&](const engine::Row& row) { add(files, std::string(row[0].value_or(""))); }, stop);
    return files;
  }

  Error explained(const Error& error) const override {
    const std::string text = error.what();
    if (error.code == "sql_error" || error.code == "read_failed") {
      if (text.find("Permission denied") != std::string::npos) {
        return {Fault::Misconfigured, "no_permission", text,
                "Let the user that runs Millrace read the file."};
      }
    }
    return error;
  }

  std::string first_step() const override { return "open the folder"; }

  std::string found() const override {
    if (::access(folder_.c_str(), R_OK | X_OK) == 0) return folder_.string();
    throw Error(Fault::Misconfigured, "no_permission",
                fmt::format("could not list {}: {}", folder_.string(), std::strerror(errno)),
                "Let the user that runs Millrace read the folder.");
  }

  engine::Options engine_needs() const override {
    engine::Options options;
    options.allowed = {base_};
    return options;
  }

  std::unique_ptr<lake::Place> copy() const override {
    return std::make_unique<FolderPlace>(folder_);
  }

 private:
  /// Adds a regular file that really lies in the folder.
  void add(std::vector<FileState>& files, const std::string& path) const {
    std::error_code problem;
    const fs::path real = fs::canonical(path, problem);
    if (problem) return;
    if (!lies_in(real, folder_)) {
      throw lake::not_allowed(path, "it is a link to " + real.string());
    }
    struct stat state{};
    if (::stat(path.c_str(), &state) != 0 || !S_ISREG(state.st_mode)) return;
    const auto since = [](const timespec& time) {
      return Instant(std::chrono::seconds(time.tv_sec)) +
             std::chrono::microseconds(time.tv_nsec / 1000);
    };
    const Instant changed = std::max(since(state.st_mtim), since(state.st_ctim));
    files.push_back(
        {path, state.st_size,
         fmt::format("{}.{:09} {}.{:09} {}", state.st_mtim.tv_sec, state.st_mtim.tv_nsec,
                     state.st_ctim.tv_sec, state.st_ctim.tv_nsec, state.st_ino),
         real_env().now() - changed < kFresh});
  }

  fs::path folder_;  ///< Canonical.
  std::string base_;
};

}  // namespace

void require_below_roots(const std::string& path, const std::vector<std::string>& roots) {
  if (roots.empty()) {
    throw Error(Fault::Misconfigured, "not_allowed",
                fmt::format("opening {}: the server's configuration allows no folder", path),
                "Add it to millrace.toml: [files] roots = [\"/data\"]");
  }
  if (lake::climbs(path)) throw lake::not_allowed(path, "it goes up with ..");
  for (const std::string& root : roots) {
    std::error_code problem;
    const fs::path allowed = fs::weakly_canonical(root, problem);
    if (problem) continue;
    const fs::path folder = fs::weakly_canonical(allowed / path, problem);
    if (!problem && lies_in(folder, allowed)) return;
  }
  throw Error(Fault::Misconfigured, "not_allowed",
              fmt::format("opening {}: it lies outside the allowed folders ({})", path,
                          fmt::join(roots, ", ")),
              "Move the files there, or add the folder to [files] roots in millrace.toml.");
}

std::unique_ptr<lake::Place> folder_place(const std::string& path,
                                          const std::vector<std::string>& roots) {
  require_below_roots(path, roots);
  for (const std::string& root : roots) {
    std::error_code no_root, no_folder;
    const fs::path allowed = fs::canonical(root, no_root);
    const fs::path folder = fs::canonical(allowed / path, no_folder);
    if (no_root || no_folder || !fs::is_directory(folder)) continue;
    if (lies_in(folder, allowed)) return std::make_unique<FolderPlace>(folder);
  }
  throw Error(Fault::Misconfigured, "no_folder",
              fmt::format("opening {}: there is no such folder", path),
              fmt::format("A relative path is looked for below the allowed folders: {}.",
                          fmt::join(roots, ", ")));
}

}  // namespace millrace::warehouse::files
