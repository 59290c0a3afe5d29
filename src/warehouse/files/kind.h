#pragma once

#include "warehouse/connector.h"

namespace millrace::warehouse::files {

extern const Kind kKind;

}  // namespace millrace::warehouse::files
