"""Every bench runs at a small size, so that none rots; speed is judged by `make bench` alone."""
import os
import pathlib
import subprocess
import sys

import pytest

from home import BUILD, ROOT

sys.path.insert(0, str(ROOT / "bench"))

import contest  # noqa: E402

CACHE = pathlib.Path(os.environ.get("MILLRACE_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME")
                                     or pathlib.Path.home() / ".cache", "millrace"))


def test_every_bench_runs_and_its_answers_agree_with_its_peers(s3_server):
    done = subprocess.run(
        [ROOT / "tools/bench", "--small", BUILD, "--s3", s3_server.folder, str(s3_server.port)],
        capture_output=True, text=True, timeout=300,
        env=os.environ | {"MILLRACE_CACHE": str(CACHE)})
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = done.stdout.split("\nTargets\n")[1]
    assert verdicts.count("not judged at this size") == 33, done.stdout


def test_contestants_run_in_turn_after_a_first_round_that_does_not_count():
    order = []
    costs = contest.in_turn({name: lambda name=name: order.append(name) or len(order)
                             for name in "ab"}, rounds=2)
    assert "".join(order) == "ababab"
    assert costs == {"a": [3, 5], "b": [4, 6]}


def test_a_command_that_fails_or_answers_something_else_is_no_contestant():
    with pytest.raises(contest.Failed, match="ended with 3:\nsaid"):
        contest.spend(["sh", "-c", "echo said; exit 3"])
    with pytest.raises(contest.Failed, match="rows: ours is 1, the peer's is 2"):
        contest.same("rows", 1, 2)


def test_the_processes_that_a_command_and_its_server_started_are_counted(tmp_path):
    work = "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; "
    begin, ended = tmp_path / "begin", tmp_path / "ended"
    os.mkfifo(begin)
    os.mkfifo(ended)
    server = subprocess.Popen(["sh", "-c", f"read go < {begin}; {work} echo > {ended}; read go"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        alone = contest.spend(["sh", "-c", work])
        # All of the server's work lies inside the command's.
        both = contest.spend(["sh", "-c", f"echo > {begin}; {work} read it < {ended}"],
                             [server.pid])
    finally:
        server.kill()
        server.wait()
    assert alone.cpu > 0.02
    assert both.cpu > alone.cpu * 1.5


def test_a_target_is_met_or_not_and_small_sizes_are_not_judged(capsys):
    full, small = contest.Report(judges=True), contest.Report(judges=False)
    two, one = [contest.Cost(2, 2)], [contest.Cost(1, 1)]
    full.ratio("slower", two, one, at_most=1.5)
    full.ratio("faster", one, two, at_least=1.5)
    small.ratio("slower", two, one, at_most=1.5)
    assert [verdict for _, _, verdict in full.verdicts] == ["NOT MET", "met"]
    assert small.verdicts[0][2] == "not judged at this size"
    assert "faster: 2.00 (2.00–2.00), by CPU 2.00; target ≥ 1.5: met" in capsys.readouterr().out
