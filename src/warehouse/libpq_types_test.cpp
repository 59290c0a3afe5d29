#include "warehouse/libpq_types.h"

#include <doctest/doctest.h>

#include "warehouse/redshift/types.h"

using namespace millrace;
using namespace millrace::warehouse;

TEST_CASE("PostgreSQL's built-in types are known by their numbers") {
  struct {
    unsigned oid;
    ColumnType type;
  } const cases[] = {
      {16, ColumnType::Boolean},     {17, ColumnType::Binary},        {18, ColumnType::Text},
      {19, ColumnType::Text},        {20, ColumnType::Integer},       {21, ColumnType::Integer},
      {23, ColumnType::Integer},     {25, ColumnType::Text},          {26, ColumnType::Integer},
      {114, ColumnType::Json},       {700, ColumnType::Double},       {701, ColumnType::Double},
      {1042, ColumnType::Text},      {1043, ColumnType::Text},        {1082, ColumnType::Date},
      {1114, ColumnType::Timestamp}, {1184, ColumnType::TimestampTz}, {1700, ColumnType::Decimal},
      {2950, ColumnType::Uuid},      {3802, ColumnType::Json},        {142, ColumnType::Other},
      {600, ColumnType::Other},      {869, ColumnType::Other},        {1007, ColumnType::Other},
      {1083, ColumnType::Other},     {1186, ColumnType::Other},       {1560, ColumnType::Other},
      {16'500, ColumnType::Other},
  };
  for (const auto& [oid, type] : cases) {
    CAPTURE(oid);
    CHECK(libpq_column_type(oid) == type);
  }
}

TEST_CASE("Redshift adds its own types to PostgreSQL's") {
  CHECK(redshift::column_type(4000) == ColumnType::Json);
  CHECK(redshift::column_type(6551) == ColumnType::Binary);
  CHECK(redshift::column_type(3000) == ColumnType::Other);
  CHECK(redshift::column_type(1188) == ColumnType::Other);
  CHECK(redshift::column_type(1700) == ColumnType::Decimal);
}
