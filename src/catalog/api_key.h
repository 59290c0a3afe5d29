#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"

namespace millrace::catalog {

/// What a caller of the service proves itself with. The key itself is shown once and kept nowhere.
struct ApiKey {
  std::string id;
  std::string type;    ///< "console" | "secret" | "client": what the key starts with.
  std::string digest;  ///< SHA-256 of the key, hex: its 192 random bits need no slower hash.
  std::string hint;    ///< "console-Ab3d…": enough to tell keys apart.
  std::string description;
  std::vector<std::string> scopes;
  std::int64_t per_10s = 100, per_15min = 900;  ///< Requests; 0: no limit.
  bool active = true;
  Instant created_at;
  std::optional<Instant> last_used_at;
};

/// An answer that is given again to the same caller with the same `Idempotency-Key`.
struct GivenAnswer {
  std::string request;  ///< Digest of what was asked.
  std::int64_t status = 0;
  std::string body;
};

}  // namespace millrace::catalog
