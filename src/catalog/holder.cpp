#include "catalog/holder.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "base/process.h"

namespace millrace::catalog {
namespace {

/// "fd:01:1234", as /proc/locks names a file.
std::optional<std::string> name_in_lock_table(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
}

/// In the -shm file of WAL mode, byte 120 is the write lock (wal.c: WAL_WRITE_LOCK).
constexpr std::uint64_t kWalWriteLock = 120;

struct Held {
  pid_t pid = 0;
  std::uint64_t first = 0, last = 0;
};

/// "1: POSIX  ADVISORY  WRITE 4711 fd:01:1234 120 120"; blocked ones have "->" as second word.
std::optional<Held> write_lock(const std::string& line, const std::string& file) {
  std::istringstream words(line);
  std::string number, family, mode, access, pid, name, first, last;
  words >> number >> family >> mode >> access >> pid >> name >> first >> last;
  if (access != "WRITE" || name != file) return {};
  const auto end = last == "EOF" ? UINT64_MAX : std::stoull(last);
  return Held{static_cast<pid_t>(std::stol(pid)), std::stoull(first), end};
}

std::string program_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name.empty() ? "a program" : name;
}

std::string described(pid_t pid) {
  if (pid <= 0) return "a process in another container";
  if (pid == ::getpid()) return "another thread of this process";
  return fmt::format("{} (process {} on {})", program_of(pid), pid, this_process().host);
}

}  // namespace

std::string lock_holder(const std::filesystem::path& catalog) {
  const auto index = name_in_lock_table(catalog.string() + "-shm");
  const auto file = name_in_lock_table(catalog);
  std::optional<pid_t> other;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    if (index) {
      const auto held = write_lock(line, *index);
      if (held && held->first <= kWalWriteLock && kWalWriteLock <= held->last) {
        return described(held->pid);
      }
      if (held) other = held->pid;
    }
    if (file) {
      if (const auto held = write_lock(line, *file)) other = held->pid;
    }
  }
  return other ? described(*other) : "another process";
}

}  // namespace millrace::catalog
