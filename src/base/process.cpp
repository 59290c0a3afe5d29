#include "base/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"

namespace millrace {
namespace {

/// What /proc tells about a process; none when it cannot be read.
struct Stat {
  char state = 0;
  std::uint64_t start_time = 0;
};

std::optional<Stat> stat_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // The second field is the program's name and may hold anything, also brackets and spaces.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  Stat stat;
  fields >> stat.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_time;
  if (!fields) return {};
  return stat;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

ProcessId this_process() {
  const pid_t pid = getpid();
  const auto stat = stat_of(pid);
  return {.host = host_name(), .pid = pid, .start_time = stat ? stat->start_time : 0};
}

bool may_be_alive(const ProcessId& process) {
  if (process.host != host_name()) return true;
  if (process.pid <= 0) return false;
  if (::kill(process.pid, 0) != 0 && errno == ESRCH) return false;
  const auto stat = stat_of(process.pid);
  if (!stat) return true;
  const bool ended = stat->state == 'Z' || stat->state == 'X';
  const bool recycled = process.start_time != 0 && stat->start_time != process.start_time;
  return !ended && !recycled;
}

std::string executable_path() {
  std::error_code problem;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (problem) {
    throw Error(Fault::Misconfigured, "no_proc",
                fmt::format("reading /proc/self/exe failed: {}", problem.message()),
                "Mount /proc in this container");
  }
  return path.string();
}

std::string library_folder() {
  const auto folder = std::filesystem::path(executable_path()).parent_path();
  for (const auto& candidate :
       {folder.parent_path() / "lib" / "millrace", folder / "lib" / "millrace"}) {
    if (std::filesystem::is_directory(candidate)) return candidate.string();
  }
  throw Error(Fault::Misconfigured, "broken_installation",
              fmt::format("the libraries of {} are neither in ../lib/millrace nor in lib/millrace "
                          "beside it",
                          executable_path()),
              "Install it again with `make install`");
}

}  // namespace millrace
