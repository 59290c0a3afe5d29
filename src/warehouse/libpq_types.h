#pragma once

#include <string_view>

#include "model/source.h"

namespace millrace::warehouse {

/// What a built-in type of PostgreSQL holds, by the number that row descriptions carry. These
/// numbers never change between versions. Types that are not built in are Other.
ColumnType libpq_column_type(unsigned oid);

}  // namespace millrace::warehouse
