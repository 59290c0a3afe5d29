"""Every reason for which a row is not loaded, and what is loaded although it looks odd: the
certificate adds up, and each rejected row lies in quarantine as it came."""
import json

import pytest

DAY = "2026-11-01"

EVENTS = """
[ingestion.events]
connection = "lake"
dataset = "events"
query = "select * from 'events.parquet'"
[ingestion.events.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
metadata = { page = "page" }
metadata_object = "props"
[ingestion.events.limits]
max_rejected = "100%"
"""

LONG = """
[ingestion.long]
connection = "lake"
dataset = "metrics"
query = "select * from 'long.parquet'"
[ingestion.long.mapping]
date = "ds"
unit_id = "unit"
id_type = "type"
metric_name = "metric"
metric_value = "value"
numerator = "num"
denominator = "den"
[ingestion.long.limits]
max_rejected = "100%"
"""


def write(engine, home, name, columns, *rows):
    values = ", ".join(f"({row})" for row in rows)
    engine.sql(f"copy (select * from (values {values}) t({columns})) "
               f"to '{home.warehouse}/{name}.parquet' (format parquet)")


def load(home, name, day=DAY):
    """The certificate, which adds up, and by reason the rejected rows as they came."""
    proof = home.json("load", name, "--day", day)[0]["certificate"]
    assert proof["read"] == (proof["loaded"] + proof["partly_loaded"] + proof["rejected"]
                             + proof["excluded"])
    assert proof["rejected"] == sum(proof["rejected_by_reason"].values())
    kept = {}
    if proof["rejected"] + proof["partly_loaded"]:
        for row in home.json("quarantine", name, "--day", day):
            kept.setdefault(row["reason"], []).append(json.loads(row["original"]))
    return proof, kept


def test_events_are_rejected_for_their_time_metadata_and_size(home, engine):
    home.init()
    write(engine, home, "events", "ts, kind, user_id, amount, page, props",
          "'2026-11-01 01:00:00', 'ok', 'u1', '1', 'p', '{\"a\": 1}'",
          "'yesterday', 'ok', 'u2', '1', 'p', null",
          "null, 'ok', 'u3', '1', 'p', null",
          "'2026-11-01 02:00:00', 'ok', 'u4', '1', 'p', '[1, 2]'",
          "'2026-11-01 02:00:00', 'ok', 'u5', '1', 'p', '{\"a\": '",
          "'2026-11-01 02:00:00', 'ok', 'u6', '1', repeat('x', 17 * 1024 * 1024), null")
    # The text times keep the query from being wrapped by an instant, so all rows are looked at.
    home.apply(home.connect_files() + EVENTS.replace(
        "from 'events.parquet'", "from 'events.parquet' where {{day}} = {{day}}"))
    proof, kept = load(home, "events")
    assert proof["rejected_by_reason"] == {"bad_time": 2, "bad_metadata": 2, "too_large": 1}
    assert [row["ts"] for row in kept["bad_time"]] == ["yesterday", None]
    assert {row["props"] for row in kept["bad_metadata"]} == {"[1, 2]", '{"a": '}
    assert [row["user_id"] for row in kept["too_large"]] == ["u6"]
    assert home.rows("select unit_userID as u from events") == [{"u": "u1"}]


def test_odd_events_are_accepted_as_they_are(home, engine):
    home.init()
    write(engine, home, "events", "ts, kind, user_id, amount, page, props",
          "timestamp '1931-02-03 04:05:06', 'old', 'u1', '-1e300', 'p', "
          "'{\"a\": {\"b\": [1, {\"c\": null}]}, \"d\": true, \"e\": 1.5}'",
          "timestamp '1931-02-03 04:05:06', 'old', 'u2', 'twelve', null, null",
          "timestamp '1931-02-03 04:05:06', 'old', 'u3', null, repeat('y', 10000000), '{}'",
          "timestamp '1931-02-03 04:05:06', 'old', 'u4', '1e-320', 'ünïcödé \t \" ''', null")
    home.apply(home.connect_files() + EVENTS)
    proof, _ = load(home, "events", "1931-02-03")
    assert (proof["loaded"], proof["rejected"]) == (4, 0)
    rows = home.rows("select unit_userID as u, value, value_text, metadata from events order by u")
    assert [(row["value"], row["value_text"]) for row in rows] == [
        (-1e300, None), (None, "twelve"), (None, None), (1e-320, None)]
    # Readers see one level of texts; what lies deeper is the text of its JSON.
    assert home.rows("select metadata->>'a' as a, metadata->>'d' as d, metadata->>'e' as e, "
                     "metadata->>'page' as page from events where unit_userID = 'u1'") == [
        {"a": '{"b":[1,{"c":null}]}', "d": "true", "e": "1.5", "page": "p"}]
    assert len(json.loads(rows[2]["metadata"])["page"]) == 10_000_000
    assert json.loads(rows[3]["metadata"])["page"] == "ünïcödé \t \" '"
    assert home.rows("select min(ts)::varchar as t from events") == [
        {"t": "1931-02-03 04:05:06+00"}]


def test_metrics_are_rejected_for_value_ratio_unit_and_name(home, engine):
    home.init()
    write(engine, home, "long", "ds, unit, type, metric, value, num, den",
          f"date '{DAY}', 'u1', 'userID', 'rev', '1.5', null, null",
          f"date '{DAY}', 'u2', 'userID', 'rev', 'x', null, null",
          f"date '{DAY}', 'u3', 'userID', 'rev', 'NaN', null, null",
          f"date '{DAY}', 'u4', 'userID', 'rev', 'Infinity', null, null",
          f"date '{DAY}', 'u5', 'userID', 'rev', '-inf', null, null",
          f"date '{DAY}', 'u6', 'userID', 'rev', '1e400', null, null",
          f"date '{DAY}', 'u7', 'userID', 'conv', null, '1', null",
          f"date '{DAY}', 'u8', 'userID', 'conv', null, '1', '0'",
          f"date '{DAY}', 'u9', 'accountID', 'rev', '1', null, null",
          f"date '{DAY}', '', 'userID', 'rev', '1', null, null",
          f"date '{DAY}', 'u10', 'userID', '', '1', null, null",
          f"date '{DAY}', 'u11', 'userID', 'rev', '-7', null, null")
    home.apply(home.connect_files() + LONG)
    proof, kept = load(home, "long")
    assert proof["rejected_by_reason"] == {"bad_value": 5, "half_ratio": 1, "unknown_unit": 1,
                                           "no_id": 1, "no_name": 1}
    assert {row["value"] for row in kept["bad_value"]} == {"x", "NaN", "Infinity", "-inf", "1e400"}
    assert [row["type"] for row in kept["unknown_unit"]] == ["accountID"]
    # A denominator of zero is no mistake: the unit is left out of the ratio by whoever divides.
    assert home.rows("select unit_id, value, numerator, denominator from metrics "
                     "order by unit_id") == [
        {"unit_id": "u1", "value": 1.5, "numerator": None, "denominator": None},
        {"unit_id": "u11", "value": -7.0, "numerator": None, "denominator": None},
        {"unit_id": "u8", "value": None, "numerator": 1.0, "denominator": 0.0}]


@pytest.mark.parametrize("limit, loads", [('"40%"', True), ('"39%"', False), ("4", True),
                                          ("3", False), ("0", False)])
def test_max_rejected_is_a_percentage_or_a_number_of_rows(home, engine, limit, loads):
    home.init()
    write(engine, home, "long", "ds, unit, type, metric, value, num, den",
          *(f"date '{DAY}', 'u{i}', 'userID', 'rev', '{'x' if i < 4 else i}', null, null"
            for i in range(10)))
    home.apply(home.connect_files() + LONG.replace('"100%"', limit))
    assert home.json("validate", "long", "--day", DAY)["would_load"] == loads
    said = home.run("load", "long", "--day", DAY, code=0 if loads else 1)
    if not loads:
        assert f"4 of 10 rows were rejected (4 bad_value), max_rejected is {limit.strip(chr(34))}" \
            in said.stderr
        assert "millrace quarantine long --day 2026-11-01" in said.stderr
    assert len(home.json("quarantine", "long", "--day", DAY)) == 4
    assert home.rows("select count(*) as n from metrics") == [{"n": 6 if loads else 0}]


COPIES = (f"date '{DAY}', 'u1', 'userID', 'rev', '1', 3", f"date '{DAY}', 'u1', 'userID', 'rev', "
          "'10', 1", f"date '{DAY}', 'u1', 'userID', 'rev', '100', 3",
          f"date '{DAY}', 'u2', 'userID', 'rev', '5', 1")


@pytest.mark.parametrize("rule, values, rejected, excluded", [
    ("", {"u2": 5.0}, {"duplicate_key": 3}, {}),
    ('on_duplicate = "sum"', {"u1": 111.0, "u2": 5.0}, {}, {}),
    ('on_duplicate = "last"\norder_by = "seq"', {"u1": 100.0, "u2": 5.0}, {}, {"on_duplicate": 2}),
])
def test_copies_of_a_metric_are_rejected_added_up_or_the_last_one_wins(
        home, engine, rule, values, rejected, excluded):
    home.init()
    home.apply(home.connect_files() + LONG.replace("[ingestion.long.limits]",
                                                   f"{rule}\n[ingestion.long.limits]")
               .replace('numerator = "num"\ndenominator = "den"\n', ""))
    seen = []
    for rows in COPIES, COPIES[::-1], COPIES[2:] + COPIES[:2]:  # ties do not depend on the order
        write(engine, home, "long", "ds, unit, type, metric, value, seq", *rows)
        proof, _ = load(home, "long")
        assert (proof["rejected_by_reason"], proof["excluded_by_rule"]) == (rejected, excluded)
        seen.append({row["unit_id"]: row["value"]
                     for row in home.rows("select unit_id, value from metrics")})
    assert seen[0] == values if "last" not in rule else seen[0].keys() == values.keys()
    assert seen[0] == seen[1] == seen[2]


def test_of_copies_of_an_event_the_earliest_stays_and_the_certificate_counts_the_others(
        home, engine):
    home.init()
    home.apply(home.connect_files() + """
[ingestion.clicks]
connection = "lake"
dataset = "events"
query = "select * from 'clicks.parquet'"
[ingestion.clicks.mapping]
event_name = { literal = "click" }
timestamp = "ts"
ids = { userID = "user_id" }
metadata = { page = "page" }
dedupe = ["event_id"]
""")
    rows = (f"timestamp '{DAY} 03:00', 'u', 'e1', 'late'", f"timestamp '{DAY} 01:00', 'u', 'e1', "
            "'early'", f"timestamp '{DAY} 02:00', 'u', 'e2', 'b'",
            f"timestamp '{DAY} 02:00', 'u', 'e2', 'a'", f"timestamp '{DAY} 02:00', 'u', 'e3', 'c'",
            f"timestamp '{DAY} 02:00', 'u', null, 'd'", f"timestamp '{DAY} 02:00', 'u', null, 'e'")
    seen = []
    for order in rows, rows[::-1]:
        write(engine, home, "clicks", "ts, user_id, event_id, page", *order)
        proof, _ = load(home, "clicks")
        assert proof["excluded_by_rule"] == {"dedupe": 2} and proof["loaded"] == 5
        seen.append(sorted(row["page"] for row in home.rows(
            "select metadata->>'page' as page from events")))
    assert seen[0] == seen[1] and set(seen[0]) > {"early", "c"}


def test_a_metric_that_two_ingestions_deliver_is_a_conflict_that_names_both(home, engine):
    home.init()
    write(engine, home, "long", "ds, unit, type, metric, value, num, den",
          f"date '{DAY}', 'u1', 'userID', 'rev', '1', null, null")
    home.apply(home.connect_files() + LONG + LONG.replace("ingestion.long", "ingestion.again"))
    home.run("load", "long", "--day", DAY)
    said = home.run("load", "again", "--day", DAY, code=1).stderr
    assert "rev" in said and "userID" in said and "long" in said and "again" in said
    assert "what to do: " in said
    assert home.rows("select count(*) as n from metrics") == [{"n": 1}]
