#pragma once

#include <filesystem>

namespace millrace {

/// A new folder, in the system's temporary place unless told where, for bytes that nobody else
/// sees; gone with the object. Throws Unavailable `disk_full`.
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
};

}  // namespace millrace
