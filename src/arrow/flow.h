#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "arrow/c_abi.h"
#include "base/error.h"

namespace millrace::arrow {

struct Flow {
  std::atomic<std::int64_t> rows = 0;
  std::atomic<std::int64_t> bytes = 0;
  /// Sees each batch before the consumer does, on its thread; ends the reading when it throws.
  std::function<void(const ArrowSchema&, const ArrowArray&)> look;

  /// The first failure of the producer, whole: a C border keeps its text alone.
  void fail(const Error& error);
  std::optional<Error> failure() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
};

}  // namespace millrace::arrow
