"""A home that is shaken: its days as our queries and as delta-rs see them, and its files.

Every row of a day's file has the value 100 × generation + row number, so what a reader sees tells
which version of the day it comes from, and whether it is whole.
"""
import datetime
import os
import pathlib
import re
import signal
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder

from home import Home

ROWS = 10
FIRST = datetime.date(2026, 1, 1)
INGESTION = """
[ingestion.purchases]
connection = "lake"
dataset = "events"
query = "select * from '*.parquet'"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
"""
QUESTION = """select cast(day as varchar) as day, count(*) as n, count(distinct value) as d,
    min(value) as lo, max(value) as hi from events group by 1"""


def day_name(number):
    return str(FIRST + datetime.timedelta(days=number))


class CrashHome(Home):
    def __init__(self, path):
        super().__init__(path)
        self.root = path / "store"
        self.store = self.root / "default"
        self.wanted = {}  # day number -> generation in the warehouse
        self.seen = {}  # day -> the highest generation that a query has shown
        self.told = {}  # day -> the same in Delta

    def prepare(self, days):
        self.init()
        for number in range(days):
            self.edit(number)
        self.apply(self.connect_files() + INGESTION)

    def edit(self, number, rows=ROWS, bytes_per_row=0):
        """The warehouse changes its mind about a day."""
        generation = self.wanted[number] = self.wanted.get(number, 0) + 1
        start = datetime.datetime.combine(FIRST, datetime.time()) + datetime.timedelta(days=number)
        table = pa.table({
            "ts": pa.array([start + datetime.timedelta(hours=i) for i in range(rows)],
                           pa.timestamp("us")),
            "kind": ["purchase"] * rows,
            "user_id": [f"user{i}{os.urandom(bytes_per_row // 2).hex()}" for i in range(rows)],
            "amount": [100.0 * generation + i for i in range(rows)]})
        pq.write_table(table, self.warehouse / "new")
        os.rename(self.warehouse / "new", self.warehouse / f"day{number:03}.parquet")

    def range(self, first, last):
        return ("load", "purchases", "--from", day_name(first), "--to", day_name(last))

    def begin(self, *arguments, env=None):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                env={**os.environ, **(env or {})})

    # -- what readers see

    def query(self):
        return whole_days(self.rows(QUESTION))

    def delta(self, version=None):
        """None where there is no log yet."""
        if not (self.store / "events/_delta_log").is_dir():
            return {}
        try:
            table = DeltaTable(str(self.store / "events"), version=version)
        except Exception as error:
            assert "log" in str(error).lower() or "no such" in str(error).lower(), error
            assert not list((self.store / "events/_delta_log").glob("*.json")), error
            return {}
        answer = QueryBuilder().register("events", table).execute(QUESTION).read_all()
        return whole_days(rows_of(answer))

    def must_be_whole(self):
        """No half day, no two versions, nothing that was visible is gone or old again, and Delta
        never leads."""
        seen, told = self.query(), self.delta()
        for before, now in ((self.seen, seen), (self.told, told)):
            for day, generation in before.items():
                assert now.get(day, 0) >= generation, (day, before, now)
        for day, generation in told.items():
            assert generation <= seen[day], (day, seen, told)
        self.seen, self.told = seen, told
        return seen

    def must_have_converged(self):
        expected = {day_name(number): generation for number, generation in self.wanted.items()}
        assert self.must_be_whole() == expected
        assert self.told == expected

    # -- what lies in the store

    def files(self):
        return {str(path.relative_to(self.root))
                for path in self.root.rglob("*") if path.is_file()}

    def age_half_written_files(self):
        """What `.tmp-` files killed writers left is swept once it is an hour old."""
        for path in self.root.rglob(".tmp-*"):
            os.utime(path, (0, 0))

    def must_account_for_every_file(self):
        """After `sweep --now`: the current versions' files, the records, and nothing else."""
        days = self.json("days", "purchases")
        current = {row["version"] for row in days}
        versions = [version for row in days if row["version"] for version in self.json(
            "history", "purchases", "--day", row["day"])]
        named = {f"default/events/{file['path']}" for version in versions
                 if version["id"] in current for file in version["files"]}
        files = self.files()
        assert named <= files
        manifests = {f"default/events/_manifest/{version['id']}.json" for version in versions}
        records = sorted(path for path in files if "/_publish/" in path)
        assert records == [f"default/events/_publish/{seq:020}.json"
                           for seq in range(1, len(records) + 1)]
        others = files - named - manifests - set(records)
        log = r"default/events/_delta_log/(\d{20}\.(json|checkpoint\.parquet)|_last_checkpoint)"
        strangers = {path for path in others if not re.fullmatch(
            r"_millrace\.json|_millrace/\d+\.json|" + log, path)}
        assert not strangers
        assert len([path for path in others if path.startswith("_millrace/")]) == 1
        assert not list((self.store / "_staged").rglob("*/*")), "staging folders are left"


def rows_of(table):
    names = table.schema.names
    columns = [table.column(name).to_pylist() for name in names]
    return [dict(zip(names, values)) for values in zip(*columns)]


def whole_days(rows):
    """day -> generation, where every day is whole and of one version."""
    generations = {}
    for row in rows:
        whole = row["n"] == row["d"] == ROWS and row["lo"] % 100 == 0 and row["hi"] == row["lo"] + 9
        assert whole, f"half a day, or two versions of it: {row}"
        generations[row["day"]] = int(row["lo"] // 100)
    return generations


def children_of(pid):
    try:
        return [int(child) for child in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] + [
            int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            if task.name != str(pid) for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid):
    """True when it was there to be killed."""
    alive = is_alive(pid)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return alive
