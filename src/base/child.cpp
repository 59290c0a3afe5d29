#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/process.h"

extern char** environ;

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kTailBytes = 8 << 10;

Error failure(std::string_view action, const std::string& program, int reason) {
  const bool theirs = reason == ENOENT || reason == EACCES || reason == ENOEXEC;
  return Error(theirs ? Fault::Misconfigured : Fault::Unavailable, "cannot_start",
               fmt::format("{} {} failed: {}", action, program, std::strerror(reason)),
               theirs ? "Check that the program is installed and may be executed" : "");
}

struct Pair {
  Descriptor ours, theirs;
};

/// Where our own stdio is closed, a new pipe could become 0, 1 or 2 and get lost in the dup2s.
Descriptor above_stdio(int fd, const std::string& program) {
  if (fd > STDERR_FILENO) return Descriptor(fd);
  const Descriptor low(fd);
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (high < 0) throw failure("starting", program, errno);
  return Descriptor(high);
}

/// A pipe that the child writes and we read, or a socket for its stdin: writing into the socket of
/// a dead child is an error code, where a pipe would raise SIGPIPE.
Pair reading_pipe(const std::string& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw failure("starting", program, errno);
  Descriptor read_end(ends[0]), write_end(ends[1]);
  return {above_stdio(read_end.release(), program), above_stdio(write_end.release(), program)};
}

Pair writing_socket(const std::string& program) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw failure("starting", program, errno);
  }
  Descriptor ours(ends[0]), theirs(ends[1]);
  return {above_stdio(ours.release(), program), above_stdio(theirs.release(), program)};
}

/// Null-terminated pointers into `texts`, which must outlive them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> merged_environment(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    all[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : added) all[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

/// Everything the forked child needs, made before the fork: after it only async-signal-safe calls
/// are allowed.
struct Plan {
  char** arguments;
  char** environment;
  int in, out, err, report;
  pid_t parent;
};

[[noreturn]] void become(const Plan& plan) noexcept {
  const auto give_up = [&] {
    const int reason = errno;
    [[maybe_unused]] const ssize_t sent = ::write(plan.report, &reason, sizeof reason);
    ::_exit(127);
  };
  // Ctrl-C on a terminal goes to the foreground group: we decide what our children do about it.
  ::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
  // The parent may have died before the line above; then nobody would ever send the signal.
  if (::getppid() != plan.parent) ::_exit(127);
  if (::dup2(plan.in, STDIN_FILENO) < 0 || ::dup2(plan.out, STDOUT_FILENO) < 0 ||
      ::dup2(plan.err, STDERR_FILENO) < 0) {
    give_up();
  }
  // A file that some library left open may carry a lock, which would then outlive us in the child.
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(plan.arguments[0], plan.arguments, plan.environment);
  give_up();
  ::_exit(127);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 0;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Takes what is there without waiting; false when the other end is closed.
bool take_available(int fd, std::string& into) {
  std::array<char, 64 << 10> buffer;
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

/// Milliseconds for poll(): until then, or for ever.
int wait_until(std::optional<Clock::time_point> then) {
  if (!then) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*then - Clock::now());
  return std::max(0, static_cast<int>(left.count()));
}

/// Cuts a stream of bytes into lines.
class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view)>& line) : line_(line) {}

  /// False when the stream has ended.
  bool take_from(int fd) {
    const std::size_t known = pending_.size();
    const bool open = take_available(fd, pending_);
    std::size_t start = 0, from = known;
    for (std::size_t end; (end = pending_.find('\n', from)) != std::string::npos; from = start) {
      line_(std::string_view(pending_).substr(start, end - start));
      start = end + 1;
    }
    pending_.erase(0, start);
    return open;
  }
  /// The last line may lack its line feed.
  void finish() {
    if (!pending_.empty()) line_(pending_);
  }

 private:
  const std::function<void(std::string_view)>& line_;
  std::string pending_;
};

struct Tail {
  std::string text;

  bool take_from(int fd) {
    const bool open = take_available(fd, text);
    if (text.size() > kTailBytes) text.erase(0, text.size() - kTailBytes);
    return open;
  }
};

}  // namespace

Child Child::start(const Options& options) {
  check(!options.arguments.empty(), "a child process has a program");
  const std::string& program = options.arguments.front();
  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> environment = merged_environment(options.environment);
  std::vector<char*> argument_pointers = pointers(arguments);
  std::vector<char*> environment_pointers = pointers(environment);
  Pair in = writing_socket(program);
  Pair out = reading_pipe(program), err = reading_pipe(program), report = reading_pipe(program);
  const Plan plan{.arguments = argument_pointers.data(),
                  .environment = environment_pointers.data(),
                  .in = in.theirs.get(),
                  .out = out.theirs.get(),
                  .err = err.theirs.get(),
                  .report = report.theirs.get(),
                  .parent = ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) throw failure("starting", program, errno);
  if (pid == 0) become(plan);
  report.theirs.close();
  int reason = 0;
  ssize_t got = 0;
  // Ends without a byte when exec has closed the pipe.
  while ((got = ::read(report.ours.get(), &reason, sizeof reason)) < 0 && errno == EINTR) {
  }
  if (got > 0) {
    wait_for(pid);
    throw failure("starting", program, reason);
  }
  ::fcntl(out.ours.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(err.ours.get(), F_SETFL, O_NONBLOCK);
  Child child;
  child.pid_ = pid;
  child.in_ = in.ours.release();
  child.out_ = out.ours.release();
  child.err_ = err.ours.release();
  child.patience_ = options.patience;
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      in_(std::exchange(other.in_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      patience_(other.patience_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(in_, other.in_);
  std::swap(out_, other.out_);
  std::swap(err_, other.err_);
  std::swap(patience_, other.patience_);
  return *this;
}

Child::~Child() {
  if (pid_ > 0) {
    kill();
    wait_for(pid_);
  }
  for (const int fd : {in_, out_, err_}) {
    if (fd >= 0) ::close(fd);
  }
}

void Child::kill() {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

void Child::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::send(in_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
    if (done < 0) {
      throw Error(Fault::Unavailable, "child_failed",
                  fmt::format("writing to process {} failed: {}", pid_, std::strerror(errno)));
    }
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void Child::ask_to_stop() {
  if (patience_.count() == 0) return kill();
  // Not closed: this runs in whatever thread asks, and another may be using the descriptor.
  ::shutdown(in_, SHUT_WR);
}

void Child::close_stdin() {
  if (in_ >= 0) ::close(std::exchange(in_, -1));
}

Child::Exit Child::read_lines(const std::function<void(std::string_view)>& line,
                              std::stop_token stop) {
  // The child's end is what ends the loop, not that of its pipes: a process that it left behind
  // may hold these open for ever.
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (ended.get() < 0) throw failure("watching", "the child process", errno);
  const Descriptor asked(::eventfd(0, EFD_CLOEXEC));
  if (asked.get() < 0) throw failure("watching", "the child process", errno);
  const std::stop_callback ask_it(stop, [&] {
    ask_to_stop();
    ::eventfd_write(asked.get(), 1);
  });
  Lines lines(line);
  Tail tail;
  std::array<pollfd, 4> watched = {pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0},
                                   pollfd{ended.get(), POLLIN, 0}, pollfd{asked.get(), POLLIN, 0}};
  std::optional<Clock::time_point> out_of_patience;
  while (true) {
    if (::poll(watched.data(), watched.size(), wait_until(out_of_patience)) < 0 && errno != EINTR) {
      throw failure("watching", "the child process", errno);
    }
    if ((watched[3].revents & POLLIN) != 0) {
      watched[3].fd = -1;
      out_of_patience = Clock::now() + patience_;
    }
    if (out_of_patience && Clock::now() >= *out_of_patience) {
      kill();
      out_of_patience.reset();
    }
    // Asked before the pipes are emptied, so that nothing it wrote is lost.
    const bool is_over = (watched[2].revents & POLLIN) != 0;
    if (watched[0].fd >= 0 && !lines.take_from(out_)) watched[0].fd = -1;
    if (watched[1].fd >= 0 && !tail.take_from(err_)) watched[1].fd = -1;
    if (is_over) break;
  }
  lines.finish();
  const int status = wait_for(std::exchange(pid_, -1));
  return {.status = status, .stderr_tail = std::move(tail.text)};
}

}  // namespace millrace
