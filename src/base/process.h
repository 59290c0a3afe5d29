#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// Who holds something: enough to tell a living holder from a recycled process id.
struct ProcessId {
  std::string host;
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< Field 22 of /proc/<pid>/stat, clock ticks since boot.
  bool operator==(const ProcessId&) const = default;
};
ProcessId this_process();
/// False only when it is certainly gone, so never for another host.
bool may_be_alive(const ProcessId& process);

/// A child process with pipes on stdin, stdout and stderr. It dies with us: PDEATHSIG, and its
/// stdin closes. The destructor kills it and waits. Not thread-safe, and the kernel ties it to the
/// *thread* that started it: that thread must live as long. It has a process group of its own, so
/// Ctrl-C on a terminal reaches only us.
class Child {
 public:
  struct Options {
    /// [0] is the program, looked up in PATH when it has no slash.
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment;  ///< Added to ours.
    /// How long it may take to end by itself once it is asked to stop.
    std::chrono::milliseconds patience{0};
  };
  struct Exit {
    int status = 0;  ///< Exit code, or 128 + signal.
    std::string stderr_tail;
  };

  /// Throws `cannot_start` with the reason, also when only exec failed.
  static Child start(const Options& options);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  /// Writes all of it; keeps stdin open (its closing is how the child learns that we are gone). A
  /// child that has ended meanwhile is no error here: `read_lines` tells how it ended.
  void write(std::string_view bytes);
  void close_stdin();
  /// Calls `line` for each line of stdout until the child has ended. When `stop` is requested its
  /// stdin ends, which asks it to stop; after `patience` it and its group are killed. Drains stderr
  /// meanwhile and keeps its last 8 KiB. Call it once.
  Exit read_lines(const std::function<void(std::string_view)>& line, std::stop_token stop);
  pid_t pid() const { return pid_; }
  void kill();

 private:
  Child() = default;
  void ask_to_stop();

  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  std::chrono::milliseconds patience_{0};
};

/// The running executable and the folder of the libraries that we load at run time
/// (`<exe>/../lib/millrace`, or `<exe>/lib/millrace` in a build folder).
std::string executable_path();
std::string library_folder();

}  // namespace millrace
