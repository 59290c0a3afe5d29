"""A disk that is full, a store that became read-only, a catalog that somebody holds too long.

The home lies on a small tmpfs, mounted in a mount namespace of its own: it needs no rights where
users may have namespaces, and nothing of it is left when its process ends.
"""
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from crash_home import CrashHome, day_name
from crash_points import go_on

PAGE = 4096
# Out of order, so that each load finds another thing that no longer fits.
FREE_PAGES = [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 30, 40, 60, 90]


class MountedHome(CrashHome):
    """Every command runs where the file system is mounted."""

    def __init__(self, path):
        super().__init__(path)
        path.mkdir()
        rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.space = subprocess.Popen(
            ["unshare", *rights, "--mount", "sh", "-c",
             f"mount -t tmpfs -o size=4m tmpfs {path} && echo ready && exec sleep 600"],
            stdout=subprocess.PIPE, text=True)
        assert self.space.stdout.readline() == "ready\n"
        self.enter = ["nsenter", f"--target={self.space.pid}", "--mount",
                      *(["--user", "--preserve-credentials"] if rights else [])]
        self.real_path = path
        self.inside(f"cd {path}")

    def inside(self, script):
        return subprocess.run([*self.enter, "sh", "-ec", script], check=True, capture_output=True,
                              text=True).stdout

    def command(self, *arguments):
        return [*self.enter, *super().command(*arguments)]

    def apply(self, toml, code=0):
        definitions = self.warehouse.parent / "definitions.toml"
        definitions.write_text(toml)
        return self.run("apply", definitions, code=code)

    def leave_free(self, pages):
        """Fills the disk but for so many pages."""
        self.inside(f"rm -f {self.path}/filler; sync; free=$(stat -f -c %f {self.path}); "
                    f"n=$((free - {pages})); dd if=/dev/zero of={self.path}/filler bs={PAGE} "
                    f"count=$n 2>/dev/null")

    def free(self):
        self.inside(f"rm -f {self.path}/filler")

    def end(self):
        self.space.kill()
        self.space.wait()


@pytest.fixture
def home(tmp_path):
    home = MountedHome(tmp_path / "home")
    try:
        home.prepare(days=2)
        home.run(*home.range(0, 1))
        yield home
    finally:
        home.end()


def test_wherever_the_disk_fills_up_the_load_says_so_and_the_old_version_stays(home):
    outcomes = set()
    for pages in FREE_PAGES:
        home.edit(0)
        before = home.query()
        home.leave_free(pages)
        load = home.begin(*home.range(0, 0))
        out, err = load.communicate(timeout=60)
        outcomes.add(load.returncode)
        assert load.returncode in (0, 1), (pages, out + err)
        if load.returncode == 1:
            assert "o space left" in err or "is full" in err or "disk" in err, err
            assert re.search(r"[Ff]ree (some|disk) space", err), err
        home.free()
        now = home.query()
        assert now[day_name(0)] == before[day_name(0)] + (load.returncode == 0), (pages, err)
        home.run(*home.range(0, 0))
        assert home.query() == {day_name(0): home.wanted[0], day_name(1): 1}
        home.run("sweep", "--now")
    assert outcomes == {0, 1}
    assert "nobody else writes" in home.run("doctor", code=1).stdout  # The disk is small.


def test_a_day_that_does_not_fit_on_the_disk_leaves_nothing_there(home):
    free = home.inside(f"stat -f -c %f {home.path}")
    home.edit(0, bytes_per_row=1_000_000)
    refused = home.run(*home.range(0, 0), code=1).stderr
    assert "No space left on device" in refused and "Free some space" in refused
    assert home.query() == {day_name(0): 1, day_name(1): 1}
    assert "0 files" in home.run("sweep", "--now").stdout
    assert int(free) - int(home.inside(f"stat -f -c %f {home.path}")) < 20
    home.edit(0)
    home.run(*home.range(0, 0))
    assert home.query()[day_name(0)] == home.wanted[0]


def read_only(home, on):
    root = home.root
    if on:
        home.inside(f"mount --bind {root} {root}; mount -o remount,ro,bind {root}")
    else:
        home.inside(f"umount {root}")


def test_a_store_that_became_read_only_is_said_as_such_and_can_still_be_asked(home):
    home.edit(0)
    read_only(home, True)
    refused = home.run(*home.range(0, 0), code=1).stderr
    assert "Read-only file system" in refused and "writable" in refused
    assert str(home.root) in refused
    assert home.query() == {day_name(0): 1, day_name(1): 1}
    assert "BAD" in home.run("doctor", code=1).stdout
    read_only(home, False)
    home.run(*home.range(0, 0))
    assert home.query()[day_name(0)] == 2


@pytest.mark.parametrize("step", ["link store/default/events/_manifest",
                                  "link store/default/events/_publish",
                                  "link store/default/events/_delta_log"])
def test_a_store_that_becomes_read_only_during_a_load_costs_at_most_that_load(
        home, crash_points, step):
    home.edit(0)
    load = crash_points.stop(home, *home.range(0, 0), step=1, match=step)
    read_only(home, True)
    code, told = go_on(load)
    published = "_manifest" not in step
    assert code == (0 if published else 1)
    assert "Read-only file system" in told
    assert home.query() == {day_name(0): 1 + published, day_name(1): 1}
    read_only(home, False)
    home.run(*home.range(0, 0))
    assert home.query()[day_name(0)] == 2
    home.run("sweep", "--now")
    assert "nobody else writes" in home.run("doctor", code=1).stdout  # The disk is small.


def test_a_catalog_that_somebody_holds_too_long_is_an_error_that_says_who(shaken, crash_points):
    shaken.prepare(days=2)
    shaken.run(*shaken.range(0, 1))
    shaken.edit(0)
    load = crash_points.stop(shaken, *shaken.range(0, 0), step=1,
                             match="remove store/default/_staged")
    holder = sqlite3.connect(shaken.path / "catalog.db", isolation_level=None)
    holder.execute("begin immediate")
    another = shaken.begin("undo", "purchases", "--day", day_name(1))
    os.kill(load.pid, signal.SIGCONT)
    assert "catalog" in another.communicate(timeout=60)[1]
    time.sleep(1)
    holder.execute("rollback")
    holder.close()
    out, err = load.communicate(timeout=60)
    assert load.returncode == another.returncode == 1
    who = rf"within 10\.0 s: python\S* \(process {os.getpid()} on \S+\) holds it"
    assert re.search(who, err), err
    assert shaken.must_be_whole() == {day_name(0): 1, day_name(1): 1}
    shaken.run(*shaken.range(0, 0))
    shaken.must_have_converged()
