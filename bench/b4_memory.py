"""B4: the resident memory of a load: the child that reads and maps, and the parent beside it."""
import json
import sys

from contest import MIB, Failed, spend
from place import DAY, PEERS

NEXT = "2026-11-21"

FULL = {"scale": 1}
SMALL = {"scale": 1000}
LIMIT, GROWTH = 600, 64

# Rows of the day, made as they are read: the target list is not kept by the server.
NARROW = """select 'view' as kind, timestamptz '{day} 12:00Z' as ts, 'user_' || i as user_id,
    i * 0.25::double precision as amount, '/p/' || i % 1000 as page
    from (select generate_series(1, {rows}) as i) as r"""
LONG = """select 'view' as kind, timestamptz '{day} 12:00Z' as ts, 'user_' || i as user_id,
    i::double precision as amount, repeat(md5(i::text), 625) as page
    from (select generate_series(1, {rows}) as i) as r"""
WIDE = """select 'view' as kind, timestamptz '{day} 12:00Z' as ts, 'user_' || i as user_id, {more}
    from (select generate_series(1, {rows}) as i) as r"""
JSON = """select 'view' as kind, timestamptz '{day} 12:00Z' as ts, 'user_' || i as user_id,
    0::double precision as amount, docs.page || i as page, docs.doc as props
    from (select generate_series(1, {rows}) as i) as r cross join
    (select 'p' as page, doc from docs) as docs"""
DOCUMENT = """create table docs as select
    '{"rows": [' || string_agg('{"n": ' || i || ', "hash": "' || md5(i::text) || '"}', ',')
    || ']}' as doc from generate_series(1, 205000) as i"""
MAPPING = """
[ingestion.{name}]
connection = "{connection}"
dataset = "events"
query = '''{query}'''
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
{more}
"""
PAGE, ALL, OBJECT = ('event_value = "amount"\nmetadata = { page = "page" }', 'metadata = "*"',
                     'metadata_object = "props"')


def columns(count):
    """Numbers, texts, times and nulls by turns."""
    kinds = ("i * {0} as c{0}", "'text ' || (i + {0}) % 100000 as c{0}",
             "i / {0}.0::float8 as c{0}", "nullif(i % 3, 0) as c{0}",
             "date '2026-01-01' + i % 300 as c{0}")
    return ", ".join(kinds[c % len(kinds)].format(c) for c in range(1, count - 2))


def cases(scale):
    """(name, PostgreSQL query, rest of the mapping, rows)"""
    narrow = NARROW.replace("{day}", DAY)
    for millions in (10, 40):
        rows = millions * 1_000_000 // scale
        yield f"narrow{millions}", narrow.format(rows=rows), PAGE, rows
    rows = 150_000 // scale
    yield "long", LONG.format(day=DAY, rows=rows), PAGE, rows
    rows = 1_000_000 // scale
    yield "wide", WIDE.format(day=DAY, rows=rows, more=columns(300)), ALL, rows
    rows = max(2, 1000 // scale)
    yield "json", JSON.format(day=DAY, rows=rows), OBJECT, rows


TITLES = {"narrow10": "10 M rows", "narrow40": "40 M rows", "long": "150,000 rows of 20 KB",
          "wide": "1 M rows × 300 columns", "json": "1,000 rows of 10 MB JSON"}
# Rows that fill 64 MB.
GROUPS = {"narrow10": 1_000_000, "narrow40": 1_000_000, "long": 3_200, "wide": 30_000, "json": 6}


def measured(report, home, name, title, rows):
    cost = home.load(name, memory=True)
    stored = json.loads(cost.text)[0]["certificate"]["output_rows"]
    if stored != rows:
        raise Failed(f"{title}: {stored} rows were stored of {rows}")
    child, parent = (cost.peak.get(role, 0) / MIB for role in ("child", "parent"))
    report.figure(f"{title}: {child + parent:.0f} MiB ({child:.0f} the child, {parent:.0f} the "
                  f"parent), {cost.wall:.0f} s", child + parent, at_most=LIMIT, unit=" MiB")
    return child + parent


def run(place, report, scale):
    server = place.postgres
    server.make("drop table if exists docs", DOCUMENT)
    chosen = list(cases(scale))
    toml = server.connection + "".join(
        MAPPING.format(name=name, connection="shop", query=query, more=more)
        for name, query, more, _ in chosen)
    both = NARROW.replace("timestamptz '{day} 12:00Z'", "{{{{day_start}}}} + interval '12 hours'")
    toml += MAPPING.format(name="both", connection="shop", more=PAGE,
                           query=both.format(rows=chosen[0][3]))
    home = place.home(toml, server.pids, server.env)
    report.title("B4  resident memory of a load from PostgreSQL"
                 + (f", 1/{scale} of the rows" if scale > 1 else ""))
    peaks = {name: measured(report, home, name, TITLES[name], rows)
             for name, _, _, rows in chosen}
    grown = peaks["narrow40"] - peaks["narrow10"]
    report.figure(f"40 M rows take more than 10 M by {grown:.0f} MiB", grown, at_most=GROWTH,
                  unit=" MiB")
    two_at_once(report, home, chosen[0][3])
    home.remove()
    redshift(place, report, chosen)
    files(place, report, scale, chosen)


def two_at_once(report, home, rows):
    """Loads at the same time share what one may take."""
    cost = home.load("both", "--from", DAY, "--to", NEXT, "--jobs", 2, memory=True)
    stored = [day["certificate"]["output_rows"] for day in json.loads(cost.text)]
    if stored != [rows, rows]:
        raise Failed(f"--jobs 2: {stored} rows were stored of {rows} a day")
    most = cost.peak["at once"] / MIB
    report.figure(f"two days of {rows:,} rows with --jobs 2: {most:.0f} MiB, all processes "
                  f"together, {cost.wall:.0f} s", most, at_most=LIMIT, unit=" MiB")


def redshift(place, report, chosen):
    """The same server through the other kind, which brings rows as text by a cursor."""
    report.title("B4  resident memory of a load through the redshift kind")
    place.postgres.redshift_names()
    few = [case for case in chosen if case[0] in ("narrow10", "long", "json")]
    toml = place.postgres.connection.replace('"postgres"', '"redshift"') + "".join(
        MAPPING.format(name=name, connection="shop", query=query, more=more)
        for name, query, more, _ in few)
    home = place.home(toml, place.postgres.pids, place.postgres.env)
    for name, _, _, rows in few:
        measured(report, home, name, TITLES[name] + " as text", rows)
    home.remove()


def files(place, report, scale, chosen):
    """The same rows as Parquet files with row groups of 64 MB, which the engine reads itself."""
    report.title("B4  resident memory of a load from Parquet files")
    folder = place.lake()
    toml = f'[connection.lake]\nkind = "files"\npath = "{folder}"\n'
    for name, query, more, _ in chosen:
        spend([sys.executable, PEERS / "parquet_file.py", place.extension("postgres_scanner"),
               place.postgres.libpq, query, folder / f"{name}.parquet", GROUPS[name]])
        toml += MAPPING.format(name=name, connection="lake", more=more,
                               query=f"select * from '{name}.parquet'")
    home = place.home(toml)
    for name, _, _, rows in chosen:
        measured(report, home, name, TITLES[name] + " of Parquet", rows)
    home.remove()
