"""B8: a call says that a day is ready, and its million rows of PostgreSQL can be queried."""
import json
import math
import time

from contest import Cost, Failed, cpu_of, same
from service import Service, key_without_limit

FULL = {"rows": 1_000_000, "triggers": 100}
SMALL = {"rows": 5_000, "triggers": 2}
DAY = "2026-11-20"
READY, RUN = "/v1/mark_data_ready_dwh", "/console/v1/ingestion/runs/"

TABLE = """create table views as select
    (array['view', 'click', 'purchase'])[1 + i % 3] as kind,
    timestamptz '2026-11-20 00:00Z' + i * (interval '1 day' / {rows}) as ts,
    'user_' || i * 7919 % {users} as user_id, i % 10000 * 0.25::double precision as amount,
    '/p/' || i % 1000 as page
    from generate_series(0::bigint, {rows} - 1) as i"""
# One a call: a date that was loaded by a call may be called again only two hours later.
INGESTION = """
[ingestion.views{number}]
connection = "shop"
dataset = "events"
enabled = true
query = "select * from views"
[ingestion.views{number}.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
event_value = "amount"
metadata = {{ page = "page" }}
[ingestion.views{number}.schedule]
mode = "api"
"""


def trigger(service, key, source):
    """Seconds from the call until the service says that it is done."""
    begin = time.monotonic()
    called = service.ask("POST", READY, key, {"datestamps": DAY, "type": "events",
                                              "sources": [source]}, status=202)
    run = json.loads(called)["runs"][0]["runID"]
    while True:
        told = json.loads(service.ask("GET", RUN + run, key))["data"]["latestStatus"]
        if told == "download_complete":
            return time.monotonic() - begin
        if told == "download_error" or time.monotonic() - begin > 120:
            raise Failed(f"the run for {source} is {told}")
        time.sleep(0.02)


def at(share, ordered):
    return ordered[math.ceil(share * len(ordered)) - 1]


def run(place, report, rows, triggers):
    server = place.postgres
    server.make(TABLE.format(rows=rows, users=max(1, rows // 4)), "create index on views (ts)",
                "vacuum analyze views")
    home = place.home(server.connection + "".join(INGESTION.format(number=number)
                                                  for number in range(triggers + 1)),
                      server.pids, server.env)
    key = key_without_limit(home)
    report.title(f"B8  {triggers} calls, each for the first load of {rows:,} rows of PostgreSQL")
    took, copies = [], []
    with Service(home) as service:
        pids = [service.process.pid, *server.pids]
        trigger(service, key, "views0")  # Not counted: what follows finds warm files.
        for number in range(1, triggers + 1):
            if number % 10 == 1:
                copies.append(server.copied("select * from views"))
            before = cpu_of(pids)
            wall = trigger(service, key, f"views{number}")
            took.append(Cost(wall, cpu_of(pids) - before))
            found = home.json("query", "select count(*) as n from events")
            same("rows that can be queried", found, [{"n": (number + 1) * rows}])
    truth = server.psql("select sum(amount) from views").text
    [total] = home.json("query", "select sum(value) as s from events").pop().values()
    same("sum", total, float(truth) * (triggers + 1))
    report.costs({"call → queryable": took, "COPY … (FORMAT binary), thrown away": copies})
    walls = sorted(cost.wall for cost in took)
    for name, share, limit in ("p50", 0.5, 2), ("p99", 0.99, 4):
        report.figure(f"call → queryable, {name} of {triggers}: {at(share, walls):.2f} s",
                      at(share, walls), at_most=limit, unit=" s")
    home.remove()
    server.make("drop table views")
