"""Killed with -9 at random moments: the worker, its parent, or both; sweeps go on beside."""
import os
import random
import time

from crash_home import children_of, is_alive, kill

DAYS = 6
KILLS = int(os.environ.get("MILLRACE_KILLS", 200))
SEED = int(os.environ.get("MILLRACE_SEED", 20261125))


def worker_of(process, patience):
    """The worker, if there is one within that time."""
    deadline = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < deadline:
        if found := children_of(process.pid):
            return found[0]
        time.sleep(0.001)
    return None


def hit(random, process, victim, span):
    """Kills at a moment of the load's life; how many processes that were alive it hit."""
    time.sleep(random.uniform(0, span))
    worker = worker_of(process, span if victim == "worker" else 0)
    targets = {"worker": [worker], "parent": [process.pid], "both": [worker, process.pid]}[victim]
    random.shuffle(targets)
    killed = sum(kill(pid) for pid in targets if pid)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 5
    while worker and is_alive(worker):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.001)
    return killed


def test_hundreds_of_kills_lose_nothing_and_show_nothing_half_done(shaken):
    print(f"MILLRACE_SEED={SEED} MILLRACE_KILLS={KILLS}")
    rng = random.Random(SEED)
    shaken.prepare(DAYS)
    shaken.run(*shaken.range(0, DAYS - 1))
    begun = time.monotonic()
    shaken.run(*shaken.range(0, 2))
    span = time.monotonic() - begun
    kills = {"worker": 0, "parent": 0, "both": 0}
    missed = 0
    while sum(kills.values()) < KILLS:
        assert missed < KILLS, "the loads end before they are hit"
        first = rng.randrange(DAYS)
        last = min(DAYS - 1, first + rng.randrange(3))
        for number in range(first, last + 1):
            shaken.edit(number)
        sweep = shaken.begin("sweep", "--now") if rng.random() < 0.1 else None
        load = shaken.begin(*shaken.range(first, last))
        victim = rng.choice(list(kills))
        hits = hit(rng, load, victim, span * (last - first + 1) / 3 + 0.02)
        kills[victim] += hits > 0
        missed += hits == 0
        if sweep:
            if rng.random() < 0.5:
                kill(sweep.pid)
            out, err = sweep.communicate(timeout=60)
            assert sweep.returncode in (0, -9), out + err
        shaken.must_be_whole()
        if rng.random() < 0.05:
            shaken.run(*shaken.range(0, DAYS - 1))
            shaken.must_have_converged()
    print(f"killed {kills}, missed {missed}")

    shaken.run(*shaken.range(0, DAYS - 1))
    shaken.must_have_converged()
    shaken.age_half_written_files()
    shaken.run("sweep", "--now")
    shaken.must_have_converged()
    shaken.must_account_for_every_file()
