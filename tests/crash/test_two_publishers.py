"""Two processes at once: publishers that overtake each other, and two loads of one day."""
import os
import re
import signal
import time

import pytest
from crash_home import children_of, day_name
from crash_points import go_on, state_of

# What a load of one day does from its publish on, in the order in which it does it.
AFTER_PUBLISH = ["link store/default/events/_publish/", "unlink store/default/events/_publish/.tmp",
                 "link store/default/events/_delta_log/", "unlink store/default/events/_delta_log/"]


@pytest.fixture
def home(shaken):
    shaken.prepare(days=3)
    shaken.run(*shaken.range(0, 2))
    shaken.must_have_converged()
    return shaken


def never_two_versions_in_delta(home):
    """At each version of the table: reading checks that days are whole and of one version."""
    last = len(list((home.store / "events/_delta_log").glob("*.json"))) - 1
    seen = {}
    for version in range(last + 1):
        now = home.delta(version)
        assert all(now.get(day, 0) >= generation for day, generation in seen.items()), version
        seen = now
    return last


@pytest.mark.parametrize("step", AFTER_PUBLISH)
def test_a_publisher_that_stands_still_is_overtaken_and_brings_nothing_old_back(
        home, crash_points, step):
    home.edit(0)
    stalled = crash_points.stop(home, *home.range(0, 0), step=1, match=step)
    assert home.must_be_whole()[day_name(0)] == 2  # Published; Delta may not know it yet.

    home.edit(0)
    home.edit(1)
    home.run(*home.range(0, 1))
    home.must_have_converged()
    code, told = go_on(stalled)
    assert code == 0, told
    home.must_have_converged()
    never_two_versions_in_delta(home)
    home.run("sweep", "--now")
    home.must_have_converged()
    home.must_account_for_every_file()


def test_a_publisher_that_is_killed_in_front_of_its_delta_commit_is_told_by_another_days_load(
        home, crash_points):
    home.edit(0)
    assert crash_points.kill(home, *home.range(0, 0), step=1, match="link store/default/events/_d")
    assert home.delta()[day_name(0)] == 1 and home.query()[day_name(0)] == 2
    home.edit(1)
    home.run(*home.range(1, 1))
    home.must_have_converged()
    never_two_versions_in_delta(home)


def test_a_sweep_beside_a_publisher_that_stands_still_takes_none_of_its_files(home, crash_points):
    for step in ["link store/default/events/ingestion=", "unlink store/default/_staged",
                 "link store/default/events/_publish/", "link store/default/events/_delta_log/"]:
        home.edit(0)
        stalled = crash_points.stop(home, *home.range(0, 0), step=1, match=step)
        home.run("sweep", "--now")
        code, told = go_on(stalled)
        assert code == 0, told
        home.must_have_converged()
    home.run("sweep", "--now")
    home.must_account_for_every_file()


def test_publishers_of_different_days_at_once_end_in_the_same_place(home):
    for _ in range(4):
        for number in range(3):
            home.edit(number)
        loads = [home.begin(*home.range(number, number)) for number in range(3)]
        for load in loads:
            out, err = load.communicate(timeout=60)
            assert load.returncode == 0, out + err
        home.must_have_converged()
    never_two_versions_in_delta(home)


def test_of_two_loads_of_one_day_one_wins_and_the_other_says_who_has_it(home, crash_points):
    home.edit(0)
    # The worker stands still: its parent holds the day.
    first = home.begin(*home.range(0, 0), env=crash_points.at(
        home, step=1, role="worker", match="rename", by=signal.SIGSTOP))
    deadline = time.monotonic() + 30
    while not (worker := children_of(first.pid)) or state_of(worker[0]) != "T":
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    refused = home.run(*home.range(0, 0), code=1)
    assert re.search(rf"process {first.pid} on \S+ has been loading it since", refused.stderr)
    assert "Wait until it is done, or end that process" in refused.stderr
    assert home.must_be_whole()[day_name(0)] == 1
    assert home.json("days", "purchases")[0]["status"] == "loading"

    os.kill(worker[0], signal.SIGCONT)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, out + err
    home.must_have_converged()


def test_loads_of_one_day_that_start_together_never_mix(home):
    for _ in range(5):
        home.edit(0)
        loads = [home.begin(*home.range(0, 0)) for _ in range(3)]
        told = [load.communicate(timeout=60) for load in loads]
        codes = [load.returncode for load in loads]
        assert 0 in codes and set(codes) <= {0, 1}, told
        for code, (out, err) in zip(codes, told):
            assert code == 0 or "has been loading it since" in err, out + err
        home.must_have_converged()
    home.run("sweep", "--now")
    home.must_account_for_every_file()
