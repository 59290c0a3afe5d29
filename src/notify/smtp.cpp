#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/curl.h"
#include "notify/mail.h"

namespace millrace::notify {
namespace {

/// What is left to hand over.
struct MailUpload {
  const std::string& bytes;
  std::size_t at = 0;
};

std::size_t read_more(char* into, std::size_t size, std::size_t count, void* upload) noexcept {
  auto& it = *static_cast<MailUpload*>(upload);
  const std::size_t some = std::min(size * count, it.bytes.size() - it.at);
  std::memcpy(into, it.bytes.data() + it.at, some);
  it.at += some;
  return some;
}

}  // namespace

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
  MailUpload upload{mail};
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
