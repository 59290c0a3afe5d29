#include "pipeline/day_group.h"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/scratch_folder.h"
#include "model/json.h"
#include "pipeline/stage_range.h"
#include "warehouse/files/shop_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;
using namespace millrace::warehouse::fixture;

namespace {

/// Four days, the third of which has no row.
constexpr const char* kRows =
    "select n, 'row' || n as id, case when n % 50 = 0 then null else 'user' || n % 97 end as user, "
    "case when n % 31 = 0 then 'a<b' when n % 3 = 0 then 'buy' else 'view' end as kind, "
    "case when n % 41 = 0 then '{bad' else '{\"n\": ' || n || '}' end as props, "
    "case when n % 29 = 0 then 'much' else (n / 4)::varchar end as amount, n::double as number, "
    "timestamp '2026-10-31 00:00' + interval (n * 77 % 5760) minute as ts, "
    "epoch(ts)::bigint as seconds, epoch_ms(ts)::double as milliseconds, ts::date as ds "
    "from range(3000) r(n) where ts::date <> date '2026-11-02'";

struct Result {
  std::vector<std::string> manifests, failures;
  std::int64_t rows_read = 0, rows_told = 0;             ///< By certificates; to who watches.
  std::map<std::string, std::vector<std::string>> rows;  ///< By file.
};

struct Days {
  Shop shop;
  WorkOrder work;
  int count;

  explicit Days(Dataset dataset, const char* rows = kRows, int days = 4) : count(days) {
    shop.put("rows.parquet", rows);
    work.kind = "files";
    work.definition.dataset = dataset;
    work.definition.query = "select * from 'rows.parquet'";
    work.definition.zone = "UTC";
    work.unit_types = {"userID", "stableID"};
    work.ingestion = "ing";
    work.threads = 2;
  }
  Mapping& mapping() { return work.definition.mapping; }

  std::vector<DayOrder> orders(const fs::path& folder) const {
    std::vector<DayOrder> days;
    for (int i = 0; i < count; ++i) {
      DayOrder day{.load = "load" + std::to_string(i),
                   .day = Day::parse("2026-10-31")->plus(i),
                   .staging = (folder / std::to_string(i)).string()};
      fs::create_directories(day.staging);
      days.push_back(day);
    }
    return days;
  }

  /// All days at once, or each by itself.
  Result staged(bool together) const {
    Result result;
    ScratchFolder scratch;
    const std::vector<DayOrder> days = orders(scratch.path());
    std::map<std::string, std::int64_t> told;
    const auto tell = [&](const Progress& progress) {
      told[progress.load] = std::max(told[progress.load], progress.rows);
    };
    const auto sealed = [&](const Manifest& manifest) {
      result.rows_read += manifest.certificate.read;
      json::Value value = json::from(manifest);
      value.erase("took_ms");
      value.erase("token");  // There as soon as the file is old enough.
      for (json::Value& file : value["files"]) file.erase("bytes");
      result.manifests.push_back(value.dump());
    };
    const auto failed = [&](const DayOrder& day, const Error& error) {
      result.failures.push_back(day.day.text() + " " + error.code + ": " + error.what());
    };
    WorkOrder some = work;
    for (std::size_t i = 0; i < days.size(); i += some.days.size()) {
      some.days = together ? days : std::vector<DayOrder>{days[i]};
      stage_days(some, *shop.open(), tell, sealed, failed, {});
    }
    for (const auto& [load, rows] : told) result.rows_told += rows;
    read_files(scratch.path(), result);
    return result;
  }

 private:
  static void read_files(const fs::path& folder, Result& result) {
    engine::Options options;
    options.allowed = {folder.string()};
    engine::Database database = engine::Database::open(options);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".parquet") continue;
      std::vector<std::string>& rows = result.rows[fs::relative(entry.path(), folder).string()];
      const std::string file = "'" + entry.path().string() + "'";
      for (const Column& column : database.describe("select * from " + file)) {
        rows.push_back(column.name + " " + column.vendor_type);
      }
      for (std::string& row : texts_of(database, "select * from " + file)) rows.push_back(row);
    }
  }
};

/// Gives what was staged.
Result check_same(const Days& days) {
  const Result alone = days.staged(false), together = days.staged(true);
  CHECK(together.failures == alone.failures);
  CHECK(together.manifests == alone.manifests);
  CHECK(together.rows == alone.rows);
  CHECK(alone.rows_told <= alone.rows_read);
  CHECK(together.rows_told <= together.rows_read);
  return together;
}

}  // namespace

TEST_CASE("events that are mapped together are as if each day had been mapped alone") {
  struct Case {
    std::string timestamp, zone;
    std::optional<TimeUnit> unit;
  };
  for (const Case& time : {Case{"ts", "", {}}, Case{"ts", "America/New_York", {}},
                           Case{"seconds", "", TimeUnit::Seconds},
                           Case{"milliseconds", "", TimeUnit::Milliseconds}, Case{"ds", "", {}}}) {
    for (const std::string zone : {"UTC", "UTC-8", "America/New_York"}) {
      CAPTURE(time.timestamp);
      CAPTURE(zone);
      Days days(Dataset::Events);
      days.work.definition.zone = zone;
      days.mapping().event_name = {"kind"};
      days.mapping().timestamp = time.timestamp;
      days.mapping().timestamp_zone = time.zone;
      days.mapping().timestamp_unit = time.unit;
      days.mapping().ids = {{"userID", "user"}};
      days.mapping().event_value = "amount";
      days.mapping().metadata_object = "props";
      const Result result = check_same(days);
      CHECK(result.manifests.size() == 4);
      CHECK(result.rows.contains("0/quarantine.parquet"));
    }
  }
}

TEST_CASE(
    "many rows in no order are laid down first, and then as if each day had been mapped alone") {
  Days days(Dataset::Events,
            "select n, 'user' || n % 97 as user, case when n % 31 = 0 then 'a<b' else 'view' end "
            "as kind, timestamp '2026-10-31' + interval (n * 7919 % 400000 * 6) second as ts "
            "from range(400000) r(n)",
            28);
  days.mapping().event_name = {"kind"};
  days.mapping().timestamp = "ts";
  days.mapping().ids = {{"userID", "user"}};
  days.mapping().metadata_all = true;
  CHECK(check_same(days).manifests.size() == 28);
}

TEST_CASE("small days are a group, and each that has rows gets a staged file") {
  Days days(Dataset::Events);
  days.mapping().event_name = {"kind"};
  days.mapping().timestamp = "ts";
  days.mapping().ids = {{"userID", "user"}};
  ScratchFolder scratch;
  const std::vector<DayOrder> orders = days.orders(scratch.path());
  const auto connector = days.shop.open();
  const DayRange range{orders.front().day, orders.back().day};
  RangeSplit split(range, scratch.path() / "range");
  const Query query = query_of(days.work.definition, "load");
  const Tell nobody = [](const Progress&) {};
  split.read({*connector, query, range, {.rows = {3000}}, orders.front(), nobody}, {});

  const std::vector<ReadBefore> small(4, {.rows = 1000}), large(4, {.rows = 200'000});
  CHECK(DayGroup::length(orders, small, split) == 4);
  CHECK(DayGroup::length(orders, large, split) == 1);

  DayGroup group(days.work, orders, connector->engine_needs(), split, {}, {});
  std::int64_t rows = 0;
  for (const DayOrder& day : orders) {
    CAPTURE(day.day.text());
    const bool has_rows = day.day.text() != "2026-11-02";
    REQUIRE(group.staged(day.day).has_value() == has_rows);
    CHECK(fs::exists(fs::path(day.staging) / "staged.parquet") == has_rows);
    if (has_rows) rows += group.staged(day.day)->written.rows;
  }
  engine::Database database = engine::Database::open({});
  CHECK(std::to_string(rows) ==
        database.scalar(std::string("SELECT count(*) FROM (") + kRows + ")"));
}

TEST_CASE("good events need no second pass") {
  Days days(Dataset::Events);
  days.mapping().event_name = {"click", true};
  days.mapping().timestamp = "ts";
  days.mapping().ids = {{"userID", "id"}};
  days.mapping().metadata_all = true;
  const Result result = check_same(days);
  CHECK(result.rows.size() == 3);
}

TEST_CASE("the earliest of equal events is that of its own day") {
  Days days(Dataset::Events);
  days.mapping().event_name = {"click", true};
  days.mapping().timestamp = "ts";
  days.mapping().ids = {{"userID", "id"}};
  days.mapping().dedupe = {"user"};
  check_same(days);
}

TEST_CASE("exposures and entity properties") {
  Days exposures(Dataset::Exposures);
  exposures.mapping().experiment = {"an experiment", true};
  exposures.mapping().group_id = {"kind"};
  exposures.mapping().timestamp = "ts";
  exposures.mapping().ids = {{"userID", "user"}, {"stableID", "id"}};
  check_same(exposures);

  Days properties(Dataset::EntityProperties);
  properties.mapping().timestamp = "ts";
  properties.mapping().ids = {{"userID", "user"}, {"stableID", "id"}};
  properties.mapping().properties = {{"kind", "kind"}, {"amount", "amount"}};
  check_same(properties);
}

TEST_CASE("metrics, with copies and with values that are none") {
  Days wide(Dataset::Metrics);
  wide.mapping().date = "ds";
  wide.mapping().units = {{"userID", "user"}, {"stableID", "id"}};
  wide.mapping().metrics = {{"amount", "amount", {}, {}}, {"ratio", {}, "amount", "number"}};
  check_same(wide);

  for (const OnDuplicate rule : {OnDuplicate::Reject, OnDuplicate::Sum, OnDuplicate::Last}) {
    Days longs(Dataset::Metrics);
    longs.mapping().date = "ds";
    longs.mapping().unit_id = {"user"};
    longs.mapping().id_type = {"userID", true};
    longs.mapping().metric_name = {"kind"};
    longs.mapping().metric_value = "amount";
    longs.mapping().on_duplicate = rule;
    if (rule == OnDuplicate::Last) longs.mapping().order_by = "n";
    check_same(longs);
  }
}

TEST_CASE("a mapping that fits no row fails every day that has one") {
  Days days(Dataset::Events);
  days.mapping().event_name = {"click", true};
  days.mapping().timestamp = "ts";
  days.mapping().ids = {{"userID", "no_such_column"}};
  CHECK(check_same(days).failures.size() == 4);

  Days milliseconds(Dataset::Events);
  milliseconds.mapping().event_name = {"click", true};
  milliseconds.mapping().timestamp = "milliseconds";
  milliseconds.mapping().timestamp_unit = TimeUnit::Seconds;
  milliseconds.mapping().ids = {{"userID", "id"}};
  CHECK(check_same(milliseconds).failures.size() == 4);
}
