#include "arrow/flow.h"

#include <utility>

namespace millrace::arrow {

void Flow::fail(std::string text) {
  const std::lock_guard lock(mutex_);
  if (error_.empty()) error_ = std::move(text);
}

std::string Flow::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace millrace::arrow
