"""Rejected rows come back after a mapping fix, without the warehouse being asked again."""
import pytest

DAY = "2026-11-01"

LAKE = """
[ingestion.orders]
connection = "lake"
dataset = "events"
query = "select * from 'orders.parquet'"
[ingestion.orders.mapping]
event_name = "kind"
timestamp = "ts"
ids = { %s }
event_value = "amount"
metadata = "*"
[ingestion.orders.limits]
max_rejected = "90%%"
"""

# A value of every type that a row may hold, with what makes its text awkward.
ORDERS = f"""select timestamp '{DAY} 00:00:00' + interval (i) hour as ts, 'order' as kind,
    case when i % 2 = 0 then 'user' || i end as account, 'device' || i as device,
    i + 0.5 as amount, i::integer as int_number, (i * 1e15)::double as large, 'nan'::double as nan,
    (i + 0.10)::decimal(10, 2) as price, i % 3 = 0 as flag, date '{DAY}' as date_of,
    timestamptz '{DAY} 01:02:03.000004+00' as at, 'a"b\\/c~ ü ''' || i as text,
    null::varchar as nothing, '' as empty, 'x'::blob as bytes, json('{{"a": [1, null]}}') as doc,
    uuid '6f9619ff-8b86-d011-b42d-00c04fc964ff' as id, 18446744073709551615::ubigint as big,
    i as "odd/~name"
    from range(10) r(i)"""


@pytest.fixture
def orders(home, engine):
    home.init()
    engine.sql(f"copy ({ORDERS}) to '{home.warehouse}/orders.parquet' (format parquet)")
    home.apply(home.connect_files() + LAKE % 'userID = "account"')
    home.run("load", "orders", "--day", DAY)
    return home


def fix(home):
    home.apply(home.connect_files() + LAKE % 'userID = "account", stableID = "device"')


def certificate(home, name="orders"):
    return home.json("certificate", name, "--day", DAY)


def stored(home):
    return home.rows("select * exclude (_load) from events order by ts")


def test_replayed_rows_are_what_a_reload_would_have_made_of_them(orders):
    assert certificate(orders)["rejected_by_reason"] == {"no_id": 5}
    fix(orders)
    (orders.warehouse / "orders.parquet").rename(orders.warehouse / "gone")
    answer = orders.json("quarantine", "orders", "--day", DAY, "--replay")
    assert (answer["replayed"], answer["rejected"]) == (5, 0)
    replayed = {row["ts"]: row for row in stored(orders)}
    proof = certificate(orders)
    assert proof["adds_up"] and proof["read"] == proof["loaded"] == proof["output_rows"] == 10
    assert orders.run("quarantine", "orders", "--day", DAY, code=3)

    (orders.warehouse / "gone").rename(orders.warehouse / "orders.parquet")
    orders.run("load", "orders", "--day", DAY)
    for row in stored(orders):
        if row["unit_userID"] is None:  # Those loaded before keep what the older mapping gave them.
            assert replayed[row["ts"]] == row
    assert dict(certificate(orders)["sums"]) == dict(proof["sums"])


def test_a_replay_keeps_the_day_stale_and_what_its_read_proved(orders):
    before = orders.json("history", "orders", "--day", DAY)[0]
    fix(orders)
    orders.run("quarantine", "orders", "--day", DAY, "--replay")
    after = orders.json("history", "orders", "--day", DAY)[0]
    assert after["kind"] == "replay" and after["parent"] == before["id"]
    assert after["revision"] == before["revision"]
    assert after["fingerprint"] == before["fingerprint"]
    assert [file["revision"] for file in after["files"]][0] == before["revision"]
    assert [file["revision"] for file in after["files"]][1] != before["revision"]
    assert orders.json("days", "orders")[0]["stale"]
    orders.run("undo", "orders", "--day", DAY)
    assert len(stored(orders)) == 5


def test_where_nothing_fits_nothing_changes_and_it_is_said_why(orders):
    before = orders.json("history", "orders", "--day", DAY)
    nothing = orders.connect_files() + LAKE.replace('"kind"', '"nothing"')
    orders.apply(nothing % 'userID = "account", stableID = "device"')
    answer = orders.json("quarantine", "orders", "--day", DAY, "--replay")
    assert (answer["replayed"], answer["rejected"]) == (0, 5)
    assert answer["certificate"]["rejected_by_reason"] == {"no_name": 5}
    said = orders.run("quarantine", "orders", "--day", DAY, "--replay").stdout
    assert "0 of 5 rejected rows fit now" in said and "Nothing was changed" in said
    assert "no_name: 5" in said
    assert orders.json("history", "orders", "--day", DAY) == before
    assert certificate(orders)["rejected_by_reason"] == {"no_id": 5}
    assert orders.json("days", "orders")[0]["status"] == "succeeded"
    fix(orders)
    assert orders.json("quarantine", "orders", "--day", DAY, "--replay")["replayed"] == 5


def test_rows_that_still_do_not_fit_stay_with_their_reason_of_now(orders):
    some = LAKE.replace('"kind"', '"named"').replace(
        "select *", "select *, case when account is not null or device > 'device4' "
                    "then kind end as named")
    orders.apply(orders.connect_files() + some % 'userID = "account"')
    orders.run("load", "orders", "--day", DAY)
    orders.apply(orders.connect_files() + some % 'userID = "named"')
    answer = orders.json("quarantine", "orders", "--day", DAY, "--replay")
    assert (answer["replayed"], answer["rejected"]) == (3, 2)
    assert certificate(orders)["rejected_by_reason"] == {"no_name": 2}


def test_a_column_that_the_rejected_rows_lack_is_named(orders):
    orders.apply(orders.connect_files()
                 + LAKE % 'userID = "account", stableID = "devise"')
    said = orders.run("quarantine", "orders", "--day", DAY, "--replay", code=1).stderr
    assert "column devise" in said and 'did you mean "device"' in said
    assert len(stored(orders)) == 5
    assert orders.json("days", "orders")[0]["status"] == "succeeded"


def test_what_cannot_be_replayed_says_what_to_do_instead(orders, engine):
    said = orders.run("quarantine", "orders", "--day", "2026-11-02", "--replay", code=3).stderr
    assert "has no version" in said and "millrace load orders --day 2026-11-02" in said
    fix(orders)
    orders.run("quarantine", "orders", "--day", DAY, "--replay")
    said = orders.run("quarantine", "orders", "--day", DAY, "--replay", code=3).stderr
    assert "none of its rows was rejected" in said
    orders.run("undo", "orders", "--day", DAY)
    said = orders.run("quarantine", "orders", "--day", DAY, "--replay", code=1).stderr
    assert "the day is held" in said and "millrace release orders" in said


METRICS = """
[ingestion.kpi]
connection = "lake"
dataset = "metrics"
query = "select * from 'kpi.parquet'"
[ingestion.kpi.mapping]
date = "ds"
unit_id = "who"
id_type = %s
metric_name = "metric"
metric_value = "value"
[ingestion.kpi.limits]
max_rejected = "90%%"
"""


def test_replayed_metrics_are_refused_where_their_key_is_loaded_already(home, engine):
    home.init()
    engine.sql(f"""copy (select date '{DAY}' as ds, 'u' || i % 3 as who,
        case when i < 3 then 'userID' else 'account' end as type, 'visits' as metric,
        i + 1.0 as value from range(5) r(i)) to '{home.warehouse}/kpi.parquet' (format parquet)""")
    home.apply(home.connect_files() + METRICS % '"type"')
    home.run("load", "kpi", "--day", DAY)
    before = home.rows("select unit_id, value from metrics order by all")
    assert certificate(home, "kpi")["rejected_by_reason"] == {"unknown_unit": 2}
    home.apply(home.connect_files() + METRICS % '{ literal = "userID" }')
    said = home.run("quarantine", "kpi", "--day", DAY, "--replay", code=1).stderr
    assert "2 of the replayed metric rows have a key that is loaded already" in said
    assert home.rows("select unit_id, value from metrics order by all") == before
    assert home.json("days", "kpi")[0]["status"] == "succeeded"

    home.apply(home.connect_files() + METRICS.replace('"who"', '"whom"') % '"type"')
    said = home.run("quarantine", "kpi", "--day", DAY, "--replay", code=1).stderr
    assert "kept without column whom" in said and "Load the day again" in said

    home.apply(home.connect_files() + METRICS % '{ literal = "stableID" }')
    home.run("quarantine", "kpi", "--day", DAY, "--replay")
    assert [row["value"] for row in home.rows("select value from metrics order by 1")] == \
        [1, 2, 3, 4, 5]
    assert float(dict(certificate(home, "kpi")["sums"])["value"]) == 15
