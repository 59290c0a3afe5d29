#include <doctest/doctest.h>

#include <csignal>
#include <random>
#include <thread>

#include "catalog/fixture.h"

namespace millrace::catalog {
namespace {

using namespace fixture;

constexpr int kDays = 5;

/// Publishes, holds, accepts, undoes and releases until it is killed.
void work_for_ever(const std::filesystem::path& path, const Ingestion& ingestion,
                   const Signal& goes_on) {
  Catalog catalog({.path = path}, real_env());
  for (int step = 0;; ++step) {
    goes_on.give();
    const Day day = kDay.plus(step % kDays);
    const Lease lease = begin(catalog, ingestion, day);
    if (step % 7 == 3) {
      catalog.hold_load(lease, manifest_of(lease, ingestion, 5), "look at it");
      const Lease accepted = catalog.accept_load(ingestion.id, day);
      catalog.publish(accepted, version_of(accepted, ingestion, 5), 0, "");
    } else {
      catalog.publish(lease, version_of(lease, ingestion, 10 + step), 0, "");
    }
    if (step % 5 == 4 && catalog.history(ingestion.id, day).size() > 1) {
      catalog.undo(ingestion.id, day, "");
      catalog.release(ingestion.id, day);
    }
  }
}

/// Whatever was cut short, it is as if it had never begun, or whole.
void require_whole(Catalog& catalog, const Ingestion& ingestion) {
  std::size_t versions = 0, files = 0;
  for (const DayRow& row : catalog.days(ingestion.id)) {
    const auto history = catalog.history(ingestion.id, row.state.day);
    versions += history.size();
    for (const Version& version : history) {
      REQUIRE(version.files.size() == 1);
      REQUIRE(catalog.published_seq(version.id).has_value());
    }
    if (row.state.current.empty()) continue;
    const auto current = catalog.version(row.state.current);
    REQUIRE(current.has_value());
    REQUIRE(current->day == row.state.day);
    REQUIRE(row.rows == current->files[0].rows);
    ++files;
  }
  REQUIRE(catalog.ledger(ingestion.id).size() == versions);
  const auto [seq, current_files] = catalog.current_files(Dataset::Events);
  REQUIRE(current_files.size() == files);
  std::int64_t told = 0;
  for (const Intent& intent : catalog.intents()) {
    if (intent.what == "publish_record") REQUIRE(intent.seq == ++told);
  }
  REQUIRE(told == seq);
}

}  // namespace

TEST_CASE("a process killed at any moment leaves the catalog before or after, never between") {
  const Folder folder;
  Ingestion ingestion;
  {
    Catalog catalog({.path = folder.catalog()}, real_env());
    ingestion = catalog.put_ingestion(flights());
  }
  std::mt19937 random(20130101);
  std::uniform_int_distribution<int> whole_steps(0, 2);
  std::uniform_real_distribution<double> part_of_step(0, 1.5);
  std::chrono::duration<double> step{0.003};
  for (int round = 0; round < 200; ++round) {
    const Signal goes_on;
    const pid_t child = start_child([&] { work_for_ever(folder.catalog(), ingestion, goes_on); });
    // Every fourth is killed while it opens the catalog and repairs what the one before left.
    if (round % 4 != 0) {
      goes_on.await();
      for (int steps = whole_steps(random); steps > 0; --steps) {
        const auto start = std::chrono::steady_clock::now();
        goes_on.await();
        step = std::chrono::steady_clock::now() - start;
      }
    }
    std::this_thread::sleep_for(step * part_of_step(random));
    ::kill(child, SIGKILL);
    CHECK(wait_for(child) == 128 + SIGKILL);
    Catalog catalog({.path = folder.catalog()}, real_env());
    catalog.close_dead_loads();
    CHECK(catalog.open_loads().empty());
    if (round % 10 == 9) require_whole(catalog, ingestion);
  }
  Catalog catalog({.path = folder.catalog()}, real_env());
  require_whole(catalog, ingestion);
  CHECK(catalog.highest_publish(Dataset::Events) > 100);
}

TEST_CASE("processes that load the same days at once never lose or double a version") {
  const Folder folder;
  Ingestion ingestion;
  {
    Catalog catalog({.path = folder.catalog()}, real_env());
    ingestion = catalog.put_ingestion(flights());
  }
  const auto publish_some = [&] {
    Catalog catalog({.path = folder.catalog()}, real_env());
    for (int step = 0; step < 60; ++step) {
      try {
        load_day(catalog, ingestion, 10, kDay.plus(step % kDays));
      } catch (const Error& error) {
        if (error.code != "day_busy") ::_exit(2);
      }
    }
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) children.push_back(start_child(publish_some));
  for (const pid_t child : children) CHECK(wait_for(child) == 0);
  Catalog catalog({.path = folder.catalog()}, real_env());
  CHECK(catalog.open_loads().empty());
  require_whole(catalog, ingestion);
  for (const DayRow& row : catalog.days(ingestion.id)) {
    const auto history = catalog.history(ingestion.id, row.state.day);
    for (std::size_t i = 0; i + 1 < history.size(); ++i) {
      CHECK(history[i].parent == history[i + 1].id);
    }
  }
}

}  // namespace millrace::catalog
