#include "base/url.h"

#include <algorithm>

namespace millrace {

bool is_private(std::string_view url) {
  if (url.starts_with("https://")) return true;
  for (const std::string_view host : {"http://localhost", "http://127.0.0.1", "http://[::1]"}) {
    if (!url.starts_with(host)) continue;
    // All of the authority: what stands before an @ would be a user's name and password.
    std::string_view port = url.substr(host.size());
    port = port.substr(0, port.find_first_of("/?#"));
    if (port.empty()) return true;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return port.front() == ':' && std::ranges::all_of(port.substr(1), is_digit);
  }
  return false;
}

std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string_view host = url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  return std::string(host.substr(host.rfind('@') + 1));  // All of it, where there is none.
}

}  // namespace millrace
