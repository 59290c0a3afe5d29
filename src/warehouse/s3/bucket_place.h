#pragma once

#include <memory>

#include "warehouse/connector.h"
#include "warehouse/lake/place.h"

namespace millrace::warehouse::s3 {

/// A bucket, or what lies below a prefix of it. Throws Misconfigured `bad_settings`.
std::unique_ptr<lake::Place> bucket_place(const Session& session);

}  // namespace millrace::warehouse::s3
