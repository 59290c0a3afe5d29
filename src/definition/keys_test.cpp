#include "definition/keys.h"

#include <doctest/doctest.h>

#include "golden.h"

namespace millrace::definition {

TEST_CASE("the reference page lists every key that files may hold") {
  CHECK(golden::difference("docs/reference/configuration.md", reference_page()) == "");
}

}  // namespace millrace::definition
