"""Which rows belong to a day, and at which instants it starts and ends: one table of cases for
every kind of time column, project zone and warehouse, against Python's own calendar."""
import collections
import datetime as dt
import zoneinfo

import pytest

UTC, NEW_YORK = dt.timezone.utc, zoneinfo.ZoneInfo("America/New_York")
ZONES = {"UTC-8": dt.timezone(dt.timedelta(hours=-8)), "UTC": UTC, "America/New_York": NEW_YORK}
KINDS = ["files", "s3", "postgres", "redshift"]
LONG, SHORT = dt.date(2026, 11, 1), dt.date(2026, 3, 8)  # 25 and 23 hours in New York
MICROSECOND = dt.timedelta(microseconds=1)


# What is right, by a second opinion


def bounds(day, zone):
    """The two UTC instants of a day: its two midnights."""
    return tuple(dt.datetime.combine(date, dt.time(), zone).astimezone(UTC)
                 for date in (day, day + dt.timedelta(days=1)))


def instant_of(wall, zone):
    """An ambiguous time is its first occurrence; one in a gap is the instant of the jump."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    assert wall.date() == SHORT and wall.hour == 2  # the one gap among these rows
    return dt.datetime(2026, 3, 8, 7, tzinfo=UTC)


def micros(instant):
    return (instant - dt.datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


def instants():
    """Half past each hour around both days, and the first and last microseconds of days."""
    found = {dt.datetime.combine(day + dt.timedelta(days=days), dt.time(hour, 30), UTC)
             for day in (SHORT, LONG) for days in (-1, 0, 1) for hour in range(24)}
    for zone in ZONES.values():
        for day in (SHORT, LONG):
            for edge in bounds(day, zone):
                found |= {edge - MICROSECOND, edge}
    return sorted(found)


# Each column of the table: its value for an instant, its type, what maps it, and the instant that a
# value means. A label means the day itself, wherever that starts.
COLUMNS = {
    "instant": (lambda t: t, "timestamptz", "", lambda value: value),
    "naive_utc": (lambda t: t.replace(tzinfo=None), "timestamp", 'timestamp_zone = "UTC"',
                  lambda value: value.replace(tzinfo=UTC)),
    "naive_new_york": (
        lambda t: dt.datetime(2026, 3, 8, 2, 15) if t == dt.datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
        else t.astimezone(NEW_YORK).replace(tzinfo=None), "timestamp",
        'timestamp_zone = "America/New_York"', lambda value: instant_of(value, NEW_YORK)),
    "label": (lambda t: t.date(), "date", "", None),
    "seconds": (lambda t: micros(t) // 1_000_000, "bigint", "",
                lambda value: from_micros(value * 1_000_000)),
    "millis": (lambda t: micros(t) // 1_000, "bigint", 'timestamp_unit = "ms"',
               lambda value: from_micros(value * 1_000)),
    "micros": (micros, "bigint", 'timestamp_unit = "us"', lambda value: from_micros(value)),
    "fraction": (lambda t: micros(t) / 1e6, "double precision", 'timestamp_unit = "s"',
                 lambda value: from_micros(round(value * 1e6))),
}


def from_micros(value):
    return dt.datetime(1970, 1, 1, tzinfo=UTC) + value * MICROSECOND


def expected(column, day, zone):
    """Row by row of the day: its number, and its instant in microseconds."""
    value_of, _, _, meaning = COLUMNS[column]
    start, end = bounds(day, zone)
    rows = {}
    for number, instant in enumerate(instants()):
        value = value_of(instant)
        if meaning is None and value == day:
            rows[f"row{number}"] = micros(start)
        elif meaning is not None and start <= meaning(value) < end:
            rows[f"row{number}"] = micros(meaning(value))
    return rows


def shown_bounds(day, zone):
    return tuple(f"{edge:%Y-%m-%dT%H:%M:%S.%fZ}" for edge in bounds(day, zone))


def test_the_second_opinion_knows_the_two_odd_days():
    assert [bounds(day, NEW_YORK)[1] - bounds(day, NEW_YORK)[0] for day in (SHORT, LONG)] == [
        dt.timedelta(hours=23), dt.timedelta(hours=25)]


# The table, in every warehouse


def literal(value, kind):
    if isinstance(value, (dt.date, dt.datetime)):
        return f"{'timestamptz' if getattr(value, 'tzinfo', None) else kind} '{value}'"
    return repr(value)


def select_rows():
    rows = []
    for number, instant in enumerate(instants()):
        values = ", ".join(literal(value_of(instant), kind)
                           for value_of, kind, _, _ in COLUMNS.values())
        rows.append(f"('row{number}', {values})")
    return f"select * from (values {', '.join(rows)}) as t(id, {', '.join(COLUMNS)})"


@pytest.fixture(scope="module")
def warehouses(engine, database_of_module, s3, s3_server, tmp_path_factory):
    """The same rows behind each kind of connection, as TOML by kind."""
    folder = tmp_path_factory.mktemp("lake")
    (folder / "table.parquet").parent.mkdir(exist_ok=True)
    engine.sql(f"copy ({select_rows()}) to '{folder}/table.parquet' (format parquet)")
    for day in (SHORT, LONG):
        (folder / "folders" / str(day)).mkdir(parents=True)
        engine.sql(f"copy (from '{folder}/table.parquet') to '{folder}/folders/{day}/part.parquet' "
                   "(format parquet)")
    s3.create_bucket(Bucket="zones")
    for file in folder.rglob("*.parquet"):
        s3.upload_file(str(file), "zones", str(file.relative_to(folder)))
    database_of_module.with_redshift_names().sql(f"create table rows as {select_rows()}")
    lines = s3_server.settings(bucket="zones")
    return {
        "folder": folder,
        "files": f'[connection.shop]\nkind = "files"\npath = "{folder}"\n',
        "s3": '[connection.shop]\nkind = "s3"\n'
              + "".join(f'{key} = "{value}"\n' for key, value in lines.items()),
        "postgres": database_of_module.connection(),
        "redshift": database_of_module.connection(kind="redshift")}


def ingestion(name, kind, column, mapping, source=None, event_name='{ literal = "row" }'):
    table = "'table.parquet'" if kind in ("files", "s3") else "rows"
    source = source or f'query = "select id, {column} from {table}"'
    return f"""
[ingestion.{name}]
connection = "shop"
dataset = "events"
{source}
[ingestion.{name}.mapping]
event_name = {event_name}
timestamp = "{column}"
{mapping}
ids = {{ userID = "id" }}
"""


def stored(home):
    """The rows of each day of each ingestion, as `expected` has them."""
    days = collections.defaultdict(dict)
    for row in home.rows("select ingestion, day::varchar as day, unit_userID as id, "
                         "epoch_us(ts) as at from events"):
        days[row["ingestion"], row["day"]][row["id"]] = row["at"]
    return days


TABLE = [(kind, zone) for kind in KINDS for zone in ZONES]


@pytest.mark.parametrize("kind, zone", TABLE)
def test_a_day_holds_the_rows_between_its_two_instants(home, warehouses, kind, zone):
    home.run("init", "--zone", zone, "--unit-types", "userID", "--files-root",
             warehouses["folder"])
    home.apply(warehouses[kind] + "".join(
        ingestion(column, kind, column, COLUMNS[column][2]) for column in COLUMNS))
    for column in COLUMNS:
        for day in (SHORT, LONG):
            home.run("load", column, "--day", day)
    days = stored(home)
    for column in COLUMNS:
        for day in (SHORT, LONG):
            rows = expected(column, day, ZONES[zone])
            assert len(rows) > 20
            assert days[column, str(day)] == rows, (column, day)
    assert [(row["day"], row["start"], row["end"]) for row in home.json("days", "label")] == [
        (str(day), *shown_bounds(day, ZONES[zone])) for day in (SHORT, LONG)]


@pytest.mark.parametrize("kind, zone", [case for case in TABLE if case[0] in ("files", "s3")])
def test_in_a_folder_of_a_day_every_row_belongs_to_it_whatever_its_time_says(
        home, warehouses, kind, zone):
    home.run("init", "--zone", zone, "--unit-types", "userID", "--files-root",
             warehouses["folder"])
    home.apply(warehouses[kind] + ingestion("rows", kind, "instant", "", 'folder = "folders"'))
    every_row = {f"row{number}": micros(instant) for number, instant in enumerate(instants())}
    for day in (SHORT, LONG):
        home.run("load", "rows", "--day", day)
    assert stored(home) == {("rows", str(day)): every_row for day in (SHORT, LONG)}
    assert [(row["start"], row["end"]) for row in home.json("days", "rows")] == [
        shown_bounds(day, ZONES[zone]) for day in (SHORT, LONG)]


# Epochs in another unit than the mapping says


WRONG_UNITS = [("millis", None, "ms"), ("micros", None, "us"), ("millis", "us", "ms"),
               ("seconds", "ms", "s"), ("fraction", "ms", "s")]


@pytest.mark.parametrize("kind, column, unit, right", [
    (kind, *case) for kind in KINDS for case in (WRONG_UNITS[:1] if kind == "s3" else WRONG_UNITS)])
def test_an_epoch_in_another_unit_is_refused_with_the_line_to_write(
        home, warehouses, kind, column, unit, right):
    home.run("init", "--zone", "UTC", "--unit-types", "userID", "--files-root",
             warehouses["folder"])

    def apply(unit):
        # With a mapped name the time is not the first column that is read.
        home.apply(warehouses[kind] + ingestion(
            "rows", kind, column, f'timestamp_unit = "{unit}"' if unit else "",
            event_name='"id"'))

    apply(unit)
    [outcome] = home.json("load", "rows", "--day", LONG, code=1)
    error = outcome["error"]
    assert (error["code"], error["fault"]) == ("timestamp_unit", "misconfigured")
    assert f"values of column {column} such as " in error["in_full"]
    assert f"values of column {column} are read as {unit or 's'}, which is no time near the day" \
        in error["message"]
    assert error["advice"] == f'Write timestamp_unit = "{right}" in the mapping'
    assert home.json("sample", "rows", "--day", LONG)["notes"] == [
        f"{error['message']}. {error['advice']}"]
    apply(right)
    home.run("load", "rows", "--day", LONG)
    assert stored(home) == {("rows", str(LONG)): expected(column, LONG, UTC)}


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_of_a_day_without_rows_is_no_wrong_unit(home, warehouses, kind):
    home.run("init", "--zone", "UTC", "--unit-types", "userID", "--files-root",
             warehouses["folder"])
    home.apply(warehouses[kind] + ingestion("rows", kind, "millis", 'timestamp_unit = "ms"'))
    home.run("load", "rows", "--day", "2026-06-01")
    assert home.json("days", "rows")[0]["status"] == "succeeded, no data"
