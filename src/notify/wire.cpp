#include "notify/wire.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/error.h"
#include "notify/mail.h"

namespace millrace::notify {
namespace {

constexpr long kConnectSeconds = 10;

/// One libcurl session and the lists that it borrows.
class Curl {
 public:
  Curl() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready == CURLE_OK) handle_ = curl_easy_init();
    check(handle_ != nullptr, "libcurl starts");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_TIMEOUT, static_cast<long>(kCallMost.count()));
    set(CURLOPT_ERRORBUFFER, words_);
  }
  ~Curl() {
    curl_slist_free_all(list_);
    curl_easy_cleanup(handle_);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  template <typename T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(handle_, option, value);
  }
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* list() const { return list_; }
  CURLcode perform() { return curl_easy_perform(handle_); }
  long status() const {
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  std::string problem(CURLcode code) const {
    return std::strlen(words_) > 0 ? words_ : curl_easy_strerror(code);
  }

 private:
  CURL* handle_ = nullptr;
  curl_slist* list_ = nullptr;
  char words_[CURL_ERROR_SIZE] = {};
};

/// What is left to hand over.
struct Upload {
  const std::string& bytes;
  std::size_t at = 0;
};

std::size_t read_more(char* into, std::size_t size, std::size_t count, void* upload) noexcept {
  auto& it = *static_cast<Upload*>(upload);
  const std::size_t some = std::min(size * count, it.bytes.size() - it.at);
  std::memcpy(into, it.bytes.data() + it.at, some);
  it.at += some;
  return some;
}

/// What has come of a body, and how much may.
struct Download {
  std::string& body;
  std::size_t most;
};

std::size_t keep_body(char* bytes, std::size_t size, std::size_t count, void* download) noexcept {
  auto& it = *static_cast<Download*>(download);
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

}  // namespace

std::string url_escaped(const std::string& text) {
  const std::unique_ptr<char, decltype(&curl_free)> escaped(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), &curl_free);
  check(escaped != nullptr, "a text can be escaped");
  return escaped.get();
}

HttpReply call(const HttpCall& call) {
  Curl curl;
  HttpReply reply;
  Download download{reply.body, call.reply_most};
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
  const CURLcode code = curl.perform();
  if (code == CURLE_OK) {
    reply.status = curl.status();
  } else {
    reply.problem = curl.problem(code);
  }
  return reply;
}

Delivery send_mail(const NotifySettings::Smtp& smtp, const std::string& to,
                   const std::string& mail) {
  Curl curl;
  const bool implicit = smtp.tls == "implicit";
  const std::string url =
      fmt::format("{}://{}:{}", implicit ? "smtps" : "smtp", smtp.host, smtp.port);
  const auto open = smtp.from.rfind('<');
  const std::string from =
      open == std::string::npos ? "<" + smtp.from + ">" : smtp.from.substr(open);
  curl.set(CURLOPT_URL, url.c_str());
  curl.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  // Required, not tried: a server that lacks it would read the mail, and the password, in clear.
  if (smtp.tls == "starttls") curl.set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  if (!smtp.ca_file.empty()) curl.set(CURLOPT_CAINFO, smtp.ca_file.c_str());
  if (!smtp.user.empty()) {
    curl.set(CURLOPT_USERNAME, smtp.user.c_str());
    curl.set(CURLOPT_PASSWORD, smtp.password.c_str());
  }
  curl.set(CURLOPT_MAIL_FROM, from.c_str());
  curl.add("<" + to + ">");
  curl.set(CURLOPT_MAIL_RCPT, curl.list());
  Upload upload{mail};
  curl.set(CURLOPT_UPLOAD, 1L);
  curl.set(CURLOPT_READFUNCTION, &read_more);
  curl.set(CURLOPT_READDATA, &upload);
  const CURLcode code = curl.perform();
  if (code == CURLE_OK) return {Delivery::How::Accepted, {}, {}};
  Delivery delivery;
  delivery.said =
      fmt::format("sending mail over {}:{} failed: {}", smtp.host, smtp.port, curl.problem(code));
  // The server knows no such mailbox; whatever else it refuses, somebody may mend.
  const long status = curl.status();
  if (code == CURLE_SEND_ERROR && status >= 550 && status <= 553) {
    delivery.how = Delivery::How::Refused;
  }
  return delivery;
}

}  // namespace millrace::notify
