#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"

namespace millrace::store {

struct ObjectInfo {
  std::string path;  ///< Relative to the root, '/' between parts.
  std::int64_t bytes = 0;
  Instant modified;
};

struct Object {
  std::string path;
  std::string bytes;
};

/// The few things asked of where files live: a local folder now, an object store later. Paths are
/// relative to the root; one that could leave it ("..", a leading "/", an empty part) is refused
/// with Misconfigured `bad_path`; a folder may end in "/". Thread-safe, and safe between processes.
/// What a call has returned from is durable. Throws Unavailable `store_unavailable` / `disk_full`,
/// Misconfigured `store_read_only`.
class Objects {
 public:
  virtual ~Objects() = default;
  /// False of each that somebody else put first; nobody ever sees half of one.
  virtual std::vector<bool> put_if_absent(std::span<const Object> objects) = 0;
  bool put_if_absent(const std::string& path, std::string bytes) {
    const Object object{path, std::move(bytes)};
    return put_if_absent({&object, 1}).front();
  }
  virtual void put(const std::string& path, std::string_view bytes) = 0;
  virtual std::optional<std::string> get(const std::string& path) = 0;
  /// Its bytes; none when it is not there.
  virtual std::optional<std::int64_t> size(const std::string& path) = 0;
  bool exists(const std::string& path) { return size(path).has_value(); }
  /// Everything under the folder, recursively, sorted by path.
  virtual std::vector<ObjectInfo> list(const std::string& folder) = 0;
  /// The names directly in the folder, sorted: cheaper than `list` where there are very many.
  virtual std::vector<std::string> names(const std::string& folder) = 0;
  /// False when it was not there.
  virtual bool remove(const std::string& path) = 0;
  /// Gives each object its final name. One that has it already is left alone, so a call that was
  /// cut short can be repeated; a different object under that name is Conflict `object_exists`.
  virtual void move(const std::vector<std::pair<std::string, std::string>>& from_to) = 0;
  /// An empty folder each for a child process to write into; returns their addresses.
  virtual std::vector<std::string> make_folders(const std::vector<std::string>& folders) = 0;
  virtual void remove_folder(const std::string& folder) = 0;
  /// Removes what writers that died before `before` left half-written; returns the paths.
  virtual std::vector<std::string> abort_uploads(Instant before) = 0;
  /// Where engines find it: a path in the file system, or a URL.
  virtual std::string address(const std::string& path) const = 0;
};

/// Makes the root where it is missing. All of it must be one file system (files are linked).
std::unique_ptr<Objects> local_folder(const std::filesystem::path& root);

}  // namespace millrace::store
