#pragma once

#include <filesystem>

#include "base/descriptor.h"

namespace millrace {

/// A new folder, in the system's temporary place unless told where, for bytes that nobody else
/// sees; gone with the object. It is locked as long as it lives, so that what a killed process left
/// is seen and removed by the next one that makes such a folder there. Throws Unavailable
/// `disk_full`.
class ScratchFolder {
 public:
  explicit ScratchFolder(
      const std::filesystem::path& where = std::filesystem::temp_directory_path());
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Descriptor lock_;
};

}  // namespace millrace
