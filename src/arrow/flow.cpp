#include "arrow/flow.h"

namespace millrace::arrow {

void Flow::fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
}

std::optional<Error> Flow::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace millrace::arrow
