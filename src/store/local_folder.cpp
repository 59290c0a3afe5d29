#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "store/objects.h"

namespace millrace::store {
namespace {

namespace fs = std::filesystem;

/// How base/file.cpp calls a file that is not whole yet.
constexpr std::string_view kUnfinished = ".tmp-";

[[noreturn]] void fail(std::string_view action, const fs::path& path, int reason) {
  const std::string message =
      fmt::format("{} {} in the store failed: {}", action, path.string(), std::strerror(reason));
  if (reason == ENOSPC || reason == EDQUOT) {
    throw Error(Fault::Unavailable, "disk_full", message,
                "Free some space there (`df -h` and `df -i` show what is used), then try again");
  }
  if (reason == EROFS || reason == EACCES || reason == EPERM) {
    throw Error(Fault::Misconfigured, "store_read_only", message,
                "Make the store's folder writable for the user that runs Millrace");
  }
  throw Error(Fault::Unavailable, "store_unavailable", message,
              "Look at the store's disk or mount, then try again");
}

/// Runs `work` and renames the errors of base/file to the ones a store promises.
template <typename Work>
auto in_store(Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code == "disk_full") throw;
    if (error.code == "read_only" || error.code == "no_permission") {
      throw Error(Fault::Misconfigured, "store_read_only", error.what(), error.advice);
    }
    throw Error(Fault::Unavailable, "store_unavailable", error.what(), error.advice);
  } catch (const fs::filesystem_error& error) {
    fail("reading", error.path1(), error.code().value());
  }
}

bool stays_inside(std::string_view path) {
  if (path.empty() || path.find('\0') != path.npos) return false;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  return true;
}

Instant instant_of(const timespec& time) {
  return Instant(std::chrono::seconds(time.tv_sec) +
                 std::chrono::microseconds(time.tv_nsec / 1000));
}

bool is_unfinished(const fs::path& path) {
  return path.filename().string().starts_with(kUnfinished);
}

/// Calls `each` for every file below the folder. Files may come and go meanwhile.
template <typename Each>
void walk(const fs::path& folder, const Each& each) {
  std::error_code gone;
  fs::directory_iterator entries(folder, gone);
  if (gone == std::errc::no_such_file_or_directory) return;
  if (gone) fail("listing", folder, gone.value());
  for (const fs::directory_entry& entry : entries) {
    struct stat facts{};
    if (::lstat(entry.path().c_str(), &facts) != 0) {
      if (errno == ENOENT) continue;
      fail("listing", entry.path(), errno);
    }
    if (S_ISDIR(facts.st_mode)) {
      walk(entry.path(), each);
    } else if (S_ISREG(facts.st_mode)) {
      each(entry.path(), facts);
    }
  }
}

/// Gives the file behind `from` the name `to` as well. Never replaces another file.
void link_file(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return;
  const int reason = errno;
  struct stat old_name{}, new_name{};
  const bool has_new = ::stat(to.c_str(), &new_name) == 0;
  const bool has_old = ::stat(from.c_str(), &old_name) == 0;
  if (has_new && !has_old) return;
  if (has_new && old_name.st_dev == new_name.st_dev && old_name.st_ino == new_name.st_ino) return;
  if (has_new) {
    throw Error(Fault::Conflict, "object_exists",
                fmt::format("moving {} to {} failed: another file has that name", from.string(),
                            to.string()),
                "Look at both files; Millrace never replaces one it has not written");
  }
  fail("moving", from, reason);
}

class LocalFolder final : public Objects {
 public:
  explicit LocalFolder(const fs::path& root) : root_(fs::absolute(root).lexically_normal()) {
    in_store([&] { file::make_folders(root_); });
  }

  using Objects::put_if_absent;
  std::vector<bool> put_if_absent(std::span<const Object> objects) override {
    return in_store([&] {
      std::vector<bool> created;
      std::set<fs::path> folders;
      for (const Object& object : objects) {
        const fs::path place = inside(object.path);
        if (folders.insert(place.parent_path()).second) file::make_folders(place.parent_path());
        created.push_back(file::put_unsynced_if_absent(place, object.bytes));
      }
      // Also of those that somebody else made: whoever builds on one must not lose it.
      sync(folders);
      return created;
    });
  }

  void put(const std::string& path, std::string_view bytes) override {
    const fs::path place = inside(path);
    in_store([&] {
      file::make_folders(place.parent_path());
      file::write(place, bytes);
    });
  }

  std::optional<std::string> get(const std::string& path) override {
    const fs::path place = inside(path);
    return in_store([&]() -> std::optional<std::string> {
      try {
        return file::read(place);
      } catch (const Error& error) {
        if (error.code == "no_such_file") return {};
        throw;
      }
    });
  }

  std::optional<std::int64_t> size(const std::string& path) override {
    struct stat facts{};
    const fs::path place = inside(path);
    if (::stat(place.c_str(), &facts) == 0) {
      return S_ISREG(facts.st_mode) ? std::optional<std::int64_t>(facts.st_size) : std::nullopt;
    }
    if (errno == ENOENT || errno == ENOTDIR) return {};
    fail("looking for", place, errno);
  }

  std::vector<ObjectInfo> list(const std::string& folder) override {
    std::vector<ObjectInfo> found;
    walk(folder_inside(folder), [&](const fs::path& path, const struct stat& facts) {
      if (is_unfinished(path)) return;
      found.push_back(
          {.path = relative(path), .bytes = facts.st_size, .modified = instant_of(facts.st_mtim)});
    });
    std::ranges::sort(found, {}, &ObjectInfo::path);
    return found;
  }

  std::vector<std::string> names(const std::string& folder) override {
    const fs::path place = folder_inside(folder);
    return in_store([&] {
      std::vector<std::string> found;
      std::error_code gone;
      fs::directory_iterator entries(place, gone);
      if (gone == std::errc::no_such_file_or_directory) return found;
      if (gone) fail("listing", place, gone.value());
      for (const fs::directory_entry& entry : entries) {
        if (!is_unfinished(entry.path())) found.push_back(entry.path().filename().string());
      }
      std::ranges::sort(found);
      return found;
    });
  }

  bool remove(const std::string& path) override {
    const fs::path place = inside(path);
    if (::unlink(place.c_str()) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return false;
      fail("removing", place, errno);
    }
    in_store([&] { file::sync(place.parent_path()); });
    return true;
  }

  /// Link, make the new names durable, unlink: a power cut leaves each file under at least one of
  /// its names (perhaps under both), and doing it again ends in the same place.
  void move(const std::vector<std::pair<std::string, std::string>>& from_to) override {
    std::set<fs::path> folders;
    for (const auto& [from, to] : from_to) {
      const fs::path place = inside(to);
      if (folders.insert(place.parent_path()).second) {
        in_store([&] { file::make_folders(place.parent_path(), folders); });
      }
      link_file(inside(from), place);
    }
    sync(folders);
    for (const auto& [from, to] : from_to) {
      const fs::path place = inside(from);
      if (::unlink(place.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) continue;
      fail("moving", place, errno);
    }
  }

  std::vector<std::string> make_folders(const std::vector<std::string>& folders) override {
    std::vector<std::string> addresses;
    std::set<fs::path> unsynced;
    for (const std::string& folder : folders) {
      const fs::path place = folder_inside(folder);
      remove_folder(folder);
      in_store([&] { file::make_folders(place, unsynced); });
      addresses.push_back(place.string());
    }
    sync(unsynced);
    return addresses;
  }

  void remove_folder(const std::string& folder) override {
    const fs::path place = folder_inside(folder);
    std::error_code reason;
    if (fs::remove_all(place, reason) == static_cast<std::uintmax_t>(-1)) {
      fail("removing", place, reason.value());
    }
  }

  std::vector<std::string> abort_uploads(Instant before) override {
    std::vector<std::string> removed;
    walk(root_, [&](const fs::path& path, const struct stat& facts) {
      if (!is_unfinished(path) || instant_of(facts.st_mtim) >= before) return;
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("removing", path, errno);
      removed.push_back(relative(path));
    });
    return removed;
  }

  std::string address(const std::string& path) const override { return inside(path).string(); }

 private:
  static void sync(const std::set<fs::path>& folders) {
    in_store([&] {
      for (const fs::path& folder : folders) file::sync(folder);
    });
  }

  fs::path inside(const std::string& path) const {
    if (!stays_inside(path)) {
      throw Error(Fault::Misconfigured, "bad_path",
                  fmt::format("refused the path \"{}\": it is not a plain path below {}", path,
                              root_.string()));
    }
    return root_ / path;
  }

  /// A folder may be written with a slash behind it.
  fs::path folder_inside(const std::string& folder) const {
    return inside(folder.ends_with('/') ? folder.substr(0, folder.size() - 1) : folder);
  }

  std::string relative(const fs::path& path) const {
    return path.lexically_relative(root_).generic_string();
  }

  const fs::path root_;
};

}  // namespace

std::unique_ptr<Objects> local_folder(const std::filesystem::path& root) {
  return std::make_unique<LocalFolder>(root);
}

}  // namespace millrace::store
