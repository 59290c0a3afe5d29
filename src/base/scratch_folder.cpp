#include "base/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"

namespace millrace {

ScratchFolder::ScratchFolder(const std::filesystem::path& where) {
  std::string pattern = (where / "millrace-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) {
    throw Error(
        Fault::Unavailable, "disk_full",
        fmt::format("making a temporary folder {} failed: {}", pattern, std::strerror(errno)),
        "Free some space there, or set TMPDIR to a place that can be written");
  }
  path_ = pattern;
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept { path_.swap(other.path_); }

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace millrace
