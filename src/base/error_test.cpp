#include "base/error.h"

#include <doctest/doctest.h>

namespace millrace {
namespace {

TEST_CASE("a fault has one word, read and written") {
  for (const Fault fault : {Fault::Misconfigured, Fault::BadData, Fault::Throttled,
                            Fault::Unavailable, Fault::Conflict, Fault::Cancelled}) {
    CHECK(fault_named(name_of(fault)) == fault);
  }
  CHECK(name_of(Fault::BadData) == "bad_data");
  CHECK_THROWS_AS(fault_named("BadData"), Error);
}

TEST_CASE("what a person must change is not tried again, and a person is told") {
  CHECK(!policy_of(Fault::Misconfigured).retry);
  CHECK(policy_of(Fault::Misconfigured).tells_a_person);
  CHECK(!policy_of(Fault::BadData).retry);
  CHECK(policy_of(Fault::Unavailable).retry);
  CHECK(!policy_of(Fault::Unavailable).tells_a_person);
  CHECK(!policy_of(Fault::Cancelled).retry);
  CHECK(!policy_of(Fault::Cancelled).tells_a_person);
}

TEST_CASE("an error keeps the first place it was given") {
  const Error error(Fault::BadData, "bad_time", "reading a time failed", "Map another column");
  const Error located = error.at("purchases 2026-11-20").at("somewhere above");
  CHECK(located.where == "purchases 2026-11-20");
  CHECK(located.code == "bad_time");
  CHECK(located.advice == "Map another column");
  CHECK(std::string(located.what()) == "reading a time failed");
  CHECK(error.where.empty());
}

TEST_CASE("a wrong assumption ends the job with a text that blames nobody else") {
  CHECK_NOTHROW(check(true, "days rise"));
  try {
    check(false, "days rise");
    FAIL("went on");
  } catch (const std::logic_error& error) {
    CHECK(std::string(error.what()) ==
          "this is a mistake in Millrace itself: expected that days rise");
  }
}

}  // namespace
}  // namespace millrace
