"""B6: two years of a PostgreSQL table without an index become days, against one COPY of it all."""
import re
import shutil

from contest import Failed, in_turn, same, without

FULL = {"rows": 24_000_000, "rounds": 2, "days": 730}
SMALL = {"rows": 40_000, "rounds": 1, "days": 40}
FROM = "2024-11-21"

TABLE = """create table history as select
    (array['view', 'click', 'purchase'])[1 + i % 3] as kind,
    timestamptz '2024-11-21 00:00Z' + ({place}) * (interval '{days} days' / {rows}) as ts,
    'user_' || i * 31 % {users} as user_id, i % 10000 * 0.25::double precision as amount,
    json_build_object('page', '/p/' || i % 1000, 'plan', (array['free', 'pro'])[1 + i % 2],
                      'n', i)::text::json as props
    from generate_series(0::bigint, {rows} - 1) as i"""
# As a table of what happened grows; and so that no row says where the next one of its day lies:
# there DuckDB alone, which looks at nothing, takes more than the target.
ORDERS = {"in the order of its days": ("i", 2.2), "in no order": ("i * 7919 % {rows}", None)}
INGESTION = """
[ingestion.history]
connection = "shop"
dataset = "events"
query = "select * from history"
[ingestion.history.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
metadata_object = "props"
"""


def run(place, report, rows, rounds, days):
    place.postgres.make("alter database shop set log_statement = 'all'")
    for order, (where, target) in ORDERS.items():
        one_order(place, report, rows, rounds, days, order, where.format(rows=rows), target)
    place.postgres.make("alter database shop reset log_statement")


def one_order(place, report, rows, rounds, days, order, where, target):
    report.title(f"B6  {days} days of {rows:,} rows of an unindexed table, {order}; "
                 f"{rounds} rounds")
    server = place.postgres
    server.make(TABLE.format(rows=rows, days=days, users=max(1, rows // 40), place=where),
                "vacuum analyze history")
    truth = server.psql("select count(*), sum(amount) from history").text.strip().split("|")
    last = server.psql(f"select date '{FROM}' + {days - 1}").text.strip()
    out = place.folder / "by_day"
    home, reads = None, []

    def backfill():
        nonlocal home
        if home is not None:
            home.remove()
        home = place.home(server.connection + INGESTION, server.pids, server.env)
        seen = len(server.server.log())
        cost = home.load("history", "--from", FROM, "--to", last)
        reads.append(len(re.findall(r"(?i): copy \(/\*", server.server.log()[seen:])))
        return cost

    def duckdb():
        """The rows as they are, none of them looked at: only a file for each day."""
        shutil.rmtree(out, ignore_errors=True)
        return place.duckdb(
            f"""attach '{server.libpq}' as shop (type postgres, read_only);
                copy (from postgres_query('shop', $$select *, ts::date as day from history$$))
                to '{out}' (format parquet, compression zstd, partition_by (day))""",
            server.pids, ["postgres_scanner"])

    costs = in_turn({"COPY … (FORMAT binary) of the table, thrown away":
                     lambda: server.copied("select * from history"),
                     "DuckDB postgres_query to Parquet by day": duckdb,
                     "backfill": backfill}, rounds, warm=False)
    copy, duck, load = costs.values()
    apart = without(load, "look", "repeat")
    report.costs(costs | {"of a backfill: fingerprints apart": apart})
    found = home.json("query", "select count(*), sum(value), count(distinct day) from events")
    same("rows, sum and days", [*found[0].values()],
         [int(truth[0]), float(truth[1]), min(rows, days)])
    if not 1 <= reads[-1] <= 24:
        raise Failed(f"the table was read by {reads} statements")
    report.figure(f"{order}: statements that read the table: {reads[-1]}", reads[-1], at_most=24)
    report.ratio(f"{order}: backfill, fingerprints apart / COPY", apart, copy, at_most=target)
    report.ratio(f"{order}: DuckDB postgres_query to Parquet by day / COPY", duck, copy)
    report.ratio(f"{order}: backfill, fingerprints apart / DuckDB", apart, duck)
    home.remove()
    shutil.rmtree(out)
    server.make("drop table history")
