#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace millrace::notify {

/// How one try to hand a message over went.
struct Delivery {
  enum class How {
    Accepted,
    Later,    ///< Try again.
    Refused,  ///< For good: there is no such address.
  };
  How how = How::Later;
  std::string said;  ///< Why not; never a secret.
  std::optional<std::chrono::seconds> retry_after;
};

}  // namespace millrace::notify
