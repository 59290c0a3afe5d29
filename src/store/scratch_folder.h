#pragma once

#include <filesystem>

namespace millrace::store {

/// A new folder in the system's temporary place, for bytes that nobody else sees; gone with the
/// object. Throws Unavailable `disk_full`.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace millrace::store
