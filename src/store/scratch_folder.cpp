#include "store/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"

namespace millrace::store {

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) {
    throw Error(
        Fault::Unavailable, "disk_full",
        fmt::format("making a temporary folder {} failed: {}", pattern, std::strerror(errno)),
        "Free some space there, or set TMPDIR to a place that can be written");
  }
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace millrace::store
