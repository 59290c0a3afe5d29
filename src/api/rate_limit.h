#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>

#include "base/env.h"
#include "catalog/api_key.h"

namespace millrace::api {

/// Counts requests per key over the last 10 seconds and the last 15 minutes, exactly: a refused
/// one does not count. Remembers nothing across a restart. Not thread-safe.
class RateLimit {
 public:
  struct Verdict {
    bool allowed = true;
    std::chrono::seconds retry_after{0};  ///< Where it was not.
    std::int64_t limit = 0, left = 0;     ///< Of the tighter window; limit 0: there is none.
  };
  Verdict take(const catalog::ApiKey& key, Instant now);

 private:
  /// Whoever made no request for so long has all of it again.
  void forget_idle(Instant now);
  std::map<std::string, std::deque<Instant>> taken_;
};

}  // namespace millrace::api
