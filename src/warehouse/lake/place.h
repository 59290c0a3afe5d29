#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/database.h"
#include "engine/syntax.h"
#include "model/source.h"

namespace millrace::warehouse::lake {

/// One file as its place lists it.
struct FileState {
  std::string path;  ///< Absolute, as the engine reads it.
  std::int64_t size = 0;
  std::string stamp;   ///< Differs when the file was written again.
  bool fresh = false;  ///< Written so recently that its stamp may not show the next change.
};

/// What a customer's SQL asks a path for.
struct Asked {
  const Query& query;
  const std::string& select;  ///< Its SQL, rendered.
  DayRange days;
  enum class Rows { All, Some, None } rows = Rows::All;  ///< None: columns and types alone.
};

/// Where a lake's files lie: what its two kinds differ in. Not thread-safe.
class Place {
 public:
  virtual ~Place() = default;

  /// Every path that may be read begins with it; ends with a slash.
  virtual const std::string& base() const = 0;
  /// The path that a customer wrote, absolute. Throws Misconfigured `not_allowed` when it leaves
  /// the place.
  virtual std::string resolve(const std::string& path) const = 0;
  /// The files that match an absolute glob, by path; none is not an error.
  virtual std::vector<FileState> files(engine::Database& database, const std::string& glob,
                                       std::stop_token stop) = 0;
  /// Which of these files of a glob may hold rows that are asked for; all, where nothing tells.
  virtual std::vector<FileState> narrowed(engine::Database& database, const std::string& glob,
                                          std::vector<FileState> files, const Asked& asked,
                                          std::stop_token stop);
  /// Whether it tells files of one day from those of another, by more than their paths.
  virtual bool narrows() const { return false; }
  /// What the engine reads where the SQL names the glob: that, in quotes, once it was looked at.
  /// Throws Misconfigured `no_files` where it matches none, `not_allowed` where it matches a link
  /// that leaves the place.
  virtual std::string relation(engine::Database& database, const std::string& glob,
                               const engine::FileRead& read, const Asked& asked,
                               std::stop_token stop);
  /// A failure of the engine, as this place's customer understands it.
  virtual Error explained(const Error& error) const = 0;
  /// What a probe's first step is called, and what it found; throws where it fails.
  virtual std::string first_step() const = 0;
  virtual std::string found() const = 0;
  virtual engine::Options engine_needs() const = 0;
  virtual std::unique_ptr<Place> copy() const = 0;
};

/// True where a component of a path is "..".
bool climbs(const std::string& path);
Error no_files(const std::string& glob);
/// An error that quotes a statement of ours which lists files, without it.
Error without_our_line(const Error& error);
Error not_allowed(const std::string& path, const std::string& why);

}  // namespace millrace::warehouse::lake
