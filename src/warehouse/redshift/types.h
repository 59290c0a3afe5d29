#pragma once

#include "model/source.h"

namespace millrace::warehouse::redshift {

/// What a Redshift type holds, by the number in row descriptions: PostgreSQL's own types and the
/// ones that only Redshift has.
ColumnType column_type(unsigned oid);

}  // namespace millrace::warehouse::redshift
