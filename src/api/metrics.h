#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "catalog/catalog.h"

namespace millrace::api {

/// Requests by route, method and status, and how long each route takes. Thread-safe.
class RequestCounts {
 public:
  /// `route` is that of the table; a method that HTTP does not know is "other": callers must not
  /// make series.
  void add(const std::string& method, const std::string& route, int status,
           std::chrono::nanoseconds took);
  /// In Prometheus' text format.
  std::string text() const;

 private:
  static constexpr std::array<double, 7> kSeconds = {0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2};
  struct Took {
    std::array<std::int64_t, kSeconds.size()> within{};
    std::int64_t count = 0;
    double seconds = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, std::int64_t> answers_;
  std::map<std::string, Took> took_;
};

/// What GET /metrics says of the days, in Prometheus' text format. Names are listed in
/// docs/howto/watch-the-service.md; one that exists keeps its name and its meaning.
std::string metrics_text(catalog::Catalog& catalog, Instant now);

}  // namespace millrace::api
