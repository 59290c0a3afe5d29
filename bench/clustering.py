"""What sorting a day would cost a load and buy its readers: the table of src/store/DESIGN.md."""
import resource
import shutil

import duckdb

from b2_parquet import FORMAT
from place import DAY

FULL = {"rows": 5_000_000, "rounds": 3}
SMALL = {"rows": 50_000, "rounds": 1}

# 50 names: the most frequent has a quarter of the rows, the rarest half a per cent.
ROWS = """select 'event_' || least(49, floor(50 * pow(random(), 2.0)))::int as event_name,
    make_timestamptz(epoch_us(timestamptz '{day} 00:00:00+00') + i * 86400000000 // {rows}) as ts,
    'user_' || (random() * {rows} / 10)::int as unit_id, round(random() * 1000) * 0.25 as value,
    json_object('page', '/p/' || (random() * 1000)::int)::varchar as metadata
    from range({rows}) as r(i)"""
ORDERS = {"as they arrive": "", "by name": "order by event_name",
          "by name and time": "order by event_name, ts"}
QUESTIONS = {
    "sum of one event": "select sum(value) from {} where event_name = 'event_20'",
    "units of one event": "select count(distinct unit_id) from {} where event_name = 'event_40'",
    "counts by name": "select event_name, count(*) from {} group by 1",
    "sums by unit": "select unit_id, sum(value) from {} group by 1",
    "half an hour": "select count(*), sum(value) from {} where ts >= timestamptz '" + DAY
                    + " 12:00:00+00' and ts < timestamptz '" + DAY + " 12:30:00+00'"}


def cpu(connection, sql):
    before = resource.getrusage(resource.RUSAGE_SELF)
    connection.execute(sql).fetchall()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(place, report, rows, rounds):
    report.title(f"CLUSTERING  a day of {rows:,} events of 50 names, CPU seconds, best of {rounds}")
    out = place.folder / "clustering"
    out.mkdir()
    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": "false",
                                        "temp_directory": str(out / "spill")})
    connection.execute("set timezone = 'UTC'")
    connection.execute("select setseed(0.5)")
    connection.execute(f"copy ({ROWS.format(day=DAY, rows=rows)}) to '{out}/source.parquet'")
    connection.execute("set memory_limit = '300MB'")
    costs = {}
    for order, clause in ORDERS.items():
        file = f"'{out}/{order.replace(' ', '_')}.parquet'"
        write = f"copy (select * from '{out}/source.parquet' {clause}) to {file} ({FORMAT})"
        costs[order] = {"write": min(cpu(connection, write) for _ in range(rounds))}
        size = f"select sum(total_compressed_size) / 1e6 from parquet_metadata({file})"
        costs[order]["MB"] = connection.execute(size).fetchone()[0]
    for name, question in QUESTIONS.items():
        for order in ORDERS:
            file = f"'{out}/{order.replace(' ', '_')}.parquet'"
            costs[order][name] = min(cpu(connection, question.format(file))
                                     for _ in range(rounds + 2))
    columns = ["write", "MB", *QUESTIONS]
    print(f"  {'':18}" + "".join(f"{name:>20}" for name in columns))
    for order, cost in costs.items():
        print(f"  {order:18}" + "".join(f"{cost[name]:>20.3f}" for name in columns), flush=True)
    connection.close()
    shutil.rmtree(out)
