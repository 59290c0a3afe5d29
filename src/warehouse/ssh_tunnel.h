#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/secret.h"

namespace millrace::warehouse {

/// A port on loopback that leads to a host behind an SSH server, kept by OpenSSH's own client as a
/// child process. The child ends with this object, or with us. Its host key must be known: nothing
/// is accepted on first sight. Start it from a thread that lives as long as the tunnel.
class SshTunnel {
 public:
  struct Options {
    std::string ssh_host;
    std::string ssh_port, ssh_user;  ///< Empty: what ssh's configuration says.
    Secret key;                      ///< Text of a private key, or the path of its file, or empty.
    std::string known_hosts;         ///< File, or empty: ssh's own.
    std::string host, port;          ///< Where it leads to, as the SSH server sees it.
  };

  /// Returns when the port answers. Throws `ssh_failed` with ssh's own words.
  SshTunnel(const Options& options, std::stop_token stop);
  ~SshTunnel();
  SshTunnel(const SshTunnel&) = delete;
  SshTunnel& operator=(const SshTunnel&) = delete;

  int local_port() const { return local_port_; }
  /// Ends the tunnel; what ssh had said, in one line: why the far side was not reached.
  std::string close();

 private:
  struct State;
  std::unique_ptr<State> state_;
  int local_port_ = 0;
};

/// shared: a stream that reads through a tunnel may outlive the session that opened it.
using SharedTunnel = std::shared_ptr<SshTunnel>;

/// The client's command line, for a key that lies in `key_file` (may be empty).
std::vector<std::string> ssh_arguments(const SshTunnel::Options& options, int local_port,
                                       const std::string& key_file);

}  // namespace millrace::warehouse
