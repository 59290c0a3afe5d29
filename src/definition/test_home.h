#pragma once

#include <filesystem>
#include <string>

#include <unistd.h>

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "definition/files.h"

namespace millrace::definition {

/// A home of its own for one test; removed with it.
class TestHome {
 public:
  TestHome() : path_(std::filesystem::temp_directory_path() / ("millrace-" + new_id(real_env()))) {
    write("millrace.toml",
          "[project]\nzone = \"UTC-8\"\nunit_types = [\"userID\", \"stableID\"]\n"
          "[files]\nroots = [\"/exports\"]\n");
  }
  ~TestHome() { std::filesystem::remove_all(path_); }
  TestHome(const TestHome&) = delete;
  TestHome& operator=(const TestHome&) = delete;

  const std::filesystem::path& path() const { return path_; }
  Configuration configuration() const { return read_configuration(path_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    file::write(path_ / name, text);
    return path_ / name;
  }
  FileSet read(const std::string& name) const { return read_files(path_ / name, configuration()); }

 private:
  std::filesystem::path path_;
};

/// What a call refuses, as people see it; empty when it refuses nothing.
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
    return "";
  } catch (const Error& error) {
    return error.where + (error.where.empty() ? "" : "\n") + error.what() +
           (error.advice.empty() ? "" : "\n" + error.advice);
  }
}

}  // namespace millrace::definition
