#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "notify/delivery.h"

namespace millrace::notify {

inline constexpr std::chrono::seconds kCallMost(30);

struct HttpCall {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                       ///< Empty: GET, else POST.
  std::string ca_file;                    ///< Authorities instead of the system's.
  std::chrono::seconds most = kCallMost;  ///< So long the answer may take.
  std::size_t reply_most = 1 << 20;       ///< Bytes of its body.
};

struct HttpReply {
  long status = 0;  ///< 0: there was none, and `problem` says why.
  std::string body, problem;
  std::optional<std::chrono::seconds> retry_after;
};

/// One call over libcurl; redirects are not followed. Never
/// throws for what the network does.
HttpReply call(const HttpCall& call);
/// For a query part.
std::string url_escaped(const std::string& text);

}  // namespace millrace::notify
