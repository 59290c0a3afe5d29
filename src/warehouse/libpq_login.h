#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "warehouse/connector.h"
#include "warehouse/ssh_tunnel.h"

namespace millrace::warehouse {

/// Where and as whom to log in to a server that speaks PostgreSQL's protocol, in libpq's words.
/// Copies share one tunnel.
struct LibpqLogin {
  std::string host, port, database, user;
  Secret password;
  std::string sslmode;
  std::string sslmode_reason;  ///< Who chose it, for people: "as set", "the default on loopback".
  std::string sslrootcert;     ///< File of the authorities that are trusted; may be empty.
  std::string options;
  std::chrono::seconds timeout{10};
  std::optional<SshTunnel::Options> tunnel_options;
  SharedTunnel tunnel;  ///< Running once `open_tunnel` was called.

  /// "db.example.com:5432", for messages.
  std::string place() const { return host + ":" + port; }
};

/// What `with_fallbacks` made of a session, as a login: `verify-full` with the system's
/// authorities, but `prefer` on loopback and Unix sockets, where it says nothing of TLS.
LibpqLogin login_of(const Session& session);

/// Starts the login's tunnel where it wants one and none runs.
void open_tunnel(LibpqLogin& login, std::stop_token stop);

/// Keywords and values for PQconnectStartParams.
using LibpqKeywords = std::vector<std::pair<std::string, std::string>>;
LibpqKeywords keywords_of(const LibpqLogin& login);
/// The same as one connection string: key='value' …
std::string conninfo_of(const LibpqLogin& login);

/// The settings that both kinds share, for their own lists.
inline constexpr Setting kHostSetting{.name = "host",
                                      .help =
                                          "Name or address of the server, or the folder of its "
                                          "Unix socket",
                                      .example = "db.example.com",
                                      .required = true};
inline constexpr Setting kDatabaseSetting{
    .name = "database", .help = "Database to log in to", .example = "shop", .required = true};
inline constexpr Setting kUserSetting{.name = "user",
                                      .help = "Role to log in as; it needs SELECT and nothing else",
                                      .example = "reader",
                                      .required = true};
inline constexpr Setting kPasswordSetting{
    .name = "password", .help = "Its password", .example = "env:SHOP_PASSWORD", .secret = true};
inline constexpr Setting kSslmodeSetting{
    .name = "sslmode",
    .help =
        "disable, prefer, require, verify-ca or verify-full; verify-full where it is not set, "
        "prefer on loopback and Unix sockets",
    .example = "verify-full",
    .one_of = "disable|allow|prefer|require|verify-ca|verify-full"};
inline constexpr Setting kSslrootcertSetting{
    .name = "sslrootcert",
    .help = "File of the certificate authorities to trust; the system's where it is not set",
    .example = "/etc/ssl/certs/rds-ca.pem"};
inline constexpr Setting kTimeoutSetting{.name = "connect_timeout",
                                         .help = "Seconds to wait for a connection",
                                         .example = "10",
                                         .fallback = "10",
                                         .least = 1,
                                         .most = 3600};
inline constexpr Setting kOptionsSetting{.name = "options",
                                         .help = "Server parameters sent while connecting",
                                         .example = "-c search_path=sales"};
inline constexpr Setting kSshHostSetting{.name = "ssh_host",
                                         .help = "Connect through this SSH server",
                                         .example = "bastion.example.com"};
inline constexpr Setting kSshPortSetting{.name = "ssh_port",
                                         .help = "Its port, where it is not what ssh uses",
                                         .example = "22",
                                         .least = 1,
                                         .most = 65535};
inline constexpr Setting kSshUserSetting{
    .name = "ssh_user", .help = "User at the SSH server", .example = "tunnel"};
inline constexpr Setting kSshKeySetting{
    .name = "ssh_key",
    .help = "Private key for it; the agent and ssh's own files where it is not set",
    .example = "file:secrets/tunnel_key",
    .secret = true,
    .only_with = "ssh_host"};
inline constexpr Setting kSshKnownHostsSetting{
    .name = "ssh_known_hosts",
    .help = "File with the SSH server's host key; ssh's own files where it is not set",
    .example = "/etc/millrace/known_hosts"};

}  // namespace millrace::warehouse
