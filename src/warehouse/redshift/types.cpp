#include "warehouse/redshift/types.h"

#include "warehouse/libpq_types.h"

namespace millrace::warehouse::redshift {
namespace {

// As Amazon's own drivers number them.
constexpr unsigned kSuper = 4000;
constexpr unsigned kVarbyte = 6551;

}  // namespace

ColumnType column_type(unsigned oid) {
  if (oid == kSuper) return ColumnType::Json;
  if (oid == kVarbyte) return ColumnType::Binary;
  return libpq_column_type(oid);
}

}  // namespace millrace::warehouse::redshift
