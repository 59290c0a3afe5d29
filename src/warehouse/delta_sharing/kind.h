#pragma once

#include "warehouse/connector.h"

namespace millrace::warehouse::delta_sharing {

extern const Kind kKind;

}  // namespace millrace::warehouse::delta_sharing
