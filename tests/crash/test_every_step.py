"""Killed right before every single change that a command makes to the home's files."""
import signal

import pytest
from crash_home import day_name

STEPS_MAX = 200


@pytest.fixture
def home(shaken):
    shaken.prepare(days=1)
    shaken.run(*shaken.range(0, 0))
    shaken.must_have_converged()
    return shaken


@pytest.mark.parametrize("role", ["parent", "worker"])
def test_a_load_killed_before_any_step_leaves_whole_days_and_the_next_one_converges(
        home, crash_points, role):
    for step in range(1, STEPS_MAX):
        # One day is loaded again, the next for the first time.
        home.edit(step - 1)
        home.edit(step)
        load = home.range(step - 1, step)
        env = crash_points.at(home, step, role)
        done = home.begin(*load, env=env)
        out, err = done.communicate(timeout=60)
        home.must_be_whole()
        if done.returncode == 0:
            break
        if role == "worker":
            assert done.returncode == 4 and "137" in out + err
        else:
            assert done.returncode == -signal.SIGKILL
        home.run(*load)
        home.must_have_converged()
    assert (30 if role == "parent" else 2) < step < STEPS_MAX - 1
    home.age_half_written_files()
    home.run("sweep", "--now")
    home.must_have_converged()
    home.must_account_for_every_file()


def test_an_undo_killed_before_any_step_is_done_or_not_and_the_next_command_finishes_it(
        home, crash_points):
    home.edit(0)
    home.run(*home.range(0, 0))
    day = ("--day", day_name(0))
    new, old = [version["id"] for version in home.json("history", "purchases", *day)]
    ids = {1: old, 2: new}
    for step in range(1, STEPS_MAX):
        before = home.query()[day_name(0)]
        after = 3 - before
        killed = crash_points.kill(home, "undo", "purchases", *day, "--to", ids[after], step=step)
        now = home.query()[day_name(0)]
        assert now in (before, after)
        assert home.delta()[day_name(0)] in (before, after)
        status = home.json("days", "purchases")[0]
        assert status["version"] == ids[now]
        home.run("doctor")
        assert home.delta()[day_name(0)] == now
        if not killed:
            assert now == after
            break
    assert 10 < step < STEPS_MAX - 1


def test_a_sweep_killed_before_any_step_can_be_repeated_and_takes_no_file_of_a_version(
        home, crash_points):
    for step in range(1, STEPS_MAX):
        home.edit(0)
        home.run(*home.range(0, 0))
        home.edit(0)
        # Settled, and never published.
        assert crash_points.kill(home, *home.range(0, 0), step=1, match="remove store/default/_st")
        killed = crash_points.kill(home, "sweep", "--now", step=step)
        home.must_be_whole()
        home.age_half_written_files()
        home.run("sweep", "--now")
        home.must_account_for_every_file()
        if not killed:
            break
    assert 10 < step < STEPS_MAX - 1
    home.run(*home.range(0, 0))
    home.must_have_converged()


@pytest.mark.parametrize("step", ["link store/default/events/_manifest",
                                  "remove store/default/_staged",
                                  "link store/default/events/_publish",
                                  "link store/default/events/_delta_log"])
def test_an_accept_that_is_killed_published_the_day_or_left_it_waiting(home, crash_points, step):
    home.edit(0, rows=4)
    home.run(*home.range(0, 0), code=4)
    accept = (*home.range(0, 0), "--accept")
    assert crash_points.kill(home, *accept, step=1, match=step)
    count = "select count(*) as n from events"
    assert home.rows(count) == [{"n": 4 if "_publish" in step or "_delta" in step else 10}]
    home.run(*accept)
    assert home.rows(count) == [{"n": 4}]
    home.age_half_written_files()
    home.run("sweep", "--now")
    home.must_account_for_every_file()
