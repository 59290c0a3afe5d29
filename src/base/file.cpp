#include "base/file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"

namespace millrace::file {
namespace {

namespace fs = std::filesystem;

Error failure(std::string_view action, const fs::path& path, int reason) {
  const std::string message =
      fmt::format("{} {} failed: {}", action, path.string(), std::strerror(reason));
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      return Error(Fault::Unavailable, "disk_full", message,
                   "Free some space there (`df -h` and `df -i` show what is used), then try again");
    case EROFS:
      return Error(Fault::Misconfigured, "read_only", message,
                   "The file system is mounted read-only; make it writable, or move the folder");
    case EACCES:
    case EPERM:
      return Error(Fault::Misconfigured, "no_permission", message,
                   "Give the user that runs Millrace access to it");
    case ENOENT:
    case ENOTDIR:
      return Error(Fault::Misconfigured, "no_such_file", message, "Check the path");
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return Error(Fault::Misconfigured, "bad_path", message, "Check the path");
    default:
      return Error(Fault::Unavailable, "file_failed", message);
  }
}

/// An open file, closed when it goes out of scope.
class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags, unsigned mode, std::string_view action)
      : path_(path), action_(action), fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) throw failure(action_, path_, errno);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  std::string read_all() {
    std::string bytes;
    struct stat facts{};
    if (::fstat(fd_, &facts) == 0 && facts.st_size > 0) {
      bytes.reserve(static_cast<std::size_t>(facts.st_size));
    }
    std::vector<char> buffer(std::size_t{64} << 10);
    while (true) {
      const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw failure(action_, path_, errno);
      if (got == 0) return bytes;
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw failure(action_, path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void sync() {
    if (::fsync(fd_) != 0) throw failure(action_, path_, errno);
  }

  /// Network file systems report some failed writes only here.
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0) throw failure(action_, path_, errno);
  }

 private:
  fs::path path_;
  std::string_view action_;
  int fd_;
};

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A synced file under a name of its own, in the folder of `path`; removed unless renamed away.
class Temporary {
 public:
  Temporary(const fs::path& path, std::string_view bytes, unsigned mode)
      : path_(folder_of(path) / (".tmp-" + new_id(real_env()))) {
    OpenFile file(path_, O_WRONLY | O_CREAT | O_EXCL, mode, "writing");
    try {
      file.write_all(bytes);
      file.sync();
      file.close();
    } catch (const Error&) {
      remove();
      throw;
    }
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { remove(); }

  void rename_to(const fs::path& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) throw failure("writing", path, errno);
    path_.clear();
  }

  /// False when `path` exists.
  bool link_to(const fs::path& path) const {
    if (::link(path_.c_str(), path.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    throw failure("writing", path, errno);
  }

 private:
  void remove() {
    if (!path_.empty()) ::unlink(path_.c_str());
    path_.clear();
  }

  fs::path path_;
};

}  // namespace

std::string read(const fs::path& path) { return OpenFile(path, O_RDONLY, 0, "reading").read_all(); }

void write(const fs::path& path, std::string_view bytes, unsigned mode) {
  Temporary(path, bytes, mode).rename_to(path);
  sync(folder_of(path));
}

bool put_unsynced_if_absent(const fs::path& path, std::string_view bytes) {
  return Temporary(path, bytes, 0644).link_to(path);
}

bool put_if_absent(const fs::path& path, std::string_view bytes) {
  const bool created = put_unsynced_if_absent(path, bytes);
  // Also when somebody else made it: whoever builds on "it exists" must not lose it in a power cut.
  sync(folder_of(path));
  return created;
}

void sync(const fs::path& path) { OpenFile(path, O_RDONLY, 0, "syncing").sync(); }

void make_folders(const fs::path& path) {
  std::set<fs::path> unsynced;
  make_folders(path, unsynced);
  for (const fs::path& folder : unsynced) sync(folder);
}

void make_folders(const fs::path& path, std::set<fs::path>& unsynced) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) == 0) {
    if (!S_ISDIR(facts.st_mode)) throw failure("making the folder", path, ENOTDIR);
    return;
  }
  const fs::path parent = folder_of(path);
  if (parent != path) make_folders(parent, unsynced);
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw failure("making the folder", path, errno);
  }
  unsynced.insert(parent);
}

}  // namespace millrace::file
