"""B1: a day of PostgreSQL becomes current, against what the server needs to hand it out at all."""
import shutil
import sys

from contest import Cost, in_turn, same, spend, without
from place import PEERS

FULL = {"rows": 10_000_000, "rounds": 5}
SMALL = {"rows": 20_000, "rounds": 1}

# The time is in order, as events arrive; the JSON is passed through.
TABLE = """create table events as select
    (array['view', 'click', 'purchase'])[1 + i % 3] as kind,
    timestamptz '2026-11-20 00:00:00+00' + i * (interval '1 day' / {rows}) as ts,
    'user_' || i * 7919 % {users} as user_id,
    i % 10000 * 0.25::double precision as amount,
    json_build_object('page', '/p/' || i % 1000, 'plan', (array['free', 'pro'])[1 + i % 2],
                      'n', i)::text::json as props
    from generate_series(0::bigint, {rows} - 1) as i"""
QUERY = "select * from events where ts >= '2026-11-20 00:00Z' and ts < '2026-11-21 00:00Z'"
INGESTION = """
[ingestion.day]
connection = "shop"
dataset = "events"
query = "select * from events"
[ingestion.day.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
metadata_object = "props"
"""
COUNTS = "select count(*), sum({}), count(distinct {}) from {}"


def run(place, report, rows, rounds):
    server = place.postgres
    server.make("drop table if exists events",
                TABLE.format(rows=rows, users=max(1, rows // 4)), "vacuum analyze events")
    report.title(f"B1  {rows:,} rows of PostgreSQL become a current day; {rounds} rounds")
    truth = server.psql(COUNTS.format("amount", "user_id", "events")).text.strip().split("|")
    truth = [int(truth[0]), float(truth[1]), int(truth[2])]
    home = place.home(server.connection + INGESTION, server.pids, server.env)
    out = place.folder / "out"

    def first_load():
        nonlocal home
        home.remove()
        home = place.home(server.connection + INGESTION, server.pids, server.env)
        return home.load("day")

    def duckdb():
        out.mkdir(exist_ok=True)
        return place.duckdb(
            f"""attach '{server.libpq}' as shop (type postgres, read_only);
                copy (from postgres_query('shop', $${QUERY}$$)) to '{out}/duckdb.parquet'
                (format parquet, compression zstd)""", server.pids, ["postgres_scanner"])

    def dlt():
        shutil.rmtree(out / "dlt", ignore_errors=True)
        cost = spend([sys.executable, PEERS / "dlt_connectorx.py", server.url, "events",
                      out / "dlt"], server.pids)
        return Cost(float(cost.text.splitlines()[-1]), cost.cpu)

    costs = in_turn({"COPY … (FORMAT binary), thrown away": lambda: server.copied(QUERY),
                     "first load": first_load, "load": lambda: home.load("day"),
                     "DuckDB postgres_query to Parquet": duckdb,
                     "dlt with connectorx to Parquet": dlt}, rounds, warm=rounds > 1)
    copy, first, load, duck, peer = costs.values()
    read = without(load, "look")
    report.costs(costs | {
        "of a load: read to current": read,
        "of a first load: the second fingerprint": [Cost(c.stages["repeat"], float("nan"))
                                                    for c in first]})

    ours = home.json("query", COUNTS.format("value", '"unit_userID"', "events"))[0].values()
    same("rows, sum and users of the load", list(ours), truth)
    for name, files in (("DuckDB", "duckdb.parquet"), ("dlt", "dlt/**/events/*.parquet")):
        found = place.rows(COUNTS.format("amount", "user_id", f"'{out}/{files}'"))[0]
        same(f"rows, sum and users of {name}", found, truth)

    report.ratio("read to current / COPY", read, copy, at_most=2.0)
    report.ratio("load, with one fingerprint / COPY", load, copy, at_most=2.6)
    report.ratio("first load, which asks the fingerprint twice / COPY", first, copy)
    report.ratio("read to current, faster than dlt with connectorx", read, peer, at_least=2.0)
    report.ratio("load, faster than dlt with connectorx", peer, load)
    report.ratio("load / DuckDB postgres_query to Parquet", load, duck)
    home.remove()
    shutil.rmtree(out)
    server.make("drop table events")
