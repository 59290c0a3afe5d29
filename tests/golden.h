#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

/// Texts that people read are compared with files under review: `make golden`
/// (MILLRACE_GOLDEN=write) rewrites them, and the diff shows what changed for the reader.
namespace millrace::golden {

/// A file of the source tree, by its path from the root.
inline std::filesystem::path source(const std::string& path) {
  return std::filesystem::path(MILLRACE_SOURCE_DIR) / path;
}

inline std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What is wrong with `actual`, or nothing: use as CHECK(golden::difference(path, text) == "").
/// `path` is relative to the root of the source tree.
inline std::string difference(const std::string& path, const std::string& actual) {
  const std::filesystem::path file = source(path);
  const char* mode = std::getenv("MILLRACE_GOLDEN");
  if (mode && std::string(mode) == "write") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << actual;
    return "";
  }
  if (!std::filesystem::exists(file)) return path + " is missing; write it with `make golden`";
  std::istringstream expected_lines(content(file)), actual_lines(actual);
  if (expected_lines.str() == actual) return "";
  std::string expected_line, actual_line;
  for (int number = 1;; ++number) {
    const bool more = static_cast<bool>(std::getline(expected_lines, expected_line));
    const bool more_actual = static_cast<bool>(std::getline(actual_lines, actual_line));
    if (more && more_actual && expected_line == actual_line) continue;
    const auto shown = [](bool there, const std::string& line) {
      return there ? line : std::string("(end of text)");
    };
    return path + ":" + std::to_string(number) + "\n  expected: " + shown(more, expected_line) +
           "\n  actual:   " + shown(more_actual, actual_line) +
           "\nIf this is right, rewrite it with `make golden`";
  }
}

}  // namespace millrace::golden
