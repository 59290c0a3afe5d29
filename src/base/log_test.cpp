#include "base/log.h"

#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/env.h"
#include "base/file.h"

namespace millrace {
namespace {

/// What arrives on stderr while `action` runs.
std::string logged(auto action) {
  const auto path = std::filesystem::temp_directory_path() / new_id(real_env());
  const int kept = ::dup(STDERR_FILENO);
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600);
  ::dup2(file, STDERR_FILENO);
  action();
  ::dup2(kept, STDERR_FILENO);
  ::close(file);
  ::close(kept);
  const std::string text = file::read(path);
  std::filesystem::remove(path);
  return text;
}

TEST_CASE("a line is the time, the level, a sentence and its values") {
  const std::string line = logged([] {
    log::warning("day published",
                 {{"ingestion", "purchases"}, {"note", "two words"}, {"empty", ""}});
  });
  CHECK(line.substr(27) ==
        " warning: day published ingestion=purchases note=\"two words\" empty=\"\"\n");
  CHECK_NOTHROW(instant_from_text(line.substr(0, 27)));
}

TEST_CASE("a value cannot forge a second line") {
  const std::string line =
      logged([] { log::error("failed", {{"why", "a\nerror: \"b\"\x1b[0m"}}); });
  CHECK(line.substr(27) == " error: failed why=\"a\\nerror: \\\"b\\\"\\u001b[0m\"\n");
}

TEST_CASE("nothing below a warning is written unless somebody asks for it") {
  CHECK(logged([] { log::info("quiet"); }).empty());
  setenv("MILLRACE_LOG_LEVEL", "info", 1);
  CHECK(!logged([] { log::info("asked for"); }).empty());
  CHECK(logged([] { log::debug("not this"); }).empty());
  setenv("MILLRACE_LOG_LEVEL", "error", 1);
  CHECK(logged([] { log::warning("not this"); }).empty());
  unsetenv("MILLRACE_LOG_LEVEL");
}

TEST_CASE("JSON lines hold the same, whatever the encoding of a value") {
  setenv("MILLRACE_LOG", "json", 1);
  const std::string line =
      logged([] { log::warning("failed", {{"day", "2026-11-20"}, {"why", "caf\xe9 \"x\""}}); });
  unsetenv("MILLRACE_LOG");
  const auto value = nlohmann::json::parse(line);
  CHECK(value["level"] == "warning");
  CHECK(value["sentence"] == "failed");
  CHECK(value["day"] == "2026-11-20");
  CHECK(value["why"] == "caf\xef\xbf\xbd \"x\"");
  CHECK(line.find('\n') == line.size() - 1);
}

}  // namespace
}  // namespace millrace
