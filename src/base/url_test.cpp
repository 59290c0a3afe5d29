#include "base/url.h"

#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("what travels to https, or to this machine, is read by nobody else") {
  for (const char* url : {"https://millrace.example.com", "http://localhost", "http://localhost/x",
                          "http://localhost:8080", "http://127.0.0.1:8080/x?y#z", "http://[::1]:80",
                          "http://localhost?x=a@b"}) {
    CAPTURE(url);
    CHECK(is_private(url));
  }
}

TEST_CASE("an address that only begins like this machine's is another's") {
  for (const char* url : {"", "localhost", "http://example.com", "http://localhost.example.com",
                          "http://localhost:x@example.com", "http://localhost@example.com",
                          "http://127.0.0.1:80@example.com/", "http://[::1]:8080:@example.com",
                          "http://127.0.0.10", "http://localhost\\@example.com"}) {
    CAPTURE(url);
    CHECK_FALSE(is_private(url));
  }
}
