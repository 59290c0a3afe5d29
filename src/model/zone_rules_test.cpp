#include "model/zone_rules.h"

#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/file.h"

namespace millrace {
namespace {

/// A folder that takes the place of the system's time zone data.
class ZoneFolder {
 public:
  ZoneFolder() : path_(std::filesystem::temp_directory_path() / new_id(real_env())) {
    std::filesystem::create_directories(path_);
    setenv("TZDIR", path_.c_str(), 1);
  }
  ZoneFolder(const ZoneFolder&) = delete;
  ZoneFolder& operator=(const ZoneFolder&) = delete;
  ~ZoneFolder() {
    unsetenv("TZDIR");
    std::filesystem::remove_all(path_);
  }
  void put(const std::string& name, std::string_view bytes) { file::write(path_ / name, bytes); }

 private:
  std::filesystem::path path_;
};

TEST_CASE("every zone of this machine has rules whose pieces rise") {
  const std::vector<std::string> names = iana_names();
  CHECK(names.size() > 300);
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto rules = iana_rules(name);
    REQUIRE(rules);
    const auto& pieces = rules->pieces;
    REQUIRE(!pieces.empty());
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      CHECK(pieces[i - 1].begins < pieces[i].begins);
      CHECK(pieces[i - 1].since < pieces[i].since);
      CHECK(pieces[i - 1].offset != pieces[i].offset);
    }
  }
}

TEST_CASE("only names of zones are looked up, never paths") {
  for (const char* name : {"../../../etc/passwd", "/etc/passwd", "right/UTC", "posix/UTC",
                           "localtime", "tzdata.zi", "Europe", "Europe/../UTC", ""}) {
    CAPTURE(std::string(name));
    CHECK(!iana_rules(name));
  }
}

TEST_CASE("a jump back followed by a jump within the repeated hour keeps time monotone") {
  using std::chrono::hours;
  ZoneRules rules;
  rules.add(Instant::min(), hours(2));
  rules.add(instant_from_text("1950-01-01T00:00:00Z"), hours(1));
  rules.add(instant_from_text("1950-01-01T00:30:00Z"), hours(2));
  REQUIRE(rules.pieces.size() == 2);
  CHECK(to_text(*rules.pieces[1].floor) == "1950-01-01T00:30:00.000000Z");
  CHECK(rules.pieces[1].begins.time_since_epoch() ==
        instant_from_text("1950-01-01T02:00:00Z").time_since_epoch());
}

TEST_CASE("a machine without time zone data is told what to install") {
  setenv("TZDIR", "/nowhere/zoneinfo", 1);
  try {
    iana_rules("Europe/Berlin");
    FAIL("found");
  } catch (const Error& error) {
    CHECK(error.code == "no_time_zones");
    CHECK(error.advice == "Install it with `apt-get install tzdata`");
  }
  unsetenv("TZDIR");
}

TEST_CASE("a damaged zone file is refused, wherever it was cut") {
  const std::string whole = file::read("/usr/share/zoneinfo/Australia/Lord_Howe");
  ZoneFolder folder;
  folder.put("Whole", whole);
  CHECK(iana_rules("Whole"));
  int refused = 0;
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 13) {
    folder.put("Cut", whole.substr(0, bytes));
    try {
      if (!iana_rules("Cut")) ++refused;
    } catch (const Error& error) {
      CHECK(error.code == "no_time_zones");
      ++refused;
    }
  }
  CHECK(refused == static_cast<int>((whole.size() + 12) / 13));
}

}  // namespace
}  // namespace millrace
