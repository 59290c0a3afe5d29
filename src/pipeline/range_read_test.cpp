#include "pipeline/range_read.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "warehouse/files/shop_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;
using namespace millrace::warehouse::fixture;

namespace {

constexpr int kDays = 100, kRows = 2'000'000;
const DayRange days{*Day::parse("2026-01-01"), Day::parse("2026-01-01")->plus(kDays - 1)};

/// Reads rows whose days come as `place` says, each day to a file of its own. How many files came.
std::size_t read(const std::string& place) {
  Shop shop;
  shop.put("t.parquet", fmt::format("select timestamp '2026-01-01' + interval ({}) second as ts "
                                    "from range({}) r(i)",
                                    fmt::format(fmt::runtime(place), kRows), kRows));
  const ScratchFolder scratch;
  const auto connector = shop.open();
  const Query query = sql("select ts, md5(ts::varchar) as text from 't.parquet'",
                          {TimeColumn::Kind::Timestamp, "ts", Zone(), {}});
  const DayOrder first{.load = "load", .day = days.first, .staging = scratch.path().string()};
  const Tell nobody = [](const Progress&) {};
  const RangeBounds bounds{.budget = {.threads = 2},
                           .rows = std::vector<std::int64_t>(kDays, kRows / kDays)};
  const auto by_day = [](const engine::Relation& rows, engine::Database&) {
    return RangeCopy{rows.sql, fmt::format("PARTITION_BY ({})", warehouse::kDayNumber), true};
  };
  return read_range({*connector, query, days, bounds, first, nobody}, scratch.path() / "range",
                    by_day, {})
      .files.size();
}

}  // namespace

TEST_CASE("rows in the order of their days go to a file a day, also with later ones among them") {
  const std::string in_order = "i * 86400 * 100 // {}";
  CHECK(read(in_order) == kDays);
  CHECK(read("case when i % 50 = 0 and i > 200000 then (i - 100000) * 86400 * 100 // {0} "
             "else i * 86400 * 100 // {0} end") == kDays);
  CHECK(read("(" + std::to_string(kRows) + " - 1 - i) * 86400 * 100 // {}") == kDays);
}

TEST_CASE("rows in no order are not written to a file a day") {
  try {
    read("i * 7919 % {0} * 86400 * 100 // {0}");
    FAIL("they were written");
  } catch (const Error& error) {
    CHECK(error.code == kInNoOrder);
  }
}

TEST_CASE("as many days are in order as the smallest ones that fit") {
  CHECK(days_in_order({10, 10, 10, 10}, 0) == 4);
  CHECK(days_in_order({10, 10, 10, 10}, 25) == 8);
  CHECK(days_in_order({100, 0, 10, 0, 100}, 50) == 6);
}
