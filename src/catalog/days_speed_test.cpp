#include <doctest/doctest.h>

#include <algorithm>

#include "catalog/database.h"
#include "catalog/fixture.h"

namespace millrace::catalog {
namespace {

using namespace fixture;

using Milliseconds = std::chrono::duration<double, std::milli>;

template <typename Work>
double milliseconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Milliseconds(std::chrono::steady_clock::now() - start).count();
}

/// Delta statistics and sums make the rows of a real catalog this wide.
void publish_wide(Catalog& catalog, const Ingestion& ingestion, Day day) {
  const Lease lease = begin(catalog, ingestion, day);
  Version version = version_of(lease, ingestion, 900);
  version.files[0].stats = std::string(1000, ' ');
  for (int column = 0; column < 20; ++column) {
    version.certificate.sums.emplace_back("column_" + std::to_string(column), "123456.75");
  }
  catalog.publish(lease, version, 0, "");
}

/// Copies an ingestion with all its days, in SQL: publishing a thousand years takes too long.
void copy_ingestion(Database& db, const std::string& from, int copy) {
  // The random tail of an id stays; its first eight digits tell the copies apart.
  const auto id = [&](const std::string& column) {
    return "printf('%08x', " + std::to_string(copy) + ") || substr(" + column + ", 9)";
  };
  const std::string of = " WHERE project_id = 'default' AND ingestion = '" + from + "'";
  db.run("INSERT INTO ingestion SELECT project_id, " + id("id") + ", handle || '" +
         std::to_string(copy) + "', name || '" + std::to_string(copy) +
         "', connection, kind, dataset, revision, limits, managed_by, archived, upkeep, enabled, "
         "audience, paused_at, paused_why "
         "FROM ingestion "
         "WHERE project_id = 'default' AND id = '" +
         from + "'");
  const std::string versions =
      " WHERE project_id = 'default' AND version IN (SELECT id FROM version" + of + ")";
  db.run(
      "INSERT INTO version SELECT project_id, " + id("ingestion") + ", day, " + id("id") +
      ", dataset, seq, rows, files, quarantined, flags, revision, published_at, "
      "superseded_at, condemned_at, swept_at, forgotten, quarantine, partly_loaded FROM version" +
      of);
  db.run("INSERT INTO version_body SELECT project_id, " + id("version") +
         ", body FROM version_body" + versions);
  db.run("INSERT INTO file SELECT project_id, " + id("version") +
         ", position, path, bytes, rows, revision, stats FROM file" + versions);
  db.run("INSERT INTO day SELECT project_id, " + id("ingestion") + ", day, " + id("current") +
         ", attempt, load, flags, held_load, hold_reason, error_code, error_text, error_advice, "
         "changed_at, lease_load, lease_token, token, token_confirmed_at, checked_at, "
         "check_result, error_fault, first_ended_at, loaded_at FROM day" +
         of);
}

/// So many ingestions with a year of days each; the last one's handle.
std::string make_years(const Folder& folder, int ingestions) {
  Ingestion ingestion;
  {
    Catalog catalog({.path = folder.catalog()}, real_env());
    ingestion = catalog.put_ingestion(flights());
    const double time = milliseconds([&] {
      for (int day = 0; day < 365; ++day) publish_wide(catalog, ingestion, kDay.plus(day));
    });
    MESSAGE("365 loads, each registered and published: " << time << " ms");
  }
  Database db({.path = folder.catalog()}, real_env());
  Transaction transaction(db);
  for (int copy = 1; copy < ingestions; ++copy) copy_ingestion(db, ingestion.id, copy);
  transaction.commit();
  return ingestions > 1 ? "flights" + std::to_string(ingestions - 1) : "flights";
}

void measure(int ingestions, const std::filesystem::path& where) {
  const Folder folder(where);
  const std::string handle = make_years(folder, ingestions);
  MESSAGE(ingestions << " ingestions × 365 days: "
                     << std::filesystem::file_size(folder.catalog()) / 1'000'000 << " MB");
  std::vector<DayRow> days;
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    times.push_back(milliseconds([&] {
      Catalog catalog({.path = folder.catalog(), .read_only = true}, real_env());
      days = catalog.days(catalog.ingestion(handle).id);
    }));
  }
  REQUIRE(days.size() == 365);
  CHECK(days[0].rows == 900);
  CHECK(days[0].status == "succeeded");
  const double best = *std::min_element(times.begin(), times.end());
  MESSAGE("open, find the ingestion, answer its 365 days: first " << times[0] << " ms, best "
                                                                  << best << " ms");
  CHECK(best < 100);
}

}  // namespace

TEST_CASE("the days of one ingestion out of ten are answered at once") { measure(10, in_memory()); }

/// Takes a minute and 2.5 GB: `catalog_tests --no-skip --test-case='*out of a thousand*'`.
TEST_CASE("the days of one ingestion out of a thousand are answered at once" * doctest::skip()) {
  measure(1000, std::filesystem::temp_directory_path());
}

}  // namespace millrace::catalog
