#include "warehouse/libpq_login.h"

#include <fmt/format.h>

#include <filesystem>

namespace millrace::warehouse {
namespace {

bool is_local(const std::string& host) {
  return host.starts_with("/") || host.starts_with("@") || host == "localhost" || host == "::1" ||
         host.starts_with("127.");
}

/// libpq 15 does not know `sslrootcert=system`, so we name the system's bundle.
std::string system_authorities() {
  const std::string set = environment_variable("SSL_CERT_FILE");
  if (!set.empty()) return set;
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return {};
}

void choose_encryption(LibpqLogin& login, const Session& session) {
  login.sslmode = session.get("sslmode");
  login.sslmode_reason = "as set";
  if (login.sslmode.empty()) {
    const bool local = is_local(login.host);
    login.sslmode = local ? "prefer" : "verify-full";
    login.sslmode_reason = local ? "the default on loopback and Unix sockets" : "the default";
  }
  login.sslrootcert = session.get("sslrootcert");
  if (login.sslrootcert.empty() && login.sslmode.starts_with("verify")) {
    login.sslrootcert = system_authorities();
  }
}

std::optional<SshTunnel::Options> tunnel_of(const Session& session, const LibpqLogin& login) {
  SshTunnel::Options tunnel;
  tunnel.ssh_host = session.get("ssh_host");
  if (tunnel.ssh_host.empty()) return {};
  tunnel.ssh_port = session.get("ssh_port");
  tunnel.ssh_user = session.get("ssh_user");
  tunnel.key = Secret(session.get("ssh_key"));
  tunnel.known_hosts = session.get("ssh_known_hosts");
  tunnel.host = login.host;
  tunnel.port = login.port;
  return tunnel;
}

}  // namespace

LibpqLogin login_of(const Session& session) {
  LibpqLogin login;
  login.host = session.get("host");
  login.port = session.get("port");
  login.database = session.get("database");
  login.user = session.get("user");
  login.password = Secret(session.get("password"));
  login.options = session.get("options");
  login.timeout = std::chrono::seconds(std::stoi(session.get("connect_timeout")));
  choose_encryption(login, session);
  login.tunnel_options = tunnel_of(session, login);
  return login;
}

void open_tunnel(LibpqLogin& login, std::stop_token stop) {
  if (!login.tunnel_options || login.tunnel) return;
  login.tunnel = std::make_shared<SshTunnel>(*login.tunnel_options, stop);
}

LibpqKeywords keywords_of(const LibpqLogin& login) {
  LibpqKeywords words = {{"host", login.host},
                         {"port", login.port},
                         {"dbname", login.database},
                         {"user", login.user},
                         {"sslmode", login.sslmode},
                         {"gssencmode", "disable"},
                         {"connect_timeout", std::to_string(login.timeout.count())},
                         {"application_name", "millrace"},
                         {"client_encoding", "UTF8"},
                         {"keepalives_idle", "30"},
                         {"keepalives_interval", "10"},
                         {"keepalives_count", "3"}};
  if (!login.password.empty()) words.emplace_back("password", login.password.reveal());
  if (!login.sslrootcert.empty()) words.emplace_back("sslrootcert", login.sslrootcert);
  if (!login.options.empty()) words.emplace_back("options", login.options);
  if (login.tunnel) {
    // The certificate is still checked against `host`.
    words.emplace_back("hostaddr", "127.0.0.1");
    words[1].second = std::to_string(login.tunnel->local_port());
  }
  return words;
}

std::string conninfo_of(const LibpqLogin& login) {
  std::string text;
  for (const auto& [key, value] : keywords_of(login)) {
    text += key + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  }
  return text;
}

}  // namespace millrace::warehouse
