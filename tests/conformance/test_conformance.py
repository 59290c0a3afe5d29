"""What every kind of connection must do, whatever is behind it. Runs for each kind that the binary
registers, through the command line, against the server that warehouses.py names."""
import collections
import os
import pathlib
import signal
import subprocess
import time
import uuid

import pytest

from servers.postgres import wait_until
from warehouses import COLUMNS, described_kinds, stand_for

KINDS = described_kinds()
DAYS = ["2026-11-01", "2026-11-02", "2026-11-03"]
DAY = ("--day", DAYS[1])
RANGE = ("--from", DAYS[0], "--to", DAYS[2])

# Of each day: its first and last microsecond, and what values can look like.
TIMES = ["00:00:00", "00:00:00.000001", "07:59:59.999999", "08:00:00", "12:30:00.5",
         "23:59:59.999999"]
AMOUNTS = ["0.10", "-12345678.90", None, "0.00", "1234567890.12", "100.00"]
NOTES = ["plain", "Ünï ☃ 😀", None, "it's \"quoted\", \\ and\ttabbed\nlines", " spaced ", "NULL"]
ROWS = [{"id": 10 * day + i, "ts": f"{DAYS[day]} {TIMES[i]}+00", "kind": "purchase",
         "user_id": f"user{i}", "amount": AMOUNTS[i], "note": NOTES[i]}
        for day in range(3) for i in range(6)]

INGESTION = """
[ingestion.events]
connection = "shop"
dataset = "events"
query = \"\"\"QUERY\"\"\"
[ingestion.events.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
metadata = { id = "id", note = "note", amount = "amount" }
"""


@pytest.fixture(scope="module", params=KINDS)
def stand(request):
    return stand_for(request.param, request)


@pytest.fixture
def kind(request):
    return KINDS[request.node.callspec.params["stand"]]


@pytest.fixture
def shop(home, stand):
    """A home connected to a table with six rows on each of three days."""
    stand.put(ROWS)
    home.run("init", "--zone", "UTC", "--unit-types", "userID", "--files-root",
             getattr(stand, "folder", home.warehouse))
    home.stand = stand
    define(home)
    return home


def define(home, query=None, **settings):
    query = query or f"select * from {home.stand.table}"
    home.apply(home.stand.connection(**settings) + INGESTION.replace("QUERY", query))


def changed(shop):
    return [(r["day"], r["by"]) for r in shop.json("check", "events") if r["changed"]]


def stored(shop, where="true"):
    """The rows as a multiset, each as its values."""
    return collections.Counter(tuple(row.values()) for row in shop.rows(
        f"select day, event_name, epoch_us(ts) as ts, unit_userID, value, metadata "
        f"from events where {where}"))


# The account


def test_a_kind_without_a_test_server_fails(request):
    with pytest.raises(pytest.fail.Exception, match="newcomer has no test server"):
        stand_for("newcomer", request)


def test_the_probe_reaches_it_and_names_the_server(shop):
    report = shop.json("connection", "test", "shop")
    assert report["server"] and len(report["steps"]) >= 2
    assert all(step["ok"] and step["detail"] for step in report["steps"])


def test_a_wrong_password_is_the_customers_to_mend_and_says_how(shop, stand, kind):
    secrets = {setting["name"] for setting in kind["settings"] if setting["secret"]}
    if stand.secret is None:
        assert not secrets  # a kind that takes secrets must be tested with a wrong one
        return
    define(shop, **{stand.secret: "env:WRONG"})
    done = shop.run("--json", "load", "events", *DAY, code=1, env={"WRONG": "hunter2"})
    assert '"fault": "misconfigured"' in done.stdout and '"advice": ' in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    report = shop.run("--json", "connection", "test", "shop", code=1, env={"WRONG": "hunter2"})
    assert "hunter2" not in report.stdout + report.stderr


def test_the_table_is_listed_and_its_columns_are_described(shop, stand):
    tables = [t["name"] for t in shop.json("connection", "tables", "shop")]
    assert stand.listed in tables
    columns = shop.json("connection", "columns", "shop", stand.listed)
    assert [c["name"] for c in columns] == list(COLUMNS)
    assert [c["type"] for c in columns] == ["integer", "timestamptz", "text", "text", "decimal",
                                            "text"]
    assert all(c["vendor_type"] for c in columns)


def test_any_query_can_be_sampled(shop, stand):
    sampled = shop.json("sample", "--connection", "shop", "--rows", "5", "--query",
                        f"select id, note from {stand.table}")
    assert len(sampled["rows"]) == 5 and set(sampled["rows"][0]) == {"id", "note"}


# Rows


def test_the_count_agrees_with_the_rows_read(shop):
    for outcome in shop.json("load", "events", *RANGE):
        proof = outcome["certificate"]
        assert proof["read"] == proof["loaded"] == proof["source_count"] == 6
        assert proof["before"]["rows"] == proof["after"]["rows"] == 6
        assert proof["counted_by"]


def test_the_days_partition_the_table(shop):
    shop.run("load", "events", "--from", "2026-10-31", "--to", "2026-11-04")
    rows = shop.rows("select day::varchar as day, metadata->>'id' as id from events")
    assert sorted((row["day"], int(row["id"])) for row in rows) == sorted(
        (DAYS[row["id"] // 10], row["id"]) for row in ROWS)


def test_an_instant_keeps_its_microseconds_around_utc_midnight(shop):
    shop.run("load", "events", *DAY)
    texts = shop.rows("select strftime(ts at time zone 'UTC', '%H:%M:%S.%f') as t from events "
                      "order by ts")
    assert [row["t"] for row in texts] == [f"{time:<08}.000000"[:15] if "." not in time
                                           else f"{time}000000"[:15] for time in TIMES]


def test_nulls_decimals_and_unicode_arrive_as_they_are(shop):
    shop.run("load", "events", *DAY)
    rows = shop.rows("select value, metadata->>'note' as note, metadata->>'amount' as amount "
                     "from events order by ts")
    assert [row["note"] for row in rows] == NOTES
    assert [row["value"] for row in rows] == [a and float(a) for a in AMOUNTS]
    assert [row["amount"] for row in rows] == ["0.1", "-12345678.9", None, "0", "1234567890.12",
                                               "100"]


def test_a_day_read_twice_is_the_same_multiset(shop):
    [first] = shop.json("load", "events", *DAY)
    rows = stored(shop)
    [second] = shop.json("load", "events", *DAY)
    assert stored(shop) == rows and rows.total() == 6
    assert second["certificate"]["before"] == first["certificate"]["before"]
    assert second["certificate"]["sums"] == first["certificate"]["sums"]


def test_days_read_together_are_what_each_is_alone(shop):
    together = shop.json("load", "events", "--from", "2026-10-31", "--to", "2026-11-04")
    rows = stored(shop)
    for outcome in together:
        [alone] = shop.json("load", "events", "--day", outcome["day"])
        assert alone["certificate"] == outcome["certificate"]
    assert stored(shop) == rows and rows.total() == 18


def test_an_empty_day_succeeds_without_data(shop):
    shop.run("load", "events", "--day", "2026-10-24")
    [day] = shop.json("days", "events")
    assert (day["status"], day["rows"]) == ("succeeded, no data", 0)
    assert changed(shop) == []


def test_placeholders_select_the_same_rows_in_its_dialect(shop, stand):
    shop.run("load", "events", *DAY)
    rows = stored(shop)
    for where in ("ts >= {{day_start}} and ts < {{day_end}}",
                  "cast(ts at time zone 'UTC' as date) = {{day}}",
                  "cast(ts at time zone 'UTC' as date) between {{from}} and {{to}}",
                  "extract(epoch from ts) >= {{day_start_epoch}} "
                  "and extract(epoch from ts) < {{day_end_epoch}}"):
        define(shop, f"select * from {stand.table} where {where}")
        shop.run("load", "events", *DAY)
        assert stored(shop) == rows, where


def test_as_many_loads_at_once_as_the_account_tolerates(shop, kind):
    jobs = kind["capabilities"]["reads_max"]
    outcomes = shop.json("load", "events", *RANGE, "--jobs", jobs)
    assert [o["status"] for o in outcomes] == ["loaded"] * 3
    assert stored(shop).total() == 18


# Changes


def edited(**changes):
    """The rows with one of the second day changed."""
    return [{**row, **changes} if row["id"] == 13 else row for row in ROWS]


def test_what_did_not_change_is_no_change_even_written_anew_in_another_order(shop, stand):
    shop.run("load", "events", *RANGE)
    assert changed(shop) == []
    stand.put(ROWS[::-1])
    assert changed(shop) == []


def test_an_insert_and_a_delete_are_found(shop, stand):
    shop.run("load", "events", *RANGE)
    stand.put([row for row in ROWS if row["id"] != 3] + [{**ROWS[13], "id": 99}])
    assert changed(shop) == [("2026-11-01", "count"), ("2026-11-03", "count")]


def test_every_update_is_found_where_the_kind_promises_it(shop, stand, kind):
    shop.run("load", "events", *RANGE)
    promised = kind["capabilities"]["fingerprint_sees_updates"]
    for edit in ({"amount": "0.01"}, {"amount": None}, {"note": "Ünï"}, {"note": ""},
                 {"user_id": "user3 "}, {"kind": "Purchase"}, {"id": 14},
                 {"ts": "2026-11-02 08:00:00.000001+00"}):
        stand.put(edited(**edit))
        assert changed(shop) == ([("2026-11-02", "fingerprint")] if promised else []), edit
    stand.put(ROWS)
    assert changed(shop) == []


def test_a_row_that_moves_to_another_day_changes_both(shop, stand):
    shop.run("load", "events", *RANGE)
    stand.put(edited(ts="2026-11-03 08:00:00+00"))
    assert changed(shop) == [("2026-11-02", "count"), ("2026-11-03", "count")]


# What it refuses


def test_a_table_that_is_not_there_is_named(shop, stand):
    define(shop, "select * from " + stand.table.replace("events", "nothing_here"))
    [outcome] = shop.json("load", "events", *DAY, code=1)
    error = outcome["error"]
    assert error["fault"] == "misconfigured" and "nothing_here" in error["message"]
    assert error["advice"]


def test_what_would_write_or_is_not_one_select_is_refused_and_changes_nothing(shop, stand):
    for query in [*stand.writes, f"select * from {stand.table}; select 1", "set x = 1"]:
        done = shop.run("--json", "sample", "--connection", "shop", "--query", query, code=1)
        assert '"fault": "misconfigured"' in done.stdout, query
    assert stand.count() == len(ROWS)


# Stopping


def processes_with(mark):
    """Running programs that inherited this variable."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:  # another's, or it has just ended
            continue
    return found


@pytest.mark.parametrize("command, how", [
    ("load", signal.SIGINT), ("load", signal.SIGTERM), ("validate", signal.SIGINT),
    ("sample", signal.SIGINT)])
def test_a_command_that_is_stopped_ends_and_leaves_no_statement_running(
        shop, stand, command, how):
    shop.run("load", "events", *DAY)
    before = stored(shop)
    define(shop, stand.slow)
    mark = f"MILLRACE_MARK={uuid.uuid4()}"
    process = subprocess.Popen(shop.command("--json", command, "events", *DAY), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, **dict([mark.split("=")])})
    assert wait_until(lambda: len(processes_with(mark)) == 2)
    stand.wait_until_busy()
    asked = time.monotonic()
    process.send_signal(how)
    said, _ = process.communicate(timeout=10)
    took = time.monotonic() - asked
    assert process.returncode == 1 and '"fault": "cancelled"' in said
    assert took < 2, took
    assert wait_until(lambda: not stand.running(), seconds=1)
    assert wait_until(lambda: not processes_with(mark), seconds=1)
    assert stored(shop) == before
