#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "warehouse/lake/place.h"

namespace millrace::warehouse::lake {

/// How a file is read, by the end of its name; empty for names that hold no rows ("_SUCCESS").
/// "read_parquet", "read_csv" or "read_json".
std::string reader_of(const std::string& path);

/// The folder layout: `<folder>/<YYYY-MM-DD>/<files>`, where the folder decides the day. Lists a
/// day's folder when it is asked; remembers nothing.
class DayFolders {
 public:
  DayFolders(Place& place, engine::Database& database, const std::string& folder);

  /// The data files of a day, by path.
  std::vector<FileState> files(Day day, std::stop_token stop) const;
  /// The latest day that has any, or none.
  std::optional<Day> latest(std::stop_token stop) const;
  /// `select * from read_…([…])` over these files: at least one, all read the same way, else
  /// Misconfigured `mixed_files`. A column that one file lacks is null there.
  static std::string select(const std::vector<FileState>& files);

 private:
  Place& place_;
  engine::Database& database_;
  std::string folder_;  ///< Absolute, ends with a slash.
};

}  // namespace millrace::warehouse::lake
