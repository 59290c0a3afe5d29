#include "pipeline/range_split.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/scratch_folder.h"
#include "pipeline/source_columns.h"
#include "warehouse/files/shop_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;
using namespace millrace::warehouse::fixture;

namespace {

const DayRange days{*Day::parse("2026-11-20"), *Day::parse("2026-11-22")};

struct Split {
  Shop shop;
  ScratchFolder scratch;
  RangeSplit split{days, scratch.path() / "range"};
  Query query;

  explicit Split(const std::string& select) {
    shop.put("t.parquet", select);
    query = sql("select * from 't.parquet'", {TimeColumn::Kind::Timestamp, "ts", Zone(), {}});
  }

  void read(std::int64_t bytes_max = 0) {
    const auto connector = shop.open();
    const DayOrder first{.load = "load", .day = days.first, .staging = scratch.path().string()};
    const Tell nobody = [](const Progress&) {};
    split.read({*connector, query, days, {.bytes_max = bytes_max, .rows = {1}}, first, nobody}, {});
  }

  /// Of a day, as the mapping sees it.
  std::vector<std::string> rows(Day day) const {
    engine::Options options;
    options.allowed = {scratch.path().string()};
    engine::Database database = engine::Database::open(options);
    return texts_of(database, SourceColumns(split.rows(day)).layer());
  }
};

}  // namespace

TEST_CASE("integers of 128 bits come through the files as they are") {
  Split split("select timestamp '2026-11-20 12:00' as ts, 1 as n");
  split.query.sql = "select ts, n::hugeint << 100 as n from 't.parquet'";
  split.read();
  CHECK(split.rows(days.first) ==
        std::vector<std::string>{"2026-11-20 12:00:00|1267650600228229401496703205376"});
  CHECK(split.rows(days.last).empty());
}

TEST_CASE("text that is not UTF-8 comes through the files with its bytes") {
  Split split("select timestamp '2026-11-20 12:00' as ts, 200 as n");
  split.query.sql =
      "select ts, printf('%c', n) as t from 't.parquet' union all "
      "select ts, 'zo\xC3\xA9' from 't.parquet'";
  split.read();
  CHECK(split.split.rows(days.first).texts == engine::Texts::Bytes);
  CHECK(split.rows(days.first) ==
        std::vector<std::string>{"2026-11-20 12:00:00|zo\\xC3\\xA9|zo\xC3\xA9",
                                 "2026-11-20 12:00:00|\\xC8|-"});
  CHECK(split.rows(days.last).empty());
}

TEST_CASE("a range that is larger than was thought is given up, and can be read again") {
  Split split("select timestamp '2026-11-20 12:00' as ts");
  split.query.sql = "select ts, md5(i::varchar) as text from 't.parquet', range(100000000000) r(i)";
  try {
    split.read(1 << 20);
    FAIL("it was read");
  } catch (const Error& error) {
    CHECK(error.code == kRangeTooLarge);
  }
  split.query.sql = "select ts, 'x' as text from 't.parquet'";
  split.read(1 << 20);
  CHECK(split.rows(days.first).size() == 1);
}
