#include "cli/housekeeping.h"

#include <string>
#include <utility>

#include "base/log.h"
#include "cli/home.h"
#include "pipeline/statements.h"
#include "pipeline/sweep.h"
#include "schedule/freshness.h"
#include "schedule/missing.h"

namespace millrace::cli {
namespace {

constexpr std::chrono::seconds kFreshnessEvery(5);
constexpr std::chrono::hours kSweepEvery(24);

}  // namespace

void close_what_died(const std::filesystem::path& home_path, schedule::Crew& crew,
                     std::chrono::seconds every, std::stop_token stop) {
  do {
    try {
      Home home(home_path);
      pipeline::House& house = home.house(true);
      do {
        if (pipeline::close_dead_loads(house, stop) > 0) crew.look_again();
      } while (house.env.wait(every, stop));
    } catch (const Error& error) {
      log::warning("could not look what processes left that died", {{"error", error.what()}});
    }
  } while (real_env().wait(every, stop));
}

void keep_swept(const std::filesystem::path& home_path, std::chrono::seconds first,
                std::stop_token stop) {
  while (real_env().wait(first, stop)) {
    try {
      Home home(home_path);
      const pipeline::Swept swept =
          pipeline::sweep(home.house(true), false, false, home.configuration().retention);
      log::info("swept", {{"files", std::to_string(swept.removed.size())},
                          {"bytes", std::to_string(swept.bytes)},
                          {"not_ours", std::to_string(swept.foreign.size())}});
    } catch (const std::exception& error) {
      log::warning("could not sweep", {{"error", error.what()}});
    }
    first = kSweepEvery;
  }
}

void look_at_freshness(catalog::Catalog& catalog) {
  for (const schedule::Freshness& news : schedule::watch_freshness(catalog, real_env().now())) {
    (news.is_late ? log::warning : log::info)(
        news.is_late ? "a day is late" : "a late day is there",
        {{"ingestion", news.ingestion}, {"day", news.day.text()}, {"text", news.text}});
  }
}

void look_for_left_out(catalog::Catalog& catalog) {
  for (const schedule::LeftOut& news : schedule::watch_left_out(catalog, real_env().now())) {
    log::warning("days are left out", {{"ingestion", news.ingestion}, {"text", news.text}});
  }
}

void watch_freshness(const std::filesystem::path& home_path, std::stop_token stop) {
  while (!stop.stop_requested()) {
    try {
      Home home(home_path);
      catalog::Catalog catalog({.path = home.catalog_path()}, real_env());
      // Days are late by a minute of the clock, or because of what somebody changed.
      std::int64_t changes = -1;
      Instant looked{};
      while (real_env().wait(kFreshnessEvery, stop)) {
        const Instant minute = std::chrono::floor<std::chrono::minutes>(real_env().now());
        const std::int64_t seen = catalog.changes();
        const bool is_later = minute != std::exchange(looked, minute);
        if (is_later) look_for_left_out(catalog);
        if (seen != std::exchange(changes, seen) || is_later) look_at_freshness(catalog);
      }
    } catch (const Error& error) {
      log::warning("could not look whether days are late", {{"error", error.what()}});
      real_env().wait(kFreshnessEvery, stop);
    }
  }
}

}  // namespace millrace::cli
