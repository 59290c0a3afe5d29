"""A look at mapped rows before anything is loaded."""
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
