#include "warehouse/libpq_types.h"

#include <algorithm>
#include <iterator>

namespace millrace::warehouse {
namespace {

struct Entry {
  unsigned oid;
  ColumnType type;
};

using enum ColumnType;

constexpr Entry kTypes[] = {
    {16, Boolean},                         // bool
    {17, Binary},                          // bytea
    {18, Text},                            // "char"
    {19, Text},                            // name
    {20, Integer},                         // int8
    {21, Integer},                         // int2
    {23, Integer},                         // int4
    {25, Text},                            // text
    {26, Integer},                         // oid
    {114, Json},                           // json
    {700, Double},                         // float4
    {701, Double},                         // float8
    {1042, Text},                          // char(n)
    {1043, Text},                          // varchar
    {1082, Date},                          // date
    {1114, Timestamp},                     // timestamp
    {1184, TimestampTz}, {1700, Decimal},  // numeric
    {2950, Uuid},        {3802, Json},     // jsonb
};

}  // namespace

ColumnType libpq_column_type(unsigned oid) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const Entry& e) { return e.oid == oid; });
  return found == std::end(kTypes) ? Other : found->type;
}

}  // namespace millrace::warehouse
