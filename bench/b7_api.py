"""B7: statuses and runs out of a hundred thousand, asked for 500 times a second."""
import json
import sqlite3
import time
from datetime import date, timedelta

from contest import Failed, same
from service import Service, key_without_limit

FULL = {"statuses": 100_000, "rate": 500, "seconds": 20, "rounds": 5}
SMALL = {"statuses": 2_000, "rate": 100, "seconds": 1, "rounds": 1}
LIMIT_MS = 20
STATUS, RUNS = "/console/v1/ingestion/status", "/console/v1/ingestion/runs"

INGESTION = """
[connection.lake]
kind = "files"
path = "{folder}"
[ingestion.{name}]
connection = "lake"
dataset = "events"
query = "select * from 'nothing.parquet'"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
"""
# Every load is two statuses: it began, and it ended, one in fifty badly. All within the last weeks,
# and people know.
LOADS = """insert into load (project_id, id, ingestion, dataset, day, revision, run, asked_by,
                             attempt, host, pid, process_start, started_at, closed_at, told_at,
                             note, error_code)
    with recursive n(i) as (select 0 union all select i + 1 from n where i < ? - 1)
    select ingestion.project_id, 'load' || i, ingestion.id, 'events',
           date('now', '-' || (i / 1000 + 1) || ' days'), ingestion.revision, 'run' || i,
           'scheduled', iif(i % 50, 'loaded', 'failed'), 'h', 1, 1, ? - i * 10000000,
           ? - i * 10000000 + 4000000, ?, '', iif(i % 50, '', 'sql_error')
    from n, ingestion"""


def fill(home, statuses):
    now = int(time.time() * 1e6) - 10_000_000
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute(LOADS, (statuses // 2, now, now, now))
    catalog.close()


def found(reply, path):
    """The rows of a page that was the same whenever it was asked for."""
    bodies = reply["bodies"][path]
    if len(bodies) != 1:
        raise Failed(f"{path} gave {len(bodies)} different answers")
    return json.loads(bodies[0])


def run(place, report, statuses, rate, seconds, rounds):
    home = place.home(INGESTION.format(folder=place.lake(), name="web"))
    fill(home, statuses)
    key = key_without_limit(home)
    report.title(f"B7  {rate} requests a second for {seconds} s, {rounds} rounds, of "
                 f"{statuses:,} statuses")
    days = "startDate={}&endDate={}".format(*(date.today() + timedelta(n) for n in (-60, 1)))
    asked_for = {
        "statuses": [f"{STATUS}?{days}&page={page}" for page in (1, 2, 3)],
        "statuses of one word": [f"{STATUS}?{days}&status={word}" for word in (
            "IMPORT_SUCCESSFUL", "IMPORT_STARTED", "QUERY_ERROR", "ERROR")],
        "runs": [f"{RUNS}?page={page}" for page in (1, 2, 3)],
        "/healthz, which asks nothing": ["/healthz"]}
    p99, spent = ({name: [] for name in asked_for} for _ in range(2))
    with Service(home) as service:
        for _ in range(rounds):
            for name, pages in asked_for.items():
                before = service.cpu()
                asked = service.at_a_pace(rate, seconds, key, *pages)
                spent[name].append(1000 * (service.cpu() - before) / (rate * seconds))
                same(f"{name}: replies", asked["statuses"], {"200": int(rate * seconds)})
                for page in pages if name != "/healthz, which asks nothing" else []:
                    same(f"rows of {page}", len(found(asked, page)["data"]), len(
                        json.loads(service.ask("GET", page, key))["data"]))
                p99[name].append(asked["ms"])
    for name, each in p99.items():
        shares = {share: sorted(ms[share] for ms in each) for share in each[0]}
        report.figure(f"{name}: " + ", ".join(
            f"{share} {ms[len(ms) // 2]:.1f} ms ({ms[0]:.1f}–{ms[-1]:.1f})"
            for share, ms in shares.items()) +
            f"; CPU {sorted(spent[name])[rounds // 2]:.2f} ms a request", None)
    for name in list(asked_for)[:3]:
        middle = sorted(ms["p99"] for ms in p99[name])[rounds // 2]
        report.figure(f"{name}, p99: {middle:.1f} ms", middle, at_most=LIMIT_MS, unit=" ms")
    home.remove()
