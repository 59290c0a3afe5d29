#include <atomic>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/scratch_folder.h"
#include "store/objects.h"

using namespace millrace;
using store::local_folder;

namespace {

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code;
  }
  return "nothing was thrown";
}

/// A file system of its own at `path`; false where this user may not mount one.
class SmallDisk {
 public:
  SmallDisk(const std::filesystem::path& path, const char* options) : path_(path) {
    std::filesystem::create_directories(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return mounted_; }
  void make_read_only() {
    ::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
  }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("an object is read back as it was put, and put again it is replaced") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path());
  objects->put("p/events/a.json", "one");
  objects->put("p/events/a.json", "two");
  CHECK(objects->get("p/events/a.json") == "two");
  CHECK(objects->exists("p/events/a.json"));
  CHECK_FALSE(objects->exists("p/events"));
  CHECK_FALSE(objects->get("p/events/b.json").has_value());
  CHECK_FALSE(objects->get("p/events/a.json/below").has_value());
  CHECK(objects->address("p/events/a.json") == (root.path() / "p/events/a.json").string());
}

TEST_CASE("of many that put the same object if absent, exactly one wins") {
  const ScratchFolder root;
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto objects = local_folder(root.path());
        for (int n = 0; n < 20; ++n) {
          if (objects->put_if_absent("log/" + std::to_string(n), "by " + std::to_string(i)))
            ++winners;
        }
      });
    }
  }
  CHECK(winners == 20);
  CHECK(local_folder(root.path())->names("log").size() == 20);
}

TEST_CASE("a path that could leave the root is refused") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path() / "store");
  file::write(root.path() / "secret", "s");
  for (const char* path :
       {"../secret", "a/../../secret", "/etc/passwd", "", "a//b", "a/./b", "a/", ".", ".."}) {
    CAPTURE(path);
    CHECK(code_of([&] { objects->get(path); }) == "bad_path");
    CHECK(code_of([&] { objects->put(path, "x"); }) == "bad_path");
    CHECK(code_of([&] { objects->remove(path); }) == "bad_path");
    CHECK(code_of([&] { objects->move({{"a", path}}); }) == "bad_path");
  }
  for (const char* folder : {"..", "../", "/", "", "a/..", "a//"}) {
    CAPTURE(folder);
    CHECK(code_of([&] { objects->list(folder); }) == "bad_path");
    CHECK(code_of([&] { objects->names(folder); }) == "bad_path");
    CHECK(code_of([&] { objects->make_folders({folder}); }) == "bad_path");
    CHECK(code_of([&] { objects->remove_folder(folder); }) == "bad_path");
  }
  CHECK(code_of([&] { objects->get(std::string("a\0b", 3)); }) == "bad_path");
  CHECK(file::read(root.path() / "secret") == "s");
}

TEST_CASE("a listing goes down into folders, is sorted, and hides what is not whole yet") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path());
  objects->put("t/b/2.parquet", "22");
  objects->put("t/a/1.parquet", "1");
  objects->put("u/3.parquet", "333");
  std::ofstream(root.path() / "t/a/.tmp-0198") << "half";
  const auto found = objects->list("t");
  REQUIRE(found.size() == 2);
  CHECK(found[0].path == "t/a/1.parquet");
  CHECK(found[0].bytes == 1);
  CHECK(found[1].path == "t/b/2.parquet");
  CHECK(objects->list("t/").size() == 2);
  CHECK(objects->list("nowhere").empty());
  CHECK(objects->names("t") == std::vector<std::string>{"a", "b"});
  CHECK(objects->names("nowhere").empty());
}

TEST_CASE("what a dead writer left half-written is removed once it is old") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path());
  objects->put("t/whole", "1");
  std::ofstream(root.path() / "t/.tmp-0198") << "half";
  const Instant now = real_env().now();
  CHECK(objects->abort_uploads(now - std::chrono::hours(1)).empty());
  CHECK(objects->abort_uploads(now + std::chrono::hours(1)) ==
        std::vector<std::string>{"t/.tmp-0198"});
  CHECK(objects->exists("t/whole"));
  CHECK_FALSE(std::filesystem::exists(root.path() / "t/.tmp-0198"));
}

TEST_CASE("moving gives final names, can be repeated, and never replaces another file") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path());
  objects->put("staged/1", "one");
  objects->put("staged/2", "two");
  const std::vector<std::pair<std::string, std::string>> moves{{"staged/1", "day/1"},
                                                               {"staged/2", "day/2"}};
  objects->move(moves);
  objects->move(moves);
  CHECK(objects->get("day/1") == "one");
  CHECK(objects->get("day/2") == "two");
  CHECK(objects->list("staged").empty());

  objects->put("staged/1", "another");
  CHECK(code_of([&] { objects->move(moves); }) == "object_exists");
  CHECK(objects->get("day/1") == "one");
  CHECK(code_of([&] { objects->move({{"staged/9", "day/9"}}); }) == "store_unavailable");
}

TEST_CASE("a move cut short between its two names is finished by repeating it") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path());
  objects->put("staged/1", "one");
  std::filesystem::create_directories(root.path() / "day");
  std::filesystem::create_hard_link(root.path() / "staged/1", root.path() / "day/1");
  objects->move({{"staged/1", "day/1"}});
  CHECK(objects->get("day/1") == "one");
  CHECK_FALSE(objects->exists("staged/1"));
}

TEST_CASE("a folder made for a child is empty, and removing says whether there was anything") {
  const ScratchFolder root;
  const auto objects = local_folder(root.path());
  objects->put("staged/old", "left by an earlier attempt");
  const std::string address = objects->make_folders({"staged"}).front();
  CHECK(address == (root.path() / "staged").string());
  CHECK(std::filesystem::is_empty(address));
  objects->put("staged/new", "x");
  CHECK(objects->remove("staged/new"));
  CHECK_FALSE(objects->remove("staged/new"));
  objects->remove_folder("staged");
  objects->remove_folder("staged");
  CHECK_FALSE(std::filesystem::exists(address));
}

TEST_CASE("a full disk is said as such, and leaves neither half a file nor a final name") {
  const ScratchFolder root;
  const SmallDisk disk(root.path() / "small", "size=128k");
  if (!disk.is_mounted()) {
    MESSAGE("skipped: this user may not mount a small file system");
    return;
  }
  const auto objects = local_folder(root.path() / "small");
  CHECK(code_of([&] { objects->put("day/big", std::string(1 << 20, 'x')); }) == "disk_full");
  CHECK(code_of([&] { objects->put_if_absent("day/big", std::string(1 << 20, 'x')); }) ==
        "disk_full");
  CHECK(objects->list("day").empty());
  CHECK(std::filesystem::is_empty(root.path() / "small/day"));
  objects->put("day/small", "fits");
  CHECK(objects->get("day/small") == "fits");
}

TEST_CASE("a store that became read-only is said as such, and still reads") {
  const ScratchFolder root;
  SmallDisk disk(root.path() / "small", "size=128k");
  if (!disk.is_mounted()) {
    MESSAGE("skipped: this user may not mount a small file system");
    return;
  }
  const auto objects = local_folder(root.path() / "small");
  objects->put("day/a", "kept");
  disk.make_read_only();
  CHECK(code_of([&] { objects->put("day/b", "x"); }) == "store_read_only");
  CHECK(code_of([&] { objects->put_if_absent("other/b", "x"); }) == "store_read_only");
  CHECK(code_of([&] { objects->remove("day/a"); }) == "store_read_only");
  CHECK(code_of([&] { objects->move({{"day/a", "day/b"}}); }) == "store_read_only");
  CHECK(code_of([&] { objects->make_folders({"staged"}); }) == "store_read_only");
  CHECK(objects->get("day/a") == "kept");
}
