#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

inline constexpr std::chrono::seconds kHttpMost(30);

struct HttpCall {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                       ///< Empty: GET, else POST.
  std::string ca_file;                    ///< Authorities instead of the system's.
  std::chrono::seconds most = kHttpMost;  ///< So long the answer may take.
  std::size_t reply_most = 1 << 20;       ///< Bytes of its body, where that is kept in memory.
  std::filesystem::path into;             ///< A body of status 200 goes to this new file instead.
  std::stop_token stop;                   ///< Ends it, within a second.
};

struct HttpReply {
  long status = 0;  ///< 0: there was none, and `problem` says why.
  std::string body, problem;
  std::optional<std::chrono::seconds> retry_after;
};

/// One call over libcurl; redirects are not followed. Never throws for what the network does; where
/// `into` cannot be written, Unavailable `disk_full`.
HttpReply http(const HttpCall& call);
/// For a query part.
std::string url_escaped(const std::string& text);

}  // namespace millrace
