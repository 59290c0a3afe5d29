"""B3: asking PostgreSQL whether two weeks of loaded days are still what they were."""
import json

from contest import Failed, in_turn

FULL = {"rows": 3_000_000, "rounds": 3}
SMALL = {"rows": 5_000, "rounds": 1}
DAYS = 14
FROM, TO, EDITED = "2026-11-01", "2026-11-14", "2026-11-09"

TABLE = """create table visits as select i as id,
    (array['view', 'click', 'purchase'])[1 + i % 3] as kind,
    timestamptz '2026-11-01 00:00:00+00' + i * (interval '1 day' / {rows}) as ts,
    'user_' || i * 7919 % {users} as user_id, i % 10000 * 0.25::double precision as amount,
    '/p/' || i % 1000 as page
    from generate_series(0::bigint, {rows} * 14 - 1) as i"""
INGESTION = """
[ingestion.visits]
connection = "shop"
dataset = "events"
query = "select * from visits"
[ingestion.visits.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
metadata = { page = "page" }
"""


def run(place, report, rows, rounds):
    server = place.postgres
    server.make(TABLE.format(rows=rows, users=max(1, rows // 4)),
                "create index on visits (ts)", "create unique index on visits (id)",
                "vacuum analyze visits")
    report.title(f"B3  {DAYS} days of {rows:,} rows are checked, one was edited; {rounds} rounds")
    home = place.home(server.connection + INGESTION, server.pids, server.env)
    range_ = ("--from", FROM, "--to", TO)
    home.load("visits", *range_)

    def check():
        # Somewhere in the day, another place each time; the number of rows stays.
        server.make(f"update visits set amount = amount + 1 where id = {rows} * 8 + {rows} / 2")
        cost = home.run("--json", "check", "visits", *range_)
        found = {day["day"]: day.get("by") for day in json.loads(cost.text) if day["changed"]}
        if found != {EDITED: "fingerprint"}:
            raise Failed(f"the edit of {EDITED} was to be found, by fingerprint; found: {found}")
        return cost

    costs = in_turn({"check": check, "reload": lambda: home.load("visits", *range_)}, rounds,
                    warm=False)
    report.costs(costs)
    report.ratio("check / reload", costs["check"], costs["reload"], at_most=0.25)
    home.remove()
    server.make("drop table visits")
