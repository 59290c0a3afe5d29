#include "warehouse/libpq_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/letters.h"

namespace millrace::warehouse {
namespace {

using enum Fault;

/// Five digits or capitals with at least one digit: "FATAL" is none.
bool is_sqlstate(std::string_view word) {
  const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  const auto capital = [](unsigned char c) { return std::isupper(c) != 0; };
  return word.size() == 5 && std::any_of(word.begin(), word.end(), digit) &&
         std::all_of(word.begin(), word.end(),
                     [&](unsigned char c) { return digit(c) || capital(c); });
}

/// How one failure of a connection is told: recognised by SQLSTATE, or by libpq's own English.
struct Rule {
  std::string_view sqlstate;
  std::string_view words;  ///< Any text that has these; empty: any.
  Fault fault;
  std::string_view code;
  std::string_view advice;  ///< {host}, {user}, {database}, {sslmode} are filled in.
};

constexpr Rule kRules[] = {
    {"28P01", "", Misconfigured, "wrong_password",
     "Check user and password: does `psql -h {host} -p {port} -U {user} {database}` log in with "
     "them?"},
    {"28000", "no encryption", Misconfigured, "not_allowed",
     "The server's pg_hba.conf wants TLS: set sslmode = \"require\" or \"verify-full\""},
    {"28000", "pg_hba.conf", Misconfigured, "not_allowed",
     "Ask for a line in the server's pg_hba.conf that lets {user} into {database} from this "
     "machine"},
    {"28000", "", Misconfigured, "unknown_user", "Check user: the server refuses \"{user}\""},
    {"3D000", "", Misconfigured, "unknown_database",
     "Check database; `psql -h {host} -p {port} -U {user} -l` lists what there is"},
    {"42501", "", Misconfigured, "no_permission",
     "Ask for: GRANT CONNECT ON DATABASE \"{database}\" TO \"{user}\""},
    {"53300", "", Throttled, "too_many_connections", "Wait, or raise the server's limit"},
    {"57P03", "", Unavailable, "unreachable", "The server is starting or stopping; try again soon"},
    {"", "Could not load", Misconfigured, "broken_installation",
     "A driver of this installation is missing or broken: see `millrace doctor`, install it again"},
    {"", "could not translate host name", Misconfigured, "unknown_host", "Check host: {host}"},
    {"", "Connection refused", Unavailable, "unreachable",
     "Check host and port, and that the server listens on that address"},
    {"", "timeout expired", Unavailable, "unreachable",
     "Check host and port, and that no firewall drops the way to {host}:{port}"},
    {"", "No route to host", Unavailable, "unreachable", "Check host and the network"},
    {"", "Network is unreachable", Unavailable, "unreachable", "Check host and the network"},
    {"", "No such file or directory", Unavailable, "unreachable",
     "No server has its Unix socket there; check host and port"},
    {"", "root certificate file", Misconfigured, "tls_failed",
     "Set sslrootcert to the file of the authority that signed the server's certificate, for "
     "example sslrootcert = \"/etc/ssl/certs/ca-certificates.crt\""},
    {"", "certificate verify failed", Misconfigured, "tls_failed",
     "Add the authority that signed the server's certificate, sslrootcert = \"/path/to/ca.pem\"; "
     "sslmode = \"require\" would encrypt without checking who answers"},
    {"", "does not match host name", Misconfigured, "tls_failed",
     "Connect by the name in the certificate, or add sslmode = \"verify-ca\" to accept any name "
     "that your authority signed"},
    {"", "does not support SSL", Misconfigured, "tls_failed",
     "This server has no TLS: turn it on there, or add sslmode = \"disable\" if the network is "
     "yours"},
    {"", "SSL error", Misconfigured, "tls_failed",
     "Check that host and port are those of the database itself, and sslmode = \"{sslmode}\""},
    {"", "no password supplied", Misconfigured, "wrong_password",
     "The server asks for a password: set password = \"env:…\" or \"file:…\""},
    {"", "authentication method 13 not supported", Misconfigured, "unsupported_login",
     "Redshift keeps this user's password as SHA-256, which only Amazon's own drivers can log in "
     "with (AuthenticationRequest 13). Set it again as MD5: ALTER USER \"{user}\" PASSWORD '…', "
     "without the sha256 prefix; or log in as another user"},
    {"", "authentication method", Misconfigured, "unsupported_login",
     "Give this user a password login"},
};

std::string filled(std::string_view advice, const LibpqLogin& login) {
  return fmt::format(fmt::runtime(advice), fmt::arg("host", login.host),
                     fmt::arg("port", login.port), fmt::arg("user", login.user),
                     fmt::arg("database", login.database), fmt::arg("sslmode", login.sslmode));
}

}  // namespace

ServerMessage parsed(std::string_view words) {
  ServerMessage message;
  for (auto at = words.find(": "); at != std::string_view::npos; at = words.find(": ", at + 1)) {
    auto state = at + 2;
    while (state < words.size() && words[state] == ' ') ++state;
    if (state + 5 >= words.size() || words[state + 5] != ':') continue;
    if (!is_sqlstate(words.substr(state, 5))) continue;
    message.sqlstate = words.substr(state, 5);
    const auto text = words.substr(state + 6);
    message.text = trimmed(text.substr(0, text.find('\n')));
    return message;
  }
  message.text = one_line(words);
  return message;
}

Error connect_error(std::string_view words, const LibpqLogin& login) {
  const ServerMessage said = parsed(words);
  // With `prefer`, libpq tries twice; what it says about TLS comes before what the server says.
  const Rule* found = nullptr;
  for (const Rule& rule : kRules) {
    if (rule.sqlstate != said.sqlstate) continue;
    if (words.find(rule.words) == std::string_view::npos) continue;
    found = &rule;
    break;
  }
  const std::string place = fmt::format("connecting to {}", login.place());
  const std::string through =
      login.tunnel ? fmt::format(" through {}", login.tunnel_options->ssh_host) : std::string();
  const std::string text = fmt::format("{}{} as {} failed: {}", place, through, login.user,
                                       said.text.empty() ? one_line(words) : said.text);
  if (found == nullptr) return {Unavailable, "login_failed", text, {}};
  const bool temporary = words.find("Temporary failure") != std::string_view::npos;
  Error error(temporary ? Unavailable : found->fault, std::string(found->code), text,
              filled(found->advice, login));
  if (error.fault == Throttled) error.retry_after = std::chrono::seconds(30);
  return error;
}

}  // namespace millrace::warehouse
