#include "warehouse/lake/place.h"

#include <fmt/format.h>

#include <utility>

namespace millrace::warehouse::lake {

std::vector<FileState> Place::narrowed(engine::Database&, const std::string&,
                                       std::vector<FileState> files, const Asked&,
                                       std::stop_token) {
  return files;
}

std::string Place::relation(engine::Database& database, const std::string& glob,
                            const engine::FileRead&, const Asked&, std::stop_token stop) {
  if (files(database, glob, std::move(stop)).empty()) throw no_files(glob);
  return engine::literal(glob);
}

bool climbs(const std::string& path) {
  return ("/" + path + "/").find("/../") != std::string::npos;
}

Error no_files(const std::string& glob) {
  return {
      Fault::Misconfigured, "no_files", fmt::format("reading {}: there are no such files", glob),
      "Check the path; globs such as 'sales/*.parquet' are relative to the connection's folder."};
}

Error without_our_line(const Error& error) {
  const std::string text = error.what();
  const auto line = text.find(engine::kExcerpt);
  if (line == text.npos || text.find("from glob(", line) == text.npos) return error;
  return engine::without_excerpt(error);
}

Error not_allowed(const std::string& path, const std::string& why) {
  return {Fault::Misconfigured, "not_allowed", fmt::format("reading {}: {}", path, why),
          "A query may read files below its connection's folder only."};
}

}  // namespace millrace::warehouse::lake
