#include "api/progress_feed.h"

#include <doctest/doctest.h>

#include <atomic>

#include "catalog/fixture.h"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

/// Stands still until told, for the feed's thread and the test's.
class StillClock final : public Env {
 public:
  Instant now() override { return begin_ + std::chrono::microseconds(passed_); }
  void random(std::span<std::uint8_t> bytes) override { real_env().random(bytes); }
  bool wait(std::chrono::milliseconds, std::stop_token stop) override {
    return real_env().wait(1ms, stop);
  }
  void pass(std::chrono::microseconds time) { passed_ += time.count(); }

 private:
  const Instant begin_ = instant_from_text("2026-11-24T09:30:00.000000Z");
  std::atomic<std::int64_t> passed_ = 0;
};

std::string first_of(const api::ProgressFeed::Stream& stream) {
  for (;;) {
    const auto said = stream();
    REQUIRE(said);
    if (!said->empty()) return *said;
    real_env().wait(1ms, {});
  }
}

}  // namespace

TEST_CASE(
    "a stream on which nothing happens beats every 15 seconds, and is over after 15 minutes") {
  const catalog::fixture::Folder folder;
  StillClock clock;
  const catalog::Catalog catalog({.path = folder.catalog()}, clock);
  api::ProgressFeed feed(folder.catalog(), clock);

  const api::ProgressFeed::Stream stream = feed.stream("");
  CHECK(first_of(stream).starts_with("event: running\n"));
  clock.pass(api::ProgressFeed::kHeartbeat);
  CHECK(stream() == "");
  clock.pass(1us);
  CHECK(stream() == ": nothing happens\n\n");
  CHECK(stream() == "");
  clock.pass(api::ProgressFeed::kStreamLasts - api::ProgressFeed::kHeartbeat - 1us);
  CHECK(stream() == ": nothing happens\n\n");
  clock.pass(1us);
  CHECK_FALSE(stream());

  // Who reads on proves the key again, and begins a stream of its own.
  CHECK(first_of(feed.stream("")).starts_with("event: running\n"));
}
