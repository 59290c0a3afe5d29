#include <doctest/doctest.h>

#include "pipeline/day_fixture.h"

using namespace millrace;
using namespace millrace::pipeline;

TEST_CASE("a value has one text, whatever warehouse it came from") {
  struct Case {
    std::string value;
    ColumnType type;
    std::string text;
  };
  const Case cases[] = {
      {"123::BIGINT", ColumnType::Integer, "123"},
      {"-5::TINYINT", ColumnType::Integer, "-5"},
      {"170141183460469231731687303715884105727", ColumnType::Integer,
       "170141183460469231731687303715884105727"},
      {"123.0::DOUBLE", ColumnType::Double, "123"},
      {"(-0.0)::DOUBLE", ColumnType::Double, "0"},
      {"0.1::FLOAT", ColumnType::Double, "0.1"},
      {"1.5e-7::DOUBLE", ColumnType::Double, "1.5e-07"},
      {"1e20::DOUBLE", ColumnType::Double, "1e+20"},
      {"'nan'::DOUBLE", ColumnType::Double, "nan"},
      {"'1.50'", ColumnType::Decimal, "1.5"},
      {"'100.00'", ColumnType::Decimal, "100"},
      {"'100'", ColumnType::Decimal, "100"},
      {"'-0.00'", ColumnType::Decimal, "0"},
      {"true", ColumnType::Boolean, "true"},
      {"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", ColumnType::Uuid,
       "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {"date '2026-11-20'", ColumnType::Date, "2026-11-20"},
      {"timestamp '2026-11-20 08:00:00.120'", ColumnType::Timestamp, "2026-11-20T08:00:00.12"},
      {"timestamptz '2026-11-20 08:00:00+02'", ColumnType::TimestampTz, "2026-11-20T06:00:00Z"},
      {"date '0044-03-15 (BC)'", ColumnType::Date, "0044-03-15 BC"},
      {"date '0001-12-31 (BC)'", ColumnType::Date, "0001-12-31 BC"},
      {"'infinity'::DATE", ColumnType::Date, "infinity"},
      {"timestamp '0044-03-15 (BC) 10:00:00'", ColumnType::Timestamp, "0044-03-15T10:00:00 BC"},
      {"timestamptz '0044-03-15 (BC) 10:00:00+00'", ColumnType::TimestampTz,
       "0044-03-15T10:00:00Z BC"},
      {"'\\xAB\\x00'::BLOB", ColumnType::Binary, "ab00"},
      {"'{ \"a\" : 1 }'", ColumnType::Json, "{\"a\":1}"},
      {"'12:00:00'::TIME", ColumnType::Other, "12:00:00"},
      {"' Text '", ColumnType::Text, " Text "},
  };
  fixture::Day any(Dataset::Events);
  for (const Case& one : cases) {
    INFO(one.value);
    CHECK(any.texts("SELECT " + canonical_text("x", one.type) + " FROM (SELECT " + one.value +
                    " AS x)") == fixture::Lines{one.text});
  }
}
