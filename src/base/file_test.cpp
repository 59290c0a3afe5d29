#include "base/file.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

/// An empty folder, removed afterwards.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("millrace-" + new_id(real_env()));
  Folder() { fs::create_directories(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {}));
  }
};

/// A file system of its own, 64 KiB large; needs root and the right to mount.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& path) : path_(path) {
    mounted_ = ::mount("millrace-test", path.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount(path_.c_str());
  }
  bool mounted() const { return mounted_; }
  void make_read_only() {
    REQUIRE(::mount("millrace-test", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  }

 private:
  fs::path path_;
  bool mounted_;
};

std::optional<Error> error_of(auto action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return {};
}

TEST_CASE("a file is written whole and replaced whole, and nothing else is left beside it") {
  const Folder folder;
  const fs::path path = folder.path / "catalog.json";
  std::string large(3 << 20, 'x');
  large += '\0';
  file::write(path, "old");
  file::write(path, large);
  CHECK(file::read(path) == large);
  file::write(path, "");
  CHECK(file::read(path).empty());
  CHECK(folder.entries() == 1);
}

TEST_CASE("a secret's file is readable by nobody else from its first byte") {
  const Folder folder;
  const fs::path path = folder.path / "password";
  file::write(path, "s3cret", 0600);
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("put if absent never touches what is there") {
  const Folder folder;
  const fs::path path = folder.path / "0.json";
  CHECK(file::put_if_absent(path, "first"));
  CHECK(!file::put_if_absent(path, "second"));
  CHECK(file::read(path) == "first");
  CHECK(folder.entries() == 1);
}

TEST_CASE("of many who put the same file at once exactly one wins, with its own bytes") {
  const Folder folder;
  for (int round = 0; round < 20; ++round) {
    const fs::path path = folder.path / std::to_string(round);
    std::atomic<int> winners = 0, winner = -1;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
          if (!file::put_if_absent(path, std::string(1000, static_cast<char>('a' + i)))) return;
          ++winners;
          winner = i;
        });
      }
    }
    CHECK(winners == 1);
    CHECK(file::read(path) == std::string(1000, static_cast<char>('a' + winner)));
  }
  CHECK(folder.entries() == 20);
}

TEST_CASE("missing folders are made, present ones are left alone") {
  const Folder folder;
  file::make_folders(folder.path / "a" / "b" / "c");
  file::make_folders(folder.path / "a" / "b" / "c");
  file::make_folders(folder.path / "a" / "d" / "");
  CHECK(fs::is_directory(folder.path / "a" / "b" / "c"));
  CHECK(fs::is_directory(folder.path / "a" / "d"));
  file::write(folder.path / "file", "x");
  const auto error = error_of([&] { file::make_folders(folder.path / "file" / "x"); });
  REQUIRE(error);
  CHECK(error->fault == Fault::Misconfigured);
}

TEST_CASE("a missing file is a person's matter and the message names it") {
  const auto error = error_of([] { file::read("/nowhere/file.toml"); });
  REQUIRE(error);
  CHECK(error->fault == Fault::Misconfigured);
  CHECK(error->code == "no_such_file");
  CHECK(std::string(error->what()) ==
        "reading /nowhere/file.toml failed: No such file or directory");
  CHECK(error_of([] { file::read("/tmp"); })->code == "bad_path");
}

TEST_CASE("a full disk may be tried again, and the old file is still whole") {
  const Folder folder;
  const SmallDisk disk(folder.path);
  if (!disk.mounted()) {
    MESSAGE("skipped: this needs root and the right to mount a file system");
    return;
  }
  const fs::path path = folder.path / "manifest.json";
  file::write(path, "old");
  const auto error = error_of([&] { file::write(path, std::string(1 << 20, 'x')); });
  REQUIRE(error);
  CHECK(error->fault == Fault::Unavailable);
  CHECK(error->code == "disk_full");
  CHECK(!error->advice.empty());
  CHECK(error_of([&] {
          file::put_if_absent(folder.path / "0", std::string(1 << 20, 'x'));
        })->code == "disk_full");
  CHECK(file::read(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a read-only file system is a person's matter") {
  const Folder folder;
  SmallDisk disk(folder.path);
  if (!disk.mounted()) {
    MESSAGE("skipped: this needs root and the right to mount a file system");
    return;
  }
  disk.make_read_only();
  for (const auto& error : {error_of([&] { file::write(folder.path / "x", "x"); }),
                            error_of([&] { file::make_folders(folder.path / "x"); })}) {
    REQUIRE(error);
    CHECK(error->fault == Fault::Misconfigured);
    CHECK(error->code == "read_only");
  }
}

TEST_CASE("a folder that may not be written is a person's matter") {
  const auto error = error_of([] { file::write("/sys/millrace", "x"); });
  REQUIRE(error);
  CHECK(error->fault == Fault::Misconfigured);
  CHECK((error->code == "no_permission" || error->code == "read_only"));
}

}  // namespace
}  // namespace millrace
