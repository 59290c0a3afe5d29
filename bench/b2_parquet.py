"""B2: a day of Parquet files, from a folder and from S3, against DuckDB without any checks."""
from contest import in_turn, same, without
from place import DAY

FULL = {"rows": 50_000_000, "rounds": 3}
SMALL = {"rows": 50_000, "rounds": 1}
FILES = 10

ROWS = """select ['view', 'click', 'purchase'][1 + i % 3] as kind,
    make_timestamptz(epoch_us(timestamptz '{day} 00:00:00+00') + i * 86400000000 // {rows}) as ts,
    'user_' || i * 7919 % {users} as user_id,
    'device_' || i * 104729 % {users} as device_id,
    i % 10000 * 0.25::double as amount, '/p/' || i % 1000 as page,
    ['free', 'pro'][1 + i % 2] as plan
    from range({first}, {last}) as r(i)"""
INGESTION = """
[ingestion.day]
connection = "{}"
dataset = "events"
query = "select * from '*.parquet'"
[ingestion.day.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id", deviceID = "device_id" }}
event_value = "amount"
metadata = {{ page = "page", plan = "plan" }}
"""
# What a load writes of a row, by hand and without a single check.
OUTPUTS = """select kind as event_name, ts, user_id as "unit_userID", device_id as "unit_deviceID",
    amount as value, cast(null as varchar) as value_text,
    cast(json_object('page', page, 'plan', plan) as varchar) as metadata,
    '01a214a9-99da-745e-8872-410cd52ccc26' as _load"""
WHERE = """where ts >= timestamptz '2026-11-20 00:00:00+00'
    and ts < timestamptz '2026-11-21 00:00:00+00'"""
# And the file options of a load: they are part of what a day costs, not of its checks.
FORMAT = """format parquet, compression zstd, compression_level 2, row_group_size 122880,
    row_group_size_bytes '32MB', dictionary_size_limit 8192,
    string_dictionary_page_size_limit 1000000"""
COUNTS = "select count(*), sum({}), count(distinct {}) from {}"


def make_files(place, rows):
    folder = place.lake()
    for number in range(FILES):
        sql = ROWS.format(day=DAY, rows=rows, users=max(1, rows // 10),
                          first=rows * number // FILES, last=rows * (number + 1) // FILES)
        place.duckdb(f"copy ({sql}) to '{folder}/part{number:02}.parquet' "
                     "(format parquet, compression zstd)")
    return folder


def bare(place, source, columns, servers=(), setup="", extensions=()):
    out = place.folder / "bare.parquet"
    return place.duckdb(f"""set timezone = 'UTC'; set preserve_insertion_order = false; {setup};
        copy ({columns} from '{source}' {WHERE}) to '{out}' ({FORMAT})""",
                        servers, extensions)


def one(place, report, title, rounds, home, servers, source, **how):
    report.title(title)
    home.load("day")
    costs = in_turn({"load": lambda: home.load("day"),
                     "DuckDB, same output, no checks":
                         lambda: bare(place, source, OUTPUTS, servers, **how),
                     "DuckDB, raw columns":
                         lambda: bare(place, source, "select *", servers, **how)},
                    rounds, warm=rounds > 1)
    load, plain, raw = costs.values()
    read = without(load, "look")
    report.costs(costs | {"of a load: read to current": read})
    report.ratio("speed of read to current / DuckDB, same output", read, plain, at_least=0.75)
    report.ratio("speed of a load, with its fingerprint / DuckDB, same output", plain, load)
    report.ratio("load / DuckDB, raw columns", load, raw)
    return home.json("query", COUNTS.format("value", '"unit_userID"', "events"))[0]


def run(place, report, rows, rounds):
    folder = make_files(place, rows)
    size = sum(file.stat().st_size for file in folder.iterdir())
    truth = place.rows(COUNTS.format("amount", "user_id", f"'{folder}/*.parquet'"))[0]

    home = place.home(f'[connection.lake]\nkind = "files"\npath = "{folder}"\n'
                      + INGESTION.format("lake"))
    title = f"{rows:,} rows of Parquet, {size / 1e6:,.0f} MB in {FILES} files"
    found = one(place, report, f"B2  {title}, from a folder; {rounds} rounds", rounds, home, (),
                f"{folder}/*.parquet")
    same("rows, sum and users of the load", list(found.values()), truth)
    home.remove()

    server = place.radosgw
    server.upload(sorted(folder.iterdir()))
    home = place.home(server.connection + INGESTION.format("bucket"), server.pids, server.env)
    found = one(place, report, f"B2  {title}, from S3; {rounds} rounds", rounds, home,
                server.pids, f"s3://{server.bucket}/*.parquet", setup=server.secret,
                extensions=["httpfs"])
    same("rows, sum and users of the load from S3", list(found.values()), truth)
    home.remove()
