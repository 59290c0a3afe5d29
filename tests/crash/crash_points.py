"""Hits a process right before a chosen change of a file; see crash_points.c."""
import os
import pathlib
import signal
import subprocess
import time

import pytest


class CrashPoints:
    def __init__(self, folder):
        self.folder = folder
        self.library = folder / "crash_points.so"
        source = pathlib.Path(__file__).with_name("crash_points.c")
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", "-Werror", "-shared", "-fPIC",
                        "-o", self.library, source, "-ldl"], check=True)

    def at(self, home, step=0, role="parent", match=None, by=signal.SIGKILL, trace=None):
        """The environment that hits the process before that step."""
        environment = {"LD_PRELOAD": str(self.library), "CRASH_ROOT": str(home.path),
                       "CRASH_ROLE": role, "CRASH_AT": str(step), "CRASH_BY": str(int(by))}
        if match:
            environment["CRASH_MATCH"] = match
        if trace:
            environment["CRASH_TRACE"] = str(trace)
        return environment

    def kill(self, home, *arguments, **point):
        """Runs a command that is killed at a step; false when it ended before."""
        done = home.begin(*arguments, env=self.at(home, **point))
        done.communicate(timeout=60)
        return done.returncode == -signal.SIGKILL

    def stop(self, home, *arguments, **point):
        """A command that stands still right before a step, until it is continued."""
        process = home.begin(*arguments, env=self.at(home, by=signal.SIGSTOP, **point))
        deadline = time.monotonic() + 30
        while state_of(process.pid) != "T":
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "it never came to that step"
            time.sleep(0.002)
        return process

    def steps(self, home, *arguments, role="parent", code=0):
        """What the command does, step by step."""
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        home.run(*arguments, code=code, env=self.at(home, role=role, trace=trace))
        return trace.read_text().splitlines()


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0]


def go_on(process):
    os.kill(process.pid, signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


@pytest.fixture(scope="session")
def crash_points(tmp_path_factory):
    return CrashPoints(tmp_path_factory.mktemp("crash_points"))
