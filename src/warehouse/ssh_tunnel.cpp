#include "warehouse/ssh_tunnel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/scratch_folder.h"

namespace millrace::warehouse {
namespace {

constexpr std::string_view kReady = "millrace-tunnel-is-ready";

/// A port that nobody listens on at this moment; ssh fails (and says so) if that changes.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool found = fd >= 0 &&
                     ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) ::close(fd);
  if (!found) {
    throw Error(Fault::Unavailable, "ssh_failed", "finding a free port on loopback failed");
  }
  return ntohs(address.sin_port);
}

/// A private key as a file that only we can read, for as long as ssh needs it.
class KeyFile {
 public:
  explicit KeyFile(const Secret& key) {
    const std::string& text = key.reveal();
    if (text.find("PRIVATE KEY") == std::string::npos) {
      path_ = text;
      return;
    }
    folder_.emplace();
    path_ = folder_->path() / "key";
    file::write(path_, text.ends_with('\n') ? text : text + "\n", 0600);
  }
  const std::string& path() const { return path_; }

 private:
  std::optional<ScratchFolder> folder_;
  std::string path_;
};

std::string advice_for(const std::string& words, const SshTunnel::Options& options) {
  const auto says = [&](std::string_view text) { return words.find(text) != std::string::npos; };
  if (says("Host key verification failed") || says("host key")) {
    return fmt::format(
        "Put the server's key into a file after comparing it with its owner's (ssh-keyscan{} {}), "
        "and set ssh_known_hosts to that file",
        options.ssh_port.empty() ? "" : " -p " + options.ssh_port, options.ssh_host);
  }
  // ssh goes on without a key that it cannot read, so this comes before the refusal.
  if (says("invalid format") || says("error in libcrypto")) {
    return "ssh_key must be a whole private key in OpenSSH or PEM form";
  }
  if (says("Permission denied")) {
    return "Check ssh_user, and that ssh_key is the private half of a key this user may log in "
           "with; keys that ask for a passphrase cannot be used";
  }
  if (says("administratively prohibited")) {
    return fmt::format("The SSH server must allow forwarding to {}:{} (PermitOpen)", options.host,
                       options.port);
  }
  const std::string port = options.ssh_port.empty() ? "" : "-p " + options.ssh_port + " ";
  return "Try the same with: ssh " + port +
         (options.ssh_user.empty() ? "" : options.ssh_user + "@") + options.ssh_host;
}

/// Its lines joined, without the frames of `@` that it draws around a warning.
std::string one_line(const std::string& text) {
  std::string line;
  std::istringstream lines(text);
  for (std::string said; std::getline(lines, said);) {
    if (said.ends_with('\r')) said.pop_back();
    const auto begin = said.find_first_not_of("@ ");
    if (begin == std::string::npos) continue;
    const bool is_framed = said.starts_with('@');
    if (is_framed) said = said.substr(begin, said.find_last_not_of("@ ") + 1 - begin);
    line += (line.empty() ? "" : "; ") + said;
  }
  return line;
}

Error failure(const std::string& said, const SshTunnel::Options& options) {
  const std::string words = one_line(said);
  const bool temporary = words.find("Connection refused") != std::string::npos ||
                         words.find("timed out") != std::string::npos ||
                         words.find("Temporary failure") != std::string::npos;
  return Error(temporary ? Fault::Unavailable : Fault::Misconfigured, "ssh_failed",
               fmt::format("opening an SSH tunnel through {} failed: {}", options.ssh_host,
                           words.empty() ? "ssh ended without a word" : words),
               advice_for(words, options));
}

}  // namespace

std::vector<std::string> ssh_arguments(const SshTunnel::Options& options, int local_port,
                                       const std::string& key_file) {
  std::vector<std::string> arguments = {"ssh", "-N", "-T"};
  const auto set = [&](const std::string& option) {
    arguments.insert(arguments.end(), {"-o", option});
  };
  set("BatchMode=yes");
  set("ExitOnForwardFailure=yes");
  set("StrictHostKeyChecking=yes");
  set("ConnectTimeout=10");
  set("ServerAliveInterval=15");
  set("ServerAliveCountMax=3");
  set("ControlMaster=no");
  set("ControlPath=none");
  set("PermitLocalCommand=yes");
  set(fmt::format("LocalCommand=echo {}", kReady));
  if (!options.known_hosts.empty()) set("UserKnownHostsFile=" + options.known_hosts);
  if (!key_file.empty()) {
    set("IdentitiesOnly=yes");
    arguments.insert(arguments.end(), {"-i", key_file});
  }
  if (!options.ssh_port.empty()) arguments.insert(arguments.end(), {"-p", options.ssh_port});
  if (!options.ssh_user.empty()) arguments.insert(arguments.end(), {"-l", options.ssh_user});
  const bool address6 = options.host.find(':') != std::string::npos;
  arguments.insert(
      arguments.end(),
      {"-L", fmt::format("127.0.0.1:{}:{}:{}", local_port,
                         address6 ? "[" + options.host + "]" : options.host, options.port)});
  arguments.insert(arguments.end(), {"--", options.ssh_host});
  return arguments;
}

/// The child's life is watched by a thread of its own; the rest waits for what it learns.
struct SshTunnel::State {
  Child child;
  std::mutex mutex;
  std::condition_variable_any changed;
  bool ready = false;
  std::optional<Child::Exit> exit;
  std::jthread watcher;

  explicit State(Child started) : child(std::move(started)) {}

  void watch(std::stop_token stop) noexcept {
    Child::Exit end;
    try {
      end = child.read_lines(
          [this](std::string_view line) {
            const std::lock_guard lock(mutex);
            ready = ready || line == kReady;
            changed.notify_all();
          },
          stop);
    } catch (const std::exception& problem) {
      end.stderr_tail = problem.what();
    }
    const std::lock_guard lock(mutex);
    exit = std::move(end);
    changed.notify_all();
  }
};

SshTunnel::SshTunnel(const Options& options, std::stop_token stop) : local_port_(free_port()) {
  const KeyFile key(options.key);
  // LocalCommand needs a shell, and a service account's own may be nologin.
  state_ = std::make_unique<State>(
      Child::start({.arguments = ssh_arguments(options, local_port_, key.path()),
                    .environment = {{"SHELL", "/bin/sh"}}}));
  State& state = *state_;
  state.watcher = std::jthread([&state](std::stop_token end) { state.watch(end); });
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, stop, [&] { return state.ready || state.exit; });
  if (state.exit) throw failure(state.exit->stderr_tail, options);
  if (!state.ready) {
    throw Error(Fault::Cancelled, "stopped", "opening an SSH tunnel was stopped on request");
  }
}

SshTunnel::~SshTunnel() = default;

std::string SshTunnel::close() {
  state_->watcher.request_stop();
  if (state_->watcher.joinable()) state_->watcher.join();
  return one_line(state_->exit->stderr_tail);
}

}  // namespace millrace::warehouse
