#include "base/secret.h"

#include <new>
#include <ostream>

#include <doctest/doctest.h>

namespace millrace {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

TEST_CASE("a secret cannot be printed by accident") {
  static_assert(Printable<std::string>);
  static_assert(!Printable<Secret>);
}

TEST_CASE("a secret is what was put in, also after copies") {
  Secret secret("correct horse");
  Secret copy = secret;
  secret = Secret("x");
  CHECK(copy.reveal() == "correct horse");
  CHECK(secret.reveal() == "x");
  secret = *&secret;
  CHECK(secret.reveal() == "x");
  CHECK(Secret().empty());
}

TEST_CASE("a destroyed secret leaves nothing in its memory") {
  alignas(Secret) unsigned char memory[sizeof(Secret)] = {};
  // Short enough to lie inside the object itself, where it can be looked for afterwards.
  Secret* secret = new (memory) Secret("hunter2");
  const std::string before(reinterpret_cast<const char*>(memory), sizeof memory);
  CHECK(before.find("hunter2") != std::string::npos);
  secret->~Secret();
  const std::string after(reinterpret_cast<const char*>(memory), sizeof memory);
  CHECK(after.find("unter") == std::string::npos);
}

}  // namespace
}  // namespace millrace
