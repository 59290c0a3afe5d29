#include "base/process.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

Child shell(const std::string& script) { return Child::start({.arguments = {"sh", "-c", script}}); }

struct Result {
  std::vector<std::string> lines;
  Child::Exit exit;
};

Result finish(Child& child, std::stop_token stop = {}) {
  Result result;
  result.exit =
      child.read_lines([&](std::string_view line) { result.lines.emplace_back(line); }, stop);
  return result;
}

/// True as soon as the process is gone, false when it is still there after ten seconds.
bool ends(pid_t pid) {
  const ProcessId process{this_process().host, pid, 0};
  for (int i = 0; i < 1000 && may_be_alive(process); ++i) real_env().wait(10ms, {});
  return !may_be_alive(process);
}

TEST_CASE("a child's lines, its exit code and the end of its stderr arrive") {
  Child child = shell("echo one; echo; printf last; echo trouble >&2; exit 3");
  const Result result = finish(child);
  CHECK(result.lines == std::vector<std::string>{"one", "", "last"});
  CHECK(result.exit.status == 3);
  CHECK(result.exit.stderr_tail == "trouble\n");
}

TEST_CASE("a child reads what we write until we close") {
  Child child = shell("cat");
  child.write("a\nb\n");
  child.close_stdin();
  CHECK(finish(child).lines == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a child that is given patience ends by itself when it is asked to stop") {
  Child child = Child::start(
      {.arguments = {"sh", "-c", "echo up; cat; echo tidied; exit 7"}, .patience = 10s});
  std::stop_source stop;
  Result result;
  result.exit = child.read_lines(
      [&](std::string_view line) {
        result.lines.emplace_back(line);
        stop.request_stop();
      },
      stop.get_token());
  CHECK(result.lines == std::vector<std::string>{"up", "tidied"});
  CHECK(result.exit.status == 7);
}

TEST_CASE("a child that does not end within its patience is killed") {
  Child child = Child::start({.arguments = {"sh", "-c", "exec sleep 100"}, .patience = 100ms});
  std::stop_source stop;
  stop.request_stop();
  CHECK(finish(child, stop.get_token()).exit.status == 128 + SIGKILL);
}

TEST_CASE("a child gets our environment and what was added") {
  Child child = Child::start(
      {{"sh", "-c", "echo $ADDED; test -n \"$PATH\" && echo path"}, {{"ADDED", "x=y z"}}});
  CHECK(finish(child).lines == std::vector<std::string>{"x=y z", "path"});
}

TEST_CASE("long lines and much noise on stderr do not block each other") {
  Child child = shell(
      "i=0; while [ $i -lt 20 ]; do head -c 100000 /dev/zero | tr '\\0' e >&2; i=$((i+1)); done; "
      "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end; echo tail >&2");
  const Result result = finish(child);
  REQUIRE(result.lines.size() == 2);
  CHECK(result.lines[0] == std::string(3000000, 'x'));
  CHECK(result.lines[1] == "end");
  CHECK(result.exit.stderr_tail.size() == 8192);
  CHECK(result.exit.stderr_tail.ends_with("etail\n"));
}

TEST_CASE("a hundred thousand lines arrive in order") {
  Child child = shell("seq 1 100000");
  int expected = 0, wrong = 0;
  child.read_lines([&](std::string_view line) { wrong += line != std::to_string(++expected); }, {});
  CHECK(expected == 100000);
  CHECK(wrong == 0);
}

TEST_CASE("a killed child tells the signal") {
  Child child = shell("kill -9 $$");
  CHECK(finish(child).exit.status == 128 + SIGKILL);
}

TEST_CASE("a child that has ended makes writing no error; how it ended is told later") {
  Child child = shell("echo bye >&2; exit 7");
  real_env().wait(50ms, {});
  child.write(std::string(4 << 20, 'x'));
  const Result result = finish(child);
  CHECK(result.exit.status == 7);
  CHECK(result.exit.stderr_tail == "bye\n");
}

TEST_CASE("a program that cannot start is told with the reason") {
  try {
    Child::start({{"/nowhere/program"}, {}});
    FAIL("started");
  } catch (const Error& error) {
    CHECK(error.fault == Fault::Misconfigured);
    CHECK(error.code == "cannot_start");
    CHECK(std::string(error.what()) ==
          "starting /nowhere/program failed: No such file or directory");
  }
}

TEST_CASE("a request to stop kills the child and what it started") {
  Child child = shell("sleep 600 & echo $!; wait");
  std::stop_source source;
  pid_t inner = 0;
  const Child::Exit exit = child.read_lines(
      [&](std::string_view line) {
        inner = std::stoi(std::string(line));
        source.request_stop();
      },
      source.get_token());
  CHECK(exit.status == 128 + SIGKILL);
  CHECK(ends(inner));
}

TEST_CASE("a stop that was asked for before reading kills at once") {
  Child child = shell("sleep 600");
  std::stop_source source;
  source.request_stop();
  CHECK(finish(child, source.get_token()).exit.status == 128 + SIGKILL);
}

TEST_CASE("a process that a child left behind does not keep us waiting") {
  Child child = shell("sleep 600 & echo $!");
  const Result result = finish(child);
  REQUIRE(result.lines.size() == 1);
  const pid_t left = std::stoi(result.lines[0]);
  ::kill(left, SIGKILL);
  CHECK(ends(left));
}

TEST_CASE("a child ends when its owner forgets it, also by way of an exception") {
  pid_t pid = 0;
  try {
    Child child = shell("echo x; sleep 600");
    pid = child.pid();
    child.read_lines([](std::string_view) { throw std::runtime_error("enough"); }, {});
  } catch (const std::runtime_error&) {
  }
  CHECK(ends(pid));
}

TEST_CASE("a child does not outlive us, even when we are killed") {
  int ends_of_pipe[2];
  REQUIRE(::pipe(ends_of_pipe) == 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    Child child = shell("exec sleep 600");
    const pid_t pid = child.pid();
    [[maybe_unused]] const ssize_t sent = ::write(ends_of_pipe[1], &pid, sizeof pid);
    ::pause();
    ::_exit(0);
  }
  pid_t inner = 0;
  REQUIRE(::read(ends_of_pipe[0], &inner, sizeof inner) == sizeof inner);
  CHECK(may_be_alive({this_process().host, inner, 0}));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  CHECK(ends(inner));
  ::close(ends_of_pipe[0]);
  ::close(ends_of_pipe[1]);
}

TEST_CASE("children inherit nothing of us but their three streams") {
  const Child other = shell("sleep 600");
  const int careless = ::open("/dev/null", O_RDONLY);
  Child child = shell("ls /proc/self/fd");
  // The fourth is the folder that ls itself has open.
  CHECK(finish(child).lines.size() == 4);
  ::close(careless);
}

TEST_CASE("a recycled process id is told from the process that had it") {
  ProcessId process = this_process();
  CHECK(process.pid == ::getpid());
  CHECK(process.start_time > 0);
  CHECK(may_be_alive(process));
  ++process.start_time;
  CHECK(!may_be_alive(process));
}

TEST_CASE("a process of another host may always be alive") {
  ProcessId process = this_process();
  process.host += "-other";
  ++process.start_time;
  CHECK(may_be_alive(process));
}

TEST_CASE("a process that has ended but was not waited for holds nothing") {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  CHECK(ends(pid));
  ::waitpid(pid, nullptr, 0);
}

TEST_CASE("the running program finds itself and its libraries") {
  CHECK(executable_path() == std::filesystem::canonical("/proc/self/exe"));
  const std::filesystem::path beside =
      std::filesystem::path(executable_path()).parent_path() / "lib" / "millrace";
  CHECK(library_folder() == beside);
}

}  // namespace
}  // namespace millrace
