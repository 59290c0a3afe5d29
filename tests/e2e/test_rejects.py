"""Rows that cannot be loaded: kept, counted by reason, and never half-visible."""
from conftest import EVENTS

WIDE = """
[ingestion.kpi]
connection = "lake"
dataset = "metrics"
query = "select * from 'kpi.parquet'"
[ingestion.kpi.mapping]
date = "ds"
units = { userID = "user_id", stableID = "device_id" }
metrics = { revenue = "rev", conversion = { numerator = "orders", denominator = "visits" } }
[ingestion.kpi.limits]
max_rejected = "100%"
"""


def test_each_bad_event_is_rejected_with_its_reason(home, engine):
    home.init()
    engine.sql(f"""copy (select * from (values
        (timestamp '2026-11-01 01:00', 'ok', 'u1'), (timestamp '2026-11-01 02:00', '', 'u1'),
        (timestamp '2026-11-01 03:00', null, 'u1'), (timestamp '2026-11-01 04:00', repeat('x',
        128), 'u1'),
        (timestamp '2026-11-01 05:00', 'a;b', 'u1'), (timestamp '2026-11-01 06:00', 'ok', ''),
        (timestamp '2026-11-01 07:00', 'ok', null), (timestamp '2026-11-01 08:00', repeat('é',
        127), 'u1'))
        t(ts, kind, user_id)) to '{home.warehouse}/e.parquet' (format parquet)""")
    home.apply(home.connect_files() + EVENTS.replace(', stableID = "device_id"', "")
               .replace('event_value = "amount"\n', "").replace('metadata = { page = "page" }\n',
        "")
               + '[ingestion.purchases.limits]\nmax_rejected = "90%"\n')
    proof = home.json("load", "purchases", "--day", "2026-11-01")[0]["certificate"]
    assert proof["rejected_by_reason"] == {"no_name": 2, "name_too_long": 1, "bad_name": 1,
        "no_id": 2}
    assert (proof["read"], proof["loaded"], proof["rejected"]) == (8, 2, 6)
    reasons = [r["reason"] for r in home.json("quarantine", "purchases", "--day", "2026-11-01")]
    assert sorted(reasons) == ["bad_name", "name_too_long", "no_id", "no_id", "no_name", "no_name"]
    assert home.rows("select count(*) as n from events") == [{"n": 2}]


def test_too_many_rejects_fail_the_load_and_keep_the_old_version(shop, engine):
    shop.run("load", "purchases", "--day", "2026-11-01")
    engine.sql(f"""copy (select timestamp '2026-11-01 00:00:00' + interval (i) minute as ts,
        case when i > 5 then 'u' end as user_id, null::varchar as device_id, 'purchase' as kind,
        1.5 as amount,
        'p' as page from range(20) r(i)) to '{shop.warehouse}/day1.parquet' (format parquet)""")
    failed = shop.run("load", "purchases", "--day", "2026-11-01", code=1)
    assert "6 of 20 rows were rejected (6 no_id), max_rejected is 1%" in failed.stderr
    assert "0 days loaded: 20 rows read, 0 stored, 6 in quarantine; 1 failed" in failed.stdout
    assert shop.rows("select count(*) as n from events") == [{"n": 10}]
    assert len(shop.json("quarantine", "purchases", "--day", "2026-11-01")) == 6


def test_a_wide_row_becomes_a_row_for_each_unit_and_metric(home, engine):
    home.init()
    engine.sql(f"""copy (select * from (values
        (date '2026-11-01', 'u1', 'd1', '10', 1, 4), (date '2026-11-01', 'u2', null, 'x', 1, 4),
        (date '2026-11-01', null, null, '1', 1, 4), (date '2026-11-01', 'u3', null, '5', 1, null))
        t(ds, user_id, device_id, rev, orders,
        visits)) to '{home.warehouse}/kpi.parquet' (format parquet)""")
    home.apply(home.connect_files() + WIDE)
    proof = home.json("load", "kpi", "--day", "2026-11-01")[0]["certificate"]
    assert (proof["read"], proof["loaded"], proof["partly_loaded"], proof["rejected"]) == (4, 1,
        2, 1)
    assert proof["partly_by_reason"] == {"bad_value": 1, "half_ratio": 1}
    assert proof["rejected_by_reason"] == {"no_id": 1}
    assert proof["output_rows"] == 6
    assert home.rows("select unit_type, unit_id, value, numerator, denominator from metrics "
                     "where unit_id in ('d1', 'u2') order by unit_type, metric_name") == [
        {"unit_type": "stableID", "unit_id": "d1", "value": None, "numerator": 1.0,
        "denominator": 4.0},
        {"unit_type": "stableID", "unit_id": "d1", "value": 10.0, "numerator": None,
        "denominator": None},
        {"unit_type": "userID", "unit_id": "u2", "value": None, "numerator": 1.0,
        "denominator": 4.0}]


def test_rows_that_are_all_loaded_in_part_are_told_by_the_load_and_by_the_day(home, engine):
    home.init()
    engine.sql(f"""copy (select date '2026-11-01' as ds, 'u' || i as user_id, null as device_id,
        case when i > 0 then 'x' else '1' end as rev, 1 as orders, 4 as visits
        from range(501) r(i)) to '{home.warehouse}/kpi.parquet' (format parquet)""")
    home.apply(home.connect_files() + WIDE)
    said = home.run("load", "kpi", "--day", "2026-11-01").stdout
    assert ", 500 partly loaded" in said and "in quarantine" not in said
    [day] = home.json("days", "kpi")
    assert (day["quarantined"], day["partly_loaded"]) == (0, 500)
    assert "500 partly loaded" in home.run("days", "kpi").stdout
    assert len(home.json("quarantine", "kpi", "--day", "2026-11-01")) == 500
    home.run("rebuild-catalog")  # from the store's records
    assert home.json("days", "kpi")[0]["partly_loaded"] == 500


def test_every_copy_of_a_duplicate_metric_is_rejected(home, engine):
    home.init()
    engine.sql(f"""copy (select date '2026-11-01' as ds, 'u' || (i // 2) as user_id,
        null as device_id,
        i as rev, 1 as orders, 2 as visits from range(3) r(i))
        to '{home.warehouse}/kpi.parquet' (format parquet)""")
    home.apply(home.connect_files() + WIDE)
    proof = home.json("load", "kpi", "--day", "2026-11-01")[0]["certificate"]
    assert proof["rejected_by_reason"] == {"duplicate_key": 2}
    assert proof["loaded"] == 1


def test_rows_of_another_day_are_excluded_by_rule(home, engine):
    home.init(zone="UTC-8")
    engine.sql(f"""copy (select timestamp '2026-11-01 00:00:00' + interval (i) hour as ts,
        'u' as user_id,
        'purchase' as kind from range(24) r(i)) to '{home.warehouse}/e.parquet' (format parquet)""")
    home.apply(home.connect_files() + """
[ingestion.purchases]
connection = "lake"
dataset = "events"
query = "select * from 'e.parquet' where cast(ts as date) = {{day}}"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
""")
    outcome = home.json("load", "purchases", "--day", "2026-11-01")[0]
    assert outcome["certificate"]["excluded_by_rule"] == {"outside_day": 8}
    assert outcome["certificate"]["loaded"] == 16
    assert "33 % of rows lie outside the day" in outcome["note"]


def test_a_column_of_which_no_value_is_a_time_fails_the_day_that_has_no_rows_for_it(home, engine):
    home.init()
    engine.sql(f"""copy (select * from (values
        ('2026/11/01', 'u1', 'd1', '10', 1, 4), (null, 'u2', null, '1', 1, 4))
        t(ds, user_id, device_id, rev, orders,
        visits)) to '{home.warehouse}/kpi.parquet' (format parquet)""")
    home.apply(home.connect_files() + WIDE)
    said = home.run("load", "kpi", "--day", "2026-11-01", code=1).stderr
    assert "no value of column ds could be read as a date such as 2026-11-20" in said
    # A null is no mistake by itself: said, not refused.
    home.apply(home.connect_files()
               + WIDE.replace("from 'kpi", "replace (null::date as ds) from 'kpi"))
    told = home.json("load", "kpi", "--day", "2026-11-01")[0]
    assert (told["status"], told["note"]) == \
        ("empty", "none of 2 rows of any day has a value in ds, which says the day of a row")
    assert home.json("days", "kpi")[0]["note"] == told["note"]
    assert told["note"] in home.run("days", "kpi").stdout


def test_a_cast_that_fails_is_shown_where_it_stands_in_the_persons_own_lines(home, engine):
    home.init()
    engine.sql(f"""copy (select date '2026-11-01' as ds, 'u' || i as user_id, null as device_id,
        'ten' as rev, 1 as orders, 4 as visits from range(3) r(i))
        to '{home.warehouse}/kpi.parquet' (format parquet)""")
    query = "select ds, user_id, device_id,\\n  rev::int as rev, orders, visits from"
    home.apply(home.connect_files() + WIDE.replace("select * from", query))
    for code, days in (1, "--day 2026-11-01"), (4, "--from 2026-11-01 --to 2026-11-02"):
        said = home.run("load", "kpi", *days.split(), code=code).stderr
        assert "LINE 2:   rev::int as rev, orders" in said


def test_the_reason_of_a_wide_row_that_is_a_copy_names_no_other_fault(home, engine):
    home.init()
    engine.sql(f"""copy (select * from (values
        (date '2026-11-01', 'u1', null, '10', 1, null), (date '2026-11-01', 'u1', null, '10', 1, 4))
        t(ds, user_id, device_id, rev, orders,
        visits)) to '{home.warehouse}/kpi.parquet' (format parquet)""")
    home.apply(home.connect_files() + WIDE)
    home.run("load", "kpi", "--day", "2026-11-01")
    kept = home.json("quarantine", "kpi", "--day", "2026-11-01")
    whole = [row for row in kept if row["reason"] == "duplicate_key" and not row["partly_loaded"]]
    assert [row.get("detail") for row in whole] == [None]
