#include "base/quoted.h"

#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("what may be a value is left out of a sentence") {
  CHECK(without_values("division by zero") == "division by zero");
  CHECK(without_values("Could not convert string 'it's Jane' to INT32") ==
        "Could not convert string \"…\" to INT32");
  CHECK(without_values("can't cast a value") == "can't cast a value");
  CHECK(without_values("value 4711 of type INT32 is out of range") ==
        "value … of type INT32 is out of range");
  CHECK(without_values("Overflow in addition of INT64 (4711.5 + 1)!") ==
        "Overflow in addition of INT64 (… + …)!");
  CHECK(without_values("bad date: Jane") == "bad date: …");
  CHECK(without_values("unterminated \"Jane") == "unterminated …");
  CHECK(without_values("first line\nJane") == "first line");
}

TEST_CASE("an error keeps what it leaves out for who may see rows") {
  const Error error = quoting(Fault::BadData, "bad_value", "reading failed: ", "\"Jane\" is bad");
  CHECK(std::string(error.what()) == "reading failed: \"…\" is bad");
  CHECK(error.text(true) == "reading failed: \"Jane\" is bad");
  CHECK(error.text(false) == error.what());
  CHECK(quoting(Fault::BadData, "x", "", "nothing quoted").in_full.empty());
  const Error reworded = error.reworded([](const std::string& text) { return "again: " + text; });
  CHECK(reworded.in_full == "again: reading failed: \"Jane\" is bad");
  CHECK(std::string(reworded.what()) == "again: reading failed: \"…\" is bad");
}
