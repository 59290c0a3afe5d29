#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace millrace::arrow {

struct Flow {
  std::atomic<std::int64_t> rows = 0;
  std::atomic<std::int64_t> bytes = 0;

  /// The first error of the producer, whole: C borders shorten it.
  void fail(std::string text);
  std::string error() const;

 private:
  mutable std::mutex mutex_;
  std::string error_;
};

}  // namespace millrace::arrow
