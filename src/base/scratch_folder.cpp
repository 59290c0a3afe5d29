#include "base/scratch_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPattern = "millrace-XXXXXX";
/// A folder as young as this may not be locked yet.
constexpr std::chrono::minutes kYoung(1);

bool is_name(const std::string& name) {
  const std::string_view start = kPattern.substr(0, kPattern.find('X'));
  return name.size() == kPattern.size() && name.starts_with(start);
}

Descriptor opened(const fs::path& folder) {
  return Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether it is a folder of ours that nobody uses any more: its process was killed.
bool is_left(const fs::path& folder, const Descriptor& descriptor) {
  struct stat facts{};
  if (::fstat(descriptor.get(), &facts) != 0 || facts.st_uid != ::geteuid()) return false;
  std::error_code gone;
  const auto changed = fs::last_write_time(folder, gone);
  if (gone || fs::file_time_type::clock::now() - changed < kYoung) return false;
  return ::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0;
}

void remove_left(const fs::path& where) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(where, ignored)) {
    if (!is_name(entry.path().filename().string())) continue;
    const Descriptor folder = opened(entry.path());
    if (folder.get() >= 0 && is_left(entry.path(), folder)) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& where) {
  remove_left(where);
  std::string pattern = (where / kPattern).string();
  if (!::mkdtemp(pattern.data())) {
    throw Error(
        Fault::Unavailable, "disk_full",
        fmt::format("making a temporary folder {} failed: {}", pattern, std::strerror(errno)),
        "Free some space there, or set TMPDIR to a place that can be written");
  }
  path_ = pattern;
  lock_ = opened(path_);
  // Where locks are not kept, or descriptors are used up, it is removed by its own object alone.
  if (lock_.get() >= 0) ::flock(lock_.get(), LOCK_EX | LOCK_NB);
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept : lock_(std::move(other.lock_)) {
  path_.swap(other.path_);
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace millrace
