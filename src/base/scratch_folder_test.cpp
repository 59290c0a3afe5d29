#include "base/scratch_folder.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace millrace {
namespace {

namespace fs = std::filesystem;

/// As if nothing had been written to it for an hour.
void age(const fs::path& folder) {
  fs::last_write_time(folder, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

TEST_CASE("a scratch folder is gone with its object") {
  const ScratchFolder where;
  fs::path path;
  {
    const ScratchFolder folder(where.path());
    path = folder.path();
    std::ofstream(path / "rows") << "secret";
    CHECK(fs::exists(path / "rows"));
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("what a killed process left is removed by the next one, and nothing else is") {
  const ScratchFolder where;
  const fs::path left = where.path() / "millrace-aB3dE6", young = where.path() / "millrace-aB3dE7",
                 other = where.path() / "millrace-settings",
                 link = where.path() / "millrace-aB3dE8";
  fs::create_directories(left / "below");
  std::ofstream(left / "below" / "rows") << "secret";
  fs::create_directory(young);
  fs::create_directory(other);
  fs::create_directory_symlink(other, link);
  const ScratchFolder living(where.path());
  for (const fs::path& folder : {left, other, living.path()}) age(folder);
  const ScratchFolder next(where.path());
  CHECK_FALSE(fs::exists(left));
  for (const fs::path& folder : {young, other, link, living.path()}) {
    CAPTURE(folder);
    CHECK(fs::exists(folder));
  }
}

}  // namespace
}  // namespace millrace
