#include "api/rate_limit.h"

#include <algorithm>

namespace millrace::api {

void RateLimit::forget_idle(Instant now) {
  constexpr std::size_t kKnownMost = 10'000;
  if (taken_.size() < kKnownMost) return;
  std::erase_if(taken_, [&](const auto& known) {
    return known.second.empty() || known.second.back() <= now - std::chrono::minutes(15);
  });
}

RateLimit::Verdict RateLimit::take(const catalog::ApiKey& key, Instant now) {
  struct Window {
    std::int64_t most;
    std::chrono::seconds length;
  };
  const Window windows[] = {{key.per_10s, std::chrono::seconds(10)},
                            {key.per_15min, std::chrono::minutes(15)}};
  forget_idle(now);
  std::deque<Instant>& taken = taken_[key.id];
  while (!taken.empty() && taken.front() <= now - std::chrono::minutes(15)) taken.pop_front();
  Verdict verdict;
  for (const auto& [most, length] : windows) {
    if (most == 0) continue;
    const auto first = std::upper_bound(taken.begin(), taken.end(), now - length);
    const std::int64_t used = taken.end() - first;
    if (used >= most) {
      // The request that has to grow old enough before there is room for one more.
      const Instant free_at = *(taken.end() - most) + length;
      verdict.allowed = false;
      verdict.retry_after = std::max({verdict.retry_after, std::chrono::seconds(1),
                                      std::chrono::ceil<std::chrono::seconds>(free_at - now)});
    }
    const std::int64_t left = std::max<std::int64_t>(0, most - used - 1);
    if (verdict.limit == 0 || left < verdict.left) {
      verdict.limit = most;
      verdict.left = left;
    }
  }
  if (verdict.allowed && verdict.limit > 0) taken.push_back(now);
  return verdict;
}

}  // namespace millrace::api
