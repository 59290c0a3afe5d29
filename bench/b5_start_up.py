"""B5: `millrace days` on a large catalog: the whole command, from its start to its end."""
import json
import sqlite3
from datetime import date, timedelta

from contest import Failed, spend

FULL = {"ingestions": 1000, "days": 365, "rounds": 9}
SMALL = {"ingestions": 10, "days": 5, "rounds": 1}
FIRST = date(2025, 11, 20)
LIMIT_MS = 100

INGESTION = """
[connection.lake]
kind = "files"
path = "{folder}"
[ingestion.year]
connection = "lake"
dataset = "events"
query = "select * from 'year.parquet'"
[ingestion.year.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
event_value = "amount"
metadata = {{ page = "page" }}
"""
YEAR = """select 'view' as kind,
    timestamptz '{first} 12:00:00+00' + to_days((i % {days})::int) as ts, 'user_' || i as user_id,
    i * 0.25::double as amount, '/p/' || i % 10 as page from range({days} * 10) as r(i)"""


def copies(ingestions):
    """Statements that give other ingestions what the loaded one has: another id, the same days."""
    def other(column):
        # The random tail of an id stays; its first eight digits tell the copies apart.
        return f"printf('%08x', copy.n) || substr({column}, 9)"

    changed = {"ingestion": {"id": other("id"), "handle": "handle || copy.n",
                             "name": "name || copy.n"},
               "version": {"id": other("id"), "ingestion": other("ingestion")},
               "version_body": {"version": other("version")},
               "file": {"version": other("version")},
               "day": {"ingestion": other("ingestion"), "current": other("current")}}
    return changed, f"(with recursive copy(n) as (select 1 union all select n + 1 from copy " \
                    f"where n < {ingestions} - 1) select n from copy) as copy"


def grow(catalog, ingestions):
    changed, numbers = copies(ingestions)
    with sqlite3.connect(catalog) as database:
        database.execute("pragma synchronous = off")
        for table, columns in changed.items():
            names = [row[1] for row in database.execute(f"pragma table_info({table})")]
            list_ = ", ".join(columns.get(name, f'"{name}"') for name in names)
            database.execute(
                f"insert into {table} select {list_} from {table} cross join {numbers}")
    database.close()


def run(place, report, ingestions, days, rounds):
    lake = place.lake()
    place.duckdb(f"copy ({YEAR.format(first=FIRST, days=days)}) to '{lake}/year.parquet' "
                 "(format parquet)")
    home = place.home(INGESTION.format(folder=lake))
    home.load("year", "--from", FIRST, "--to", FIRST + timedelta(days - 1))
    catalog = home.path / "catalog.db"
    grow(catalog, ingestions)
    report.title(f"B5  a catalog of {ingestions:,} ingestions × {days} days, "
                 f"{catalog.stat().st_size / 1e6:,.0f} MB; {rounds} rounds, warm")
    name = f"year{ingestions - 1}"
    told = home.json("days", name)
    if len(told) != days or {day["status"] for day in told} != {"succeeded"}:
        raise Failed(f"days {name} gave {len(told)} days: {json.dumps(told[:2])}")
    costs = {"millrace days": [home.run("days", name) for _ in range(rounds)],
             "millrace --help, for comparison": [spend([place.binary, "--help"])
                                                 for _ in range(rounds)]}
    report.costs(costs)
    walls = sorted(1000 * cost.wall for cost in costs["millrace days"])
    report.figure(f"millrace days: {walls[len(walls) // 2]:.0f} ms ({walls[0]:.0f}–"
                  f"{walls[-1]:.0f})", walls[len(walls) // 2], at_most=LIMIT_MS, unit=" ms")
    home.remove()
