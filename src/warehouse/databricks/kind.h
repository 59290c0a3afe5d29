#pragma once

#include "warehouse/connector.h"
#include "warehouse/dialect.h"

namespace millrace::warehouse::databricks {

extern const Kind kKind;
extern const Dialect kDialect;

}  // namespace millrace::warehouse::databricks
