"""B9: what deciding costs: a thousand ingestions that are followed up, and nothing is due."""
import sqlite3
import time
from datetime import datetime, timedelta, timezone

from b5_start_up import grow
from contest import Cost, Failed, same, spend
from service import Service

FULL = {"ingestions": 1000, "days": 14, "seconds": 60, "rounds": 9}
SMALL = {"ingestions": 10, "days": 3, "seconds": 1, "rounds": 1}
PASS_MS, IDLE_PERCENT = 50, 1

INGESTION = """
[connection.lake]
kind = "files"
path = "{folder}"
[ingestion.web]
connection = "lake"
dataset = "events"
enabled = true
query = "select * from 'web.parquet'"
[ingestion.web.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
[ingestion.web.schedule]
hour = {hour}
deadline = "23:59"
"""
ROWS = """select 'view' as kind, 'user_' || i as user_id,
    timestamptz '{first} 12:00:00+00' + to_days((i % {days})::int) as ts
    from range({days} * 10) as r(i)"""
# Each day ended on the day after its label, and was looked at since: all ages have to be weighed.
FOLLOWED_UP = """update day set checked_at = {now}, first_ended_at =
    (unixepoch(day) + 86400 + 3600) * 1000000"""
# What any decision has to read at least.
LEAST = """select d.ingestion, d.day, d.attempt, d.flags, d.changed_at, d.first_ended_at,
    d.checked_at, d.loaded_at from day d"""


def followed_up(place, ingestions, days):
    now = datetime.now(timezone.utc)
    lake, first = place.lake(), now.date() - timedelta(days)
    place.duckdb(f"copy ({ROWS.format(first=first, days=days)}) to '{lake}/web.parquet' "
                 "(format parquet)")
    # Half a day from now, so that nothing becomes due meanwhile.
    home = place.home(INGESTION.format(folder=lake, hour=(now.hour + 12) % 24))
    home.load("web", "--from", first, "--to", first + timedelta(days - 1))
    grow(home.path / "catalog.db", ingestions)
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute(FOLLOWED_UP.format(now=int(time.time() * 1e6)))
    catalog.close()
    same("what is due", home.json("load", "--due"), [])
    return home


def rested(home, seconds, every, changing=False):
    """CPU seconds of a service that has nothing to do, after its start; while somebody changes the
    catalog five times a second, if so wished."""
    with Service(home, "--every", every) as service, sqlite3.connect(
            home.path / "catalog.db", isolation_level=None) as catalog:
        catalog.execute("create table if not exists changed (n)")
        time.sleep(min(3, seconds))
        before, until = service.cpu(), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if changing:
                catalog.execute("insert into changed values (1)")
            time.sleep(min(0.2, left))
        spent = service.cpu() - before
    catalog.close()
    log = service.log.read_text()
    if "ended" in log or '"error"' in log or " error " in log:
        raise Failed(f"the service did not rest:\n{log}")
    return spent


def least(home):
    begin = time.monotonic()
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        rows = catalog.execute(LEAST).fetchall()
    catalog.close()
    return Cost(time.monotonic() - begin, float("nan")), len(rows)


def run(place, report, ingestions, days, seconds, rounds):
    home = followed_up(place, ingestions, days)
    report.title(f"B9  {ingestions:,} ingestions × {days} days that are followed up; "
                 f"{rounds} rounds")
    costs = {"load --due, which finds nothing": [], "millrace --help, for comparison": [],
             "reading as many days by Python's sqlite3": []}
    for _ in range(rounds):
        read, count = least(home)
        same("days", count, ingestions * days)
        for each, cost in zip(costs.values(), (home.run("load", "--due"),
                                               spend([place.binary, "--help"]), read)):
            each.append(cost)
    report.costs(costs)
    for changing, when in (False, "the catalog as it was"), (True, "the catalog changed"):
        often, seldom = (rested(home, seconds, every, changing) for every in (1, 3600))
        decision = 1000 * max(0.0, often - seldom) / seconds
        report.figure(f"one decision pass, {when}, by the CPU of a service that decides every "
                      f"second: {decision:.0f} ms", decision, at_most=PASS_MS, unit=" ms")
    idle = 100 * rested(home, seconds, 15) / seconds
    report.figure(f"idle CPU of the service: {idle:.2f} % of a core", idle, at_most=IDLE_PERCENT,
                  unit=" %")
    home.remove()
