#include "api/routes.h"

#include <doctest/doctest.h>

#include <set>

#include "golden.h"

using namespace millrace;

TEST_CASE("the reference of the API is the table of routes") {
  const std::string path = "docs/reference/api.md";
  const std::string page = golden::content(golden::source(path));
  CHECK(golden::difference(path, api::reference_page(page)) == "");
}

TEST_CASE("what a route takes, gives and answers can be read") {
  for (const api::Route& route : api::routes()) {
    INFO(route.method, " ", route.path);
    CHECK_FALSE(route.about.empty());
    CHECK_FALSE(route.gives.empty());
    CHECK((route.answer != nullptr));
    CHECK_NOTHROW(api::statuses_of(route));
  }
  CHECK(api::openapi().find("\"openapi\": \"3.1.0\"") != std::string::npos);
}

TEST_CASE("no two routes answer the same request") {
  std::set<std::string> seen;
  for (const api::Route& route : api::routes()) {
    CHECK(seen.insert(std::string(route.method) + " " + std::string(route.path)).second);
  }
}

TEST_CASE("a target is taken apart, and what is no target is refused") {
  api::Request request;
  CHECK(api::read_target("/a%20b?x=1&x=%C3%A9&y=&statuses%5B%5D=A+B&z", request));
  CHECK(request.path == "/a b");
  CHECK(request.query.count("x") == 2);
  CHECK(request.parameter("statuses") == "A B");
  CHECK(request.parameter("z") == "");
  for (const char* bad : {"", "a", "/%", "/%4", "/%zz", "/?a=%", "http://x/", "/%ff", "/?a=%00"}) {
    api::Request other;
    CHECK_FALSE(api::read_target(bad, other));
  }
}

TEST_CASE("instants are shown to the millisecond, as callers expect them") {
  CHECK(api::shown(instant_from_text("2023-09-07T00:50:07.941999Z")) == "2023-09-07T00:50:07.941Z");
}
