#include "warehouse/text_rows.h"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>

#include "base/error.h"

using namespace millrace;
using namespace millrace::warehouse;

namespace {

using Text = std::optional<std::string>;

/// The rows as the engine sees them, one line each.
std::vector<std::string> scanned(const std::vector<Column>& columns,
                                 std::vector<engine::Row> rows) {
  engine::Database database = engine::Database::open({});
  std::size_t at = 0;
  arrow::Flow flow;
  database.scan("rows", arrow::observed(text_rows(columns,
                                                  [&](engine::Row& row) {
                                                    if (at == rows.size()) return false;
                                                    row = rows[at++];
                                                    return true;
                                                  }),
                                        flow, {}));
  std::vector<std::string> lines;
  database.each("select * from rows", [&](const engine::Row& row) {
    std::string line;
    for (const auto& cell : row) line += std::string(cell.value_or("NULL")) + "|";
    lines.push_back(line);
  });
  return lines;
}

}  // namespace

TEST_CASE("text cells become typed values, nulls stay nulls") {
  const std::vector<Column> columns = {
      {"b", ColumnType::Boolean, ""},    {"i", ColumnType::Integer, ""},
      {"f", ColumnType::Double, ""},     {"n", ColumnType::Decimal, ""},
      {"t", ColumnType::Text, ""},       {"d", ColumnType::Date, ""},
      {"ts", ColumnType::Timestamp, ""}, {"tz", ColumnType::TimestampTz, ""},
      {"by", ColumnType::Binary, ""},    {"j", ColumnType::Json, ""}};
  const auto lines = scanned(
      columns, {{"t", "-9223372036854775808", "0.1", "12.340", "ünï", "2026-11-20",
                 "2026-11-20 08:00:00.25", "2026-11-20 08:00:00+02", "\\x0041ff", "{\"a\": 1}"},
                {{}, {}, {}, {}, {}, {}, {}, {}, {}, {}},
                {"f", "0", "-Infinity", "NaN", "", "infinity", "-infinity", "infinity", "", "1"}});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] ==
        "true|-9223372036854775808|0.1|12.340|ünï|2026-11-20|2026-11-20 08:00:00.25|"
        "2026-11-20 06:00:00+00|\\x00A\\xFF|{\"a\": 1}|");
  CHECK(lines[1] == "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|");
  CHECK(lines[2] == "false|0|-inf|NaN||NULL|NULL|NULL||1|");
}

TEST_CASE("rows beyond one batch all arrive") {
  std::vector<engine::Row> rows(150'000, engine::Row{"7"});
  CHECK(scanned({{"i", ColumnType::Integer, ""}}, std::move(rows)).size() == 150'000);
}

TEST_CASE("a value that cannot be read fails the stream, and so does asking again") {
  arrow::Stream stream = text_rows({{"i", ColumnType::Integer, ""}}, [](engine::Row& row) {
    row = {"seven"};
    return true;
  });
  ArrowArray array{};
  CHECK(stream.get()->get_next(stream.get(), &array) != 0);
  CHECK(std::string(stream.get()->get_last_error(stream.get())) ==
        "reading the warehouse's rows failed, as \"seven\" is not a number");
  CHECK(stream.get()->get_next(stream.get(), &array) != 0);
}
