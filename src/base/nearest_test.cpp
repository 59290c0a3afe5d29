#include "base/nearest.h"

#include <array>

#include <doctest/doctest.h>

namespace millrace {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"host", "port", "password", "sslmode", "user"};

std::optional<std::string> guess(std::string_view word) {
  return nearest(word, std::span<const std::string_view>(kWords));
}

TEST_CASE("a slip of the finger finds the word that was meant") {
  CHECK(guess("hots") == "host");
  CHECK(guess("passwrd") == "password");
  CHECK(guess("passswrd") == "password");
  CHECK(guess("SSLMode") == "sslmode");
  CHECK(guess("pot") == "port");
}

TEST_CASE("a word that is like none of them gets no guess") {
  CHECK(!guess("certificate"));
  CHECK(!guess(""));
  CHECK(!nearest("host", std::span<const std::string>()));
}

TEST_CASE("the tail of a message offers the guess or nothing") {
  CHECK(did_you_mean(guess("hots")) == "; did you mean \"host\"?");
  CHECK(did_you_mean({}) == "");
}

}  // namespace
}  // namespace millrace
