#pragma once

#include <string>

#include "base/http.h"

namespace millrace::warehouse {

/// Who is asked over HTTP, without what is secret, and what his customer can do where he refuses.
struct HttpParty {
  std::string address;
  std::string unauthorized, forbidden, missing, tls, unreachable;
};

/// "https://… answered 400: its own words".
std::string answered(const HttpReply& reply, const std::string& said, const std::string& address);

/// Throws where there was no answer, or one of who may ask and whether he can be heard:
/// Misconfigured `tls_failed`, `unknown_host`, `wrong_password` (401), `no_permission` (403),
/// `not_there` (404); Throttled `too_many_requests` (429); Unavailable `unreachable`,
/// `server_error` (5xx). `said` is the server's own words, if any. Returns for any other answer.
void require_heard(const HttpReply& reply, const std::string& said, const HttpParty& party);

}  // namespace millrace::warehouse
