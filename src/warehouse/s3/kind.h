#pragma once

#include "warehouse/connector.h"

namespace millrace::warehouse::s3 {

extern const Kind kKind;

}  // namespace millrace::warehouse::s3
