#include "base/env.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "base/error.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

/// A clock that stands still and bytes that are all ones.
class FrozenEnv final : public Env {
 public:
  explicit FrozenEnv(const char* now) : now_(instant_from_text(now)) {}
  Instant now() override { return now_; }
  void random(std::span<std::uint8_t> bytes) override {
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
  }
  bool wait(std::chrono::milliseconds, std::stop_token) override { return true; }

 private:
  Instant now_;
};

TEST_CASE(
    "an id is a UUIDv7: milliseconds, version, part of the millisecond, variant, randomness") {
  FrozenEnv env("2022-02-22T19:22:22.000500Z");
  // The milliseconds are those of the example in RFC 9562, A.6.
  CHECK(new_id(env) == "017f22e2-79b0-7800-bfff-ffffffffffff");
  CHECK(to_text(made_at(new_id(env))) == "2022-02-22T19:22:22.000000Z");
}

TEST_CASE("ids sort by the microsecond they were made in") {
  FrozenEnv first("2026-11-20T00:00:00.000001Z"), second("2026-11-20T00:00:00.000002Z"),
      third("2026-11-20T00:00:00.999999Z"), fourth("2026-11-20T00:00:01.000000Z");
  CHECK(new_id(first) < new_id(second));
  CHECK(new_id(second) < new_id(third));
  CHECK(new_id(third) < new_id(fourth));
}

TEST_CASE("ten thousand ids are ten thousand different ones") {
  std::set<std::string> ids;
  for (int i = 0; i < 10000; ++i) ids.insert(new_id(real_env()));
  CHECK(ids.size() == 10000);
}

TEST_CASE("an instant is written with microseconds and read back") {
  for (const char* text : {"2026-11-24T09:30:00.000000Z", "1969-12-31T23:59:59.999999Z",
                           "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"}) {
    CHECK(to_text(instant_from_text(text)) == text);
  }
  CHECK(instant_from_text("1970-01-01T00:00:01.5Z").time_since_epoch() == 1500000us);
  CHECK(instant_from_text("1970-01-01T00:00:01Z").time_since_epoch() == 1s);
}

TEST_CASE("a text that is no instant is refused") {
  for (const char* text :
       {"", "2026-11-24", "2026-11-24T09:30:00", "2026-11-24 09:30:00Z", "2026-02-30T00:00:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T09:60:00Z", "2026-11-24T09:30:00.Z",
        "2026-11-24T09:30:00.1234567Z", "2026-11-24T09:30:00Z ", "2026-11-24T09:30:00+01:00"}) {
    CAPTURE(std::string(text));
    CHECK_THROWS_AS(instant_from_text(text), Error);
  }
}

TEST_CASE("a wait ends when its time is over, or at once when somebody asks to stop") {
  CHECK(real_env().wait(1ms, {}));
  std::stop_source source;
  const auto start = std::chrono::steady_clock::now();
  const std::jthread other([&] {
    real_env().wait(20ms, {});
    source.request_stop();
  });
  CHECK(!real_env().wait(60s, source.get_token()));
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  CHECK(!real_env().wait(60s, source.get_token()));
}

TEST_CASE("an environment variable that is not set is empty") {
  setenv("MILLRACE_TEST_VARIABLE", "x", 1);
  CHECK(environment_variable("MILLRACE_TEST_VARIABLE") == "x");
  unsetenv("MILLRACE_TEST_VARIABLE");
  CHECK(environment_variable("MILLRACE_TEST_VARIABLE").empty());
}

}  // namespace
}  // namespace millrace
