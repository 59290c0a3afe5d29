#include "definition/document.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace millrace::definition {

TEST_CASE("keys keep the order in which they were written, and their places") {
  const Node root =
      parse_toml("zebra = 1\n\n[table]\n  b = \"é\" # two bytes\n  a = true\n", "x.toml");

  REQUIRE(root.members.size() == 2);
  CHECK(root.members[0].key == "zebra");
  CHECK(root.members[0].place.text() == "x.toml:1:1");
  const Node& table = root.members[1].value;
  CHECK(table.place.text() == "x.toml:3:1");
  REQUIRE(table.members.size() == 2);
  CHECK(table.members[0].key == "b");
  CHECK(table.members[0].value.text == "é");
  CHECK(table.members[0].value.place.text() == "x.toml:4:7");
  CHECK(table.members[0].value.end.column == 10);
  CHECK(table.members[1].value.boolean);
}

TEST_CASE("a file that is not TOML is refused where it stops being TOML") {
  const auto where = [](const char* text) {
    try {
      parse_toml(text, "x.toml");
      return std::string("accepted");
    } catch (const Error& error) {
      CHECK(error.code == "bad_toml");
      CHECK(error.fault == Fault::Misconfigured);
      return error.where;
    }
  };
  CHECK(where("a = 1\nb = \"open\n") == "x.toml:2:10");
  CHECK(where("a = 1\na = 2\n") == "x.toml:2:5");
  CHECK(where("a = word\n") == "x.toml:1:5");
}

}  // namespace millrace::definition
