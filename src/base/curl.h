#pragma once

#include <curl/curl.h>

#include <string>

namespace millrace {

/// One libcurl session and the lists that it borrows.
class Curl {
 public:
  Curl();
  ~Curl();
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  template <typename T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(handle_, option, value);
  }
  void add(const std::string& line);
  curl_slist* list() const { return list_; }
  CURLcode perform() { return curl_easy_perform(handle_); }
  long status() const;
  /// libcurl's words for what `perform` answered.
  std::string problem(CURLcode code) const;

 private:
  CURL* handle_ = nullptr;
  curl_slist* list_ = nullptr;
  char words_[CURL_ERROR_SIZE] = {};
};

}  // namespace millrace
