#include "base/http.h"

#include <strings.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "base/curl.h"
#include "base/error.h"

namespace millrace {
namespace {

/// Where a body goes, what has come of it, and how much may be kept in memory.
struct Download {
  const Curl& curl;
  std::string& body;
  std::size_t most;
  std::ofstream file;
};

std::size_t keep_body(char* bytes, std::size_t size, std::size_t count, void* download) noexcept {
  auto& it = *static_cast<Download*>(download);
  if (it.file.is_open() && it.curl.status() == 200) {
    it.file.write(bytes, static_cast<std::streamsize>(size * count));
    return it.file ? size * count : 0;
  }
  if (it.body.size() + size * count > it.most) return 0;
  try {
    it.body.append(bytes, size * count);
  } catch (...) {
    return 0;
  }
  return size * count;
}

std::size_t see_header(char* bytes, std::size_t size, std::size_t count, void* reply) noexcept {
  const std::string_view line(bytes, size * count);
  constexpr std::string_view kName = "retry-after:";
  if (line.size() > kName.size() && strncasecmp(bytes, kName.data(), kName.size()) == 0) {
    const auto digits = line.find_first_of("0123456789");
    long seconds = 0;
    if (digits != std::string_view::npos &&
        std::from_chars(bytes + digits, bytes + line.size(), seconds).ec == std::errc()) {
      static_cast<HttpReply*>(reply)->retry_after = std::chrono::seconds(seconds);
    }
  }
  return size * count;
}

/// Asked by libcurl at least once a second; anything but 0 ends the call.
int is_stopped(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

[[noreturn]] void not_written(const std::filesystem::path& file) {
  throw Error(Fault::Unavailable, "disk_full",
              fmt::format("writing {} failed: {}", file.string(), std::strerror(errno)),
              "Free some space there, or set TMPDIR to a place that has more");
}

}  // namespace

std::string url_escaped(const std::string& text) {
  const std::unique_ptr<char, decltype(&curl_free)> escaped(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), &curl_free);
  check(escaped != nullptr, "a text can be escaped");
  return escaped.get();
}

HttpReply http(const HttpCall& call) {
  Curl curl;
  HttpReply reply;
  Download download{curl, reply.body, call.reply_most, {}};
  if (!call.into.empty()) {
    download.file.open(call.into, std::ios::binary | std::ios::trunc);
    if (!download.file) not_written(call.into);
  }
  curl.set(CURLOPT_URL, call.url.c_str());
  curl.set(CURLOPT_PROTOCOLS_STR, "http,https");
  curl.set(CURLOPT_USERAGENT, "Millrace");
  curl.set(CURLOPT_TIMEOUT, static_cast<long>(call.most.count()));
  if (!call.ca_file.empty()) curl.set(CURLOPT_CAINFO, call.ca_file.c_str());
  for (const auto& [name, value] : call.headers) curl.add(fmt::format("{}: {}", name, value));
  curl.set(CURLOPT_HTTPHEADER, curl.list());
  if (!call.body.empty()) {
    curl.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl.set(CURLOPT_POSTFIELDS, call.body.data());
  }
  curl.set(CURLOPT_WRITEFUNCTION, &keep_body);
  curl.set(CURLOPT_WRITEDATA, &download);
  curl.set(CURLOPT_HEADERFUNCTION, &see_header);
  curl.set(CURLOPT_HEADERDATA, &reply);
  curl.set(CURLOPT_NOPROGRESS, 0L);
  curl.set(CURLOPT_XFERINFOFUNCTION, &is_stopped);
  curl.set(CURLOPT_XFERINFODATA, &call.stop);
  const CURLcode code = curl.perform();
  if (download.file.is_open()) {
    const bool is_written = static_cast<bool>(download.file.flush());
    if (!is_written) not_written(call.into);
  }
  if (code == CURLE_OK) {
    reply.status = curl.status();
  } else {
    reply.problem = curl.problem(code);
  }
  return reply;
}

}  // namespace millrace
