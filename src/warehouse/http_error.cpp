#include "warehouse/http_error.h"

#include <fmt/format.h>

#include "base/error.h"

namespace millrace::warehouse {
namespace {

[[noreturn]] void no_answer(const HttpReply& reply, const HttpParty& party) {
  const auto says = [&](const char* word) { return reply.problem.find(word) != std::string::npos; };
  const std::string words =
      fmt::format("connecting to {} failed: {}", party.address, reply.problem);
  if (says("certificate") || says("SSL")) {
    throw Error(Fault::Misconfigured, "tls_failed", words, party.tls);
  }
  if (says("resolve")) {
    throw Error(Fault::Misconfigured, "unknown_host", words, party.unreachable);
  }
  throw Error(Fault::Unavailable, "unreachable", words, party.unreachable + ", and the network");
}

}  // namespace

std::string answered(const HttpReply& reply, const std::string& said, const std::string& address) {
  return fmt::format("{} answered {}{}", address, reply.status, said.empty() ? "" : ": " + said);
}

void require_heard(const HttpReply& reply, const std::string& said, const HttpParty& party) {
  if (reply.status == 0) no_answer(reply, party);
  const std::string words = answered(reply, said, party.address);
  switch (reply.status) {
    case 401:
      throw Error(Fault::Misconfigured, "wrong_password",
                  fmt::format("{} does not accept the token", party.address), party.unauthorized);
    case 403:
      throw Error(Fault::Misconfigured, "no_permission", words, party.forbidden);
    case 404:
      throw Error(Fault::Misconfigured, "not_there", words, party.missing);
    case 429: {
      Error error(Fault::Throttled, "too_many_requests", words, "Wait a little");
      error.retry_after = reply.retry_after;
      throw error;
    }
    default:
      break;
  }
  if (reply.status >= 500) throw Error(Fault::Unavailable, "server_error", words, "Try again");
}

}  // namespace millrace::warehouse
