#include "api/rate_limit.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const Instant kStart{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25)};

catalog::ApiKey key_with(std::int64_t per_10s, std::int64_t per_15min) {
  catalog::ApiKey key;
  key.id = "one";
  key.per_10s = per_10s;
  key.per_15min = per_15min;
  return key;
}

}  // namespace

TEST_CASE("the 101st request within ten seconds waits until the first is ten seconds old") {
  api::RateLimit limits;
  const auto key = key_with(100, 900);
  for (int i = 0; i < 100; ++i) CHECK(limits.take(key, kStart + i * 10ms).allowed);
  const auto refused = limits.take(key, kStart + 4s);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.retry_after == 6s);
  CHECK(refused.limit == 100);
  CHECK(refused.left == 0);
  CHECK(limits.take(key, kStart + 10s).allowed);
}

TEST_CASE("the longer window refuses what the shorter one allows") {
  api::RateLimit limits;
  const auto key = key_with(100, 900);
  for (int i = 0; i < 900; ++i) CHECK(limits.take(key, kStart + i * 200ms).allowed);
  CHECK(limits.take(key, kStart + 190s).retry_after == 15min - 190s);
}

TEST_CASE("a limit of zero is none, and refused requests do not count") {
  api::RateLimit limits;
  for (int i = 0; i < 2000; ++i) CHECK(limits.take(key_with(0, 0), kStart).allowed);
  api::RateLimit strict;
  CHECK(strict.take(key_with(1, 0), kStart).allowed);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(strict.take(key_with(1, 0), kStart + 5s).allowed);
  CHECK(strict.take(key_with(1, 0), kStart + 10s).allowed);
}
