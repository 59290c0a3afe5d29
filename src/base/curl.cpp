#include "base/curl.h"

#include <cstring>

#include "base/error.h"

namespace millrace {
namespace {

constexpr long kConnectSeconds = 10;
constexpr long kSecondsMost = 30;

}  // namespace

Curl::Curl() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready == CURLE_OK) handle_ = curl_easy_init();
  check(handle_ != nullptr, "libcurl starts");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(CURLOPT_TIMEOUT, kSecondsMost);
  set(CURLOPT_ERRORBUFFER, words_);
}

Curl::~Curl() {
  curl_slist_free_all(list_);
  curl_easy_cleanup(handle_);
}

void Curl::add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }

long Curl::status() const {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::string Curl::problem(CURLcode code) const {
  return std::strlen(words_) > 0 ? words_ : curl_easy_strerror(code);
}

}  // namespace millrace
