"""A look at mapped rows before anything is loaded."""
import pytest

from conftest import EVENTS


def test_a_sample_of_a_day_shows_rows_of_that_day(shop):
    answer = shop.json("sample", "purchases", "--day", "2026-11-02", "--rows", 5)
    assert len(answer["rows"]) == 5
    assert all(row["ts"].startswith("2026-11-02") for row in answer["rows"])
    assert all(row["problem"] is None for row in answer["rows"]) and answer["notes"] == []


def test_a_day_without_rows_shows_others_and_says_so(shop):
    answer = shop.json("sample", "purchases", "--day", "2026-10-01", "--rows", 5)
    assert len(answer["rows"]) == 5
    assert answer["notes"] == ["The query has no row of 2026-10-01: these are of other days"]


def test_rows_outside_the_day_are_summarised_with_the_day_that_the_query_means(home, engine):
    home.init(zone="UTC-8")
    engine.sql(f"""copy (select timestamp '2026-11-01 00:00:00' + interval (i) hour as ts,
        'u' as user_id, 'd' as device_id, 'purchase' as kind, 1.5 as amount, 'p' as page
        from range(72) r(i)) to '{home.warehouse}/all.parquet' (format parquet)""")
    home.apply(home.connect_files() + EVENTS.replace(
        "select * from '*.parquet'", "select * from '*.parquet' where ts::date = {{day}}"))
    for verb in ("sample", "validate"):
        said = home.run(verb, "purchases", "--day", "2026-11-02").stdout
        assert "33 % of rows lie outside the day, all 00:00–08:00 UTC: your query's day is UTC" \
            in said


    assert "100 % of the rows shown lie outside the day" in home.run(
        "sample", "purchases", "--day", "2026-11-02", "--rows", 2).stdout


def test_rows_that_a_partition_keeps_from_their_day_are_counted(home, database):
    home.init(zone="UTC-8")
    database.sql("""create table rows as
        select timestamptz '2026-11-01 00:00Z' + i * interval '1 hour' as ts,
               date '2026-11-01' + i / 24 as ds, 'u' as user_id, 'd' as device_id,
               'purchase' as kind, 1.5 as amount, 'p' as page from generate_series(0, 71) i""")
    for lag, read in (0, 16), (1, 24):
        home.apply(database.connection("lake") + EVENTS.replace("'*.parquet'", "rows").replace(
            "[ingestion.purchases.mapping]", f"""partition = {{ column = "ds", lag_days = {lag} }}
[ingestion.purchases.mapping]"""))
        answer = home.json("validate", "purchases", "--day", "2026-11-02")
        assert answer["certificate"]["read"] == read
        assert answer.get("note", "") == ("" if lag else (
            "8 rows of the day are not read, as their ds is another date; `lag_days` of the "
            "partition lets later ones in"))


def test_every_problem_is_marked_beside_its_row(shop, engine):
    engine.sql(f"""copy (select timestamp '2026-11-04 12:00:00' as ts, 'u' as user_id,
        null::varchar as device_id, unnest(['', 'buy;', 'ok']) as kind, 1.5 as amount, 'p' as page)
        to '{shop.warehouse}/day4.parquet' (format parquet)""")
    rows = shop.json("sample", "purchases", "--day", "2026-11-04")["rows"]
    assert [row["problem"] for row in rows] == ["no_name", "bad_name", None]
    assert '"kind":"buy;"' in rows[1]["original"].replace(" ", "")


def test_numbers_that_json_lacks_are_texts_in_every_answer(home, engine):
    home.init()
    engine.sql(f"""copy (select timestamp '2026-11-01 01:00:00' as ts, 'u' || i as user_id,
        'd' as device_id, 'purchase' as kind, 'p' as page,
        ['nan', 'inf', '-inf', '1.5'][i + 1]::double as amount
        from range(4) r(i)) to '{home.warehouse}/day1.parquet' (format parquet)""")
    home.apply(home.connect_files() + EVENTS)
    query = ("--connection", "lake", "--query", "select * from '*.parquet' order by user_id")
    seen = home.json("sample", *query)["rows"]
    assert [row["amount"] for row in seen] == ["NaN", "Infinity", "-Infinity", 1.5]
    assert "event_value" in home.run("map", *query, "--dataset", "events").stdout
    home.run("sample", "purchases", "--day", "2026-11-01")
    home.run("load", "purchases", "--day", "2026-11-01")
    assert home.rows("select 1 / 0.0 as r, [sum(value) - sum(value) / 0] as s, 'NaN' as t, "
                     "count(*) as n from events") == [
        {"r": "Infinity", "s": ["-Infinity"], "t": "NaN", "n": 4}]
    assert "Infinity" in home.run("query", "select 1 / 0.0 as r").stdout


NO_DAY = "8 rows have no day, and no load reads them: their {} is null, or no {}"


@pytest.mark.parametrize("kind", ["files", "postgres", "redshift"])
def test_rows_whose_time_is_null_are_counted_where_millrace_places_the_day(
        home, engine, database, kind):
    rows = """select case when i % 2 = 0 then timestamp '2026-11-01 01:00:00' end as ts,
        case when i % 4 = 0 then '2026-11-01' when i % 4 = 1 then '20261101' end as ds,
        'u' || i as user_id, 'd' as device_id, 'purchase' as kind, 'p' as page, 1.5 as amount
        from {} as r(i)"""
    home.init()
    if kind == "files":
        engine.sql(f"copy ({rows.format('range(16)')}) to '{home.warehouse}/day1.parquet' "
                   "(format parquet)")
        connection, table = home.connect_files(), "'*.parquet'"
    else:
        database.with_redshift_names().sql(
            f"create table rows as {rows.format('generate_series(0, 15)')}")
        connection, table = database.connection("lake", kind=kind), "rows"
    home.apply(connection + EVENTS.replace("'*.parquet'", table) + KPI.replace("TABLE", table))
    for name, words, read in ("purchases", ("ts", "time"), 8), ("kpi", KPI_WORDS, 4):
        note = NO_DAY.format(*words).replace("8", "8" if name == "purchases" else "12")
        answer = home.json("validate", name, "--day", "2026-11-01")
        assert (answer["certificate"]["read"], answer["note"]) == (read, note)
        assert home.json("sample", name, "--day", "2026-11-01")["notes"] == [note]
        assert note in home.run("validate", name, "--day", "2026-11-01").stdout
    # Placed by the query, such rows reach the mapping, and its rejects.
    where = "where ts is null or ts::date = {{day}}"
    home.apply(connection + EVENTS.replace("'*.parquet'", f"{table} {where}"))
    answer = home.json("validate", "purchases", "--day", "2026-11-01")
    assert answer["certificate"]["rejected_by_reason"] == {"bad_time": 8} and "note" not in answer


KPI_WORDS = ("ds", "date such as 2026-11-20")
KPI = """
[ingestion.kpi]
connection = "lake"
dataset = "metrics"
query = "select * from TABLE"
[ingestion.kpi.mapping]
date = "ds"
units = { userID = "user_id" }
metrics = { revenue = "amount" }
"""
