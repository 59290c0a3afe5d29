"""Commands run in turn, each measured as a whole, and what their ratios are worth.

Wall time is what people wait for; on a shared machine it moves with what others do. CPU time of all
processes of a command, those of the server that it asks included, moves less. Both are printed.
"""
import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TICK = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


class Failed(Exception):
    """A contestant did not run, or answered something wrong."""


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    text: str = ""  # What the command printed.
    peak: dict | None = None  # Largest resident bytes of "child", "parent", and of all "at once".
    stages: dict | None = None  # Of a load: seconds by stage, as it tells them itself.


def stat_of(pid):
    """(parent, CPU seconds of the process and of those that it waited for), or None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15])) / TICK


def tree_of(root):
    """The process and its descendants, as {pid: CPU seconds}."""
    stats = {int(p): s for p in os.listdir("/proc") if p.isdigit() and (s := stat_of(p))}
    tree, grows = {root: stats[root][1]} if root in stats else {}, True
    while grows:
        more = {p: cpu for p, (parent, cpu) in stats.items() if parent in tree and p not in tree}
        tree |= more
        grows = bool(more)
    return tree


def cpu_of(pids):
    """CPU seconds of servers and all that they ever started."""
    return sum(sum(tree_of(pid).values()) for pid in pids)


class Watch:
    """Follows the resident memory of a process and its descendants while it lives."""

    def __init__(self, root):
        self.root, self.ended = root, threading.Event()
        self.peaks, self.most = {}, 0  # Largest of each process; largest sum at one moment.
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()

    def _follow(self):
        while not self.ended.wait(0.02):
            now = 0
            for pid in tree_of(self.root):
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                    name = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:2]
                except OSError:
                    continue
                if "VmHWM:" not in status:
                    continue
                largest, here = (1024 * int(status.split(field)[1].split()[0])
                                 for field in ("VmHWM:", "VmRSS:"))
                role = "child" if name == ["warehouse-worker"] else "parent"
                self.peaks[role] = max(self.peaks.get(role, 0), largest)
                now += here
            self.most = max(self.most, now)

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peaks | {"at once": self.most}


def spend(command, servers=(), env=None, memory=False, discard=False):
    """Runs a command to its end; raises Failed with its words when it fails."""
    before = cpu_of(servers)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as words:
        start = time.monotonic()
        child = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stderr=words,
                                 stdout=subprocess.DEVNULL if discard else out,
                                 env=os.environ | (env or {}))
        watch = Watch(child.pid) if memory else None
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        peak = watch.stop() if watch else None
        out.seek(0)
        words.seek(0)
        text = out.read().decode(errors="replace")
        if child.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{text}"
                         f"{words.read().decode(errors='replace')}")
    if peak is not None:
        # The kernel's own figure is exact, and is that of the larger of the two.
        larger = max(("child", "parent"), key=lambda role: peak.get(role, 0))
        peak[larger] = max(peak.get(larger, 0), usage.ru_maxrss * 1024)
    cpu = usage.ru_utime + usage.ru_stime + cpu_of(servers) - before
    return Cost(wall, cpu, text, peak)


def in_turn(contestants, rounds, warm=True):
    """Runs {name: function} A B C A B C …; {name: [Cost of each round]}, without a first round."""
    if warm:
        for run in contestants.values():
            run()
    costs = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            costs[name].append(run())
    return costs


def without(loads, *stages):
    """The loads less some of their stages; by wall time alone, the CPU is not known by stage."""
    return [Cost(load.wall - sum(load.stages.get(s, 0) for s in stages), float("nan"))
            for load in loads]


def same(what, ours, peers):
    if ours != peers:
        raise Failed(f"{what}: ours is {ours}, the peer's is {peers}")


class Report:
    """Prints as it goes and remembers every verdict. Small sizes prove no speed: not judged."""

    def __init__(self, judges):
        self.judges, self.verdicts = judges, []

    def title(self, text):
        print(f"\n{text}", flush=True)

    def costs(self, costs):
        print(f"  {'':44}{'wall s, min median':>20}{'CPU s, min median':>20}")
        for name, each in costs.items():
            walls, cpus = [c.wall for c in each], [c.cpu for c in each]
            print(f"  {name:44}{min(walls):>11.2f}{median(walls):>9.2f}"
                  + (f"{min(cpus):>11.2f}{median(cpus):>9.2f}" if cpus[0] == cpus[0] else ""),
                  flush=True)

    def ratio(self, claim, ours, theirs, at_most=None, at_least=None):
        """Round by round, ours to theirs (for `at_least`: theirs to ours, as a speed)."""
        if at_least is not None:
            ours, theirs = theirs, ours
        walls = sorted(a.wall / b.wall for a, b in zip(ours, theirs))
        cpu = median(a.cpu / b.cpu for a, b in zip(ours, theirs))
        text = f"{claim}: {median(walls):.2f} ({walls[0]:.2f}–{walls[-1]:.2f})"
        text += f", by CPU {cpu:.2f}" if cpu == cpu else ""
        self.figure(text, median(walls), at_most, at_least)

    def figure(self, text, value, at_most=None, at_least=None, unit=""):
        if at_most is None and at_least is None:
            print(f"  {text}", flush=True)
            return
        limit = f"≤ {at_most:g}" if at_most is not None else f"≥ {at_least:g}"
        met = value <= at_most if at_most is not None else value >= at_least
        verdict = ("met" if met else "NOT MET") if self.judges else "not judged at this size"
        print(f"  {text}; target {limit}{unit}: {verdict}", flush=True)
        self.verdicts.append((text, f"{limit}{unit}", verdict))
