#pragma once

#include <chrono>

namespace millrace {

/// For how long a sweep keeps what nobody needs for reading; counted from the publish that made a
/// version superseded, and from that which rejected rows.
struct Retention {
  std::chrono::seconds versions = std::chrono::days(30);    ///< Superseded, for `undo`.
  std::chrono::seconds quarantine = std::chrono::days(30);  ///< Also of current versions.
};

}  // namespace millrace
