"""The `databricks` kind against minilake behind a front (servers/databricks.py): real rows over the
Statement Execution API. What only the service itself does is proven nowhere here."""
import os
import signal
import subprocess

import pytest

from purchases import ingestion
from servers.databricks import HELD
from servers.postgres import wait_until

RANGE = ("--from", "2026-11-01", "--to", "2026-11-03")
DAY = ("--day", "2026-11-02")

PURCHASES = """
create or replace table purchases as
  select i as id, timestamptz '2026-11-01 00:30:00+00' + to_hours(i::int) as ts,
         'user' || i % 10 as user_id, 'purchase' as kind, 'phone' as device,
         (i * 1.5)::decimal(12, 2) as amount,
         i / 3.0::double as price, i % 2 = 0 as paid,
         date '2026-11-01' + (i // 24)::int as day,
         case when i % 3 = 0 then null else 'n''\\☃' || i end as note, [i, i + 1] as pair
  from range(72) t(i)
"""

@pytest.fixture
def shop(home, databricks):
    """24 purchases on each of the first three days of November 2026."""
    databricks.sql(PURCHASES)
    home.init()
    home.apply(databricks.connection() + ingestion())
    return home


def test_days_are_loaded_and_an_equal_count_edit_is_found_reloaded_and_undone(shop, databricks):
    outcomes = shop.json("load", "purchases", *RANGE)
    assert [o["status"] for o in outcomes] == ["loaded"] * 3
    proof = outcomes[1]["certificate"]
    assert proof["read"] == proof["loaded"] == proof["source_count"] == 24
    assert not proof["snapshot"] and proof["counted_by"] == "Databricks SQL 2026.40"
    assert proof["before"]["key"].startswith("databricks-xxhash64-1/")
    assert [(r["changed"], r["by"]) for r in shop.json("check", "purchases")] == [
        (False, "fingerprint")] * 3
    databricks.sql("update purchases set amount = amount + 0.01 where id = 30")
    assert [(r["day"], r["by"]) for r in shop.json("check", "purchases") if r["changed"]] == [
        ("2026-11-02", "fingerprint")]
    total = "select round(sum(value), 2) as total from events where day = '2026-11-02'"
    before = shop.rows(total)[0]["total"]
    shop.run("load", "purchases", *DAY)
    assert shop.rows(total) == [{"total": round(before + 0.01, 2)}]
    shop.run("undo", "purchases", *DAY)
    assert shop.rows(total) == [{"total": before}]


def test_values_of_every_type_arrive_as_they_are(shop):
    shop.run("load", "purchases", *RANGE)
    rows = shop.rows("select epoch_us(ts) as ts, unit_userID as user, value, metadata from events "
                     "where (metadata->>'id')::int in (30, 31) order by ts")
    assert [row["ts"] for row in rows] == [1793493000000000 + 3_600_000_000 * i for i in (30, 31)]
    assert [row["value"] for row in rows] == [45, 46.5]
    first, second = (row["metadata"] for row in rows)
    assert '"paid":"true"' in first and '"paid":"false"' in second
    assert '"day":"2026-11-02"' in first and '"price":"10"' in first and '"note":null' in first
    assert "n'\\\\☃31" in second and '"pair":"[31, 32]"' in second


@pytest.mark.parametrize("edit", [
    "set price = price + 1e-9 where id = 30", "set paid = not paid where id = 30",
    "set paid = null where id = 30", "set day = day + 1 where id = 30",
    "set note = '' where id = 31", "set note = null where id = 31",
    "set user_id = user_id || ' ' where id = 30", "set pair = [30, 32] where id = 30",
    "set ts = ts + interval 1 microsecond where id = 30",
    "set amount = (71 - id) * 1.5 where id in (30, 41)",  # two rows swap their values
])
def test_every_edit_of_a_column_that_is_read_changes_the_fingerprint(shop, databricks, edit):
    shop.run("load", "purchases", *DAY)
    databricks.sql("update purchases " + edit)
    assert [r["by"] for r in shop.json("check", "purchases") if r["changed"]] == ["fingerprint"]


def test_a_null_that_moves_to_the_next_column_changes_the_fingerprint(shop, databricks):
    """xxhash64 passes nulls over."""
    databricks.sql("update purchases set note = 'x', device = null where id = 30")
    shop.run("load", "purchases", *DAY)
    databricks.sql("update purchases set note = null, device = 'x' where id = 30")
    assert [r["by"] for r in shop.json("check", "purchases") if r["changed"]] == ["fingerprint"]


def test_a_day_comes_in_several_chunks_by_links_that_see_no_login(shop, databricks):
    databricks.sql("create or replace table clicks as select i as id, timestamptz '2026-11-02 "
                   "00:00:00+00' + to_milliseconds(i) as ts, 'u' || i % 7 as user_id, "
                   "'click' as kind, 1.5::double as amount from range(250000) t(i)")
    shop.apply(databricks.connection() + ingestion("select * from clicks"))
    seen = databricks.downloads
    [outcome] = shop.json("load", "purchases", *DAY)
    assert outcome["certificate"]["loaded"] == 250_000 and databricks.downloads == seen + 3
    assert shop.rows("select count(distinct metadata->>'id') as n from events") == [{"n": 250_000}]


def test_names_in_backticks_and_texts_with_quotes_are_taken(shop, databricks):
    databricks.sql("create or replace table `odd ``name` as select * from purchases")
    query = ("select *, 'it''s; -- fine' as said, `user_id` as `a ; b` from `odd ``name` "
             "where note is null or note <> '{{day}}'")
    shop.apply(databricks.connection() + ingestion(query + " and cast(day as string) = '{{day}}'"))
    [outcome] = shop.json("load", "purchases", *DAY)
    assert outcome["certificate"]["loaded"] == 24
    assert shop.rows("select distinct metadata->>'said' as said from events") == [
        {"said": "it's; -- fine"}]


# What goes wrong


def failure(shop):
    [outcome] = shop.json("load", "purchases", *DAY, code=1)
    return outcome["error"]


@pytest.mark.parametrize("changed, code, said", [
    ({"http_path": "/sql/1.0/warehouses/nothing"}, "not_there", "ends with the id"),
    ({"host": "127.0.0.1:1"}, "unreachable", "Check host"),
    ({"host": "localhost:1", "use_ssl": "true"}, "unreachable", "Check host"),
    ({"token": "env:WRONG"}, "wrong_password", "personal access token")])
def test_a_connection_that_fails_says_how_to_mend_it(shop, databricks, monkeypatch, changed, code,
                                                     said):
    monkeypatch.setenv("WRONG", "dapi-other")
    shop.apply(databricks.connection(**changed) + ingestion())
    error = failure(shop)
    assert error["code"] == code and said in error["advice"], error
    report = shop.json("connection", "test", "shop", code=1)
    assert not report["steps"][0]["ok"] and said in report["steps"][0]["advice"]


@pytest.mark.parametrize("changed, said", [
    ({"use_ssl": "false", "host": "adb-1.example.com"}, "readable for all"),
    ({"host": "https://adb-1.example.com"}, "without https://"),
    ({"http_path": "/sql/protocolv1/o/1/2"}, "of a SQL warehouse")])
def test_settings_that_cannot_work_are_refused(home, databricks, changed, said):
    home.init()
    path = home.path / "definitions.toml"
    path.write_text(databricks.connection(**changed))
    assert said in home.run("apply", path, code=1).stderr


@pytest.mark.parametrize("query, code", [
    ("select * from nothing_here", "missing_table"),
    ("select *, nothing_here from purchases", "missing_column"),
    ("select * from purchases where and", "sql_error")])
def test_a_query_that_the_warehouse_refuses_is_told_in_its_words(shop, databricks, query, code):
    shop.apply(databricks.connection() + ingestion(query))
    error = failure(shop)
    assert error["code"] == code and error["advice"], error
    assert "refused the query at line 1, column" in error["message"] and "^" in error["message"]


def test_an_endpoint_that_is_busy_is_told_as_that(shop, databricks):
    databricks.limited = 1
    error = failure(shop)
    assert (error["fault"], error["code"]) == ("throttled", "too_many_requests")


def test_a_look_that_is_refused_says_nothing_of_the_statement(shop, databricks):
    databricks.deaf = 3
    shop.run("load", "purchases", *DAY)
    assert databricks.deaf == 0


def test_a_statement_that_cannot_be_asked_about_is_ended(shop, databricks):
    shop.apply(databricks.connection()
               + ingestion(f"select * from purchases where 'held' = {HELD}"))
    databricks.deaf = 1_000_000
    try:
        error = failure(shop)
    finally:
        databricks.deaf = 0
    assert (error["fault"], error["code"]) == ("unavailable", "server_error")
    assert wait_until(lambda: not databricks.running())


def test_a_chunk_that_is_cut_off_fails_the_day(shop, databricks):
    databricks.cut = True
    try:
        error = failure(shop)
    finally:
        databricks.cut = False
    assert error["fault"] == "unavailable" and "message body" in error["message"], error
    assert shop.rows("select count(*) as n from events") == [{"n": 0}]


def test_a_link_that_has_expired_is_asked_for_again_and_only_once(shop, databricks):
    databricks.expired = 1
    shop.run("load", "purchases", *DAY)
    databricks.expired = 2
    error = failure(shop)
    assert error["code"] == "source_failed" and "fetching rows from 127.0.0.1" in error["message"]


# Statements left behind


def test_a_killed_load_leaves_a_statement_that_the_next_one_ends(shop, databricks):
    held = ingestion(f"select * from purchases where 'held' = {HELD}")
    shop.apply(databricks.connection() + held)
    load = subprocess.Popen(shop.command("load", "purchases", *DAY), start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert wait_until(lambda: any(HELD in text for text in databricks.running()))
    os.killpg(load.pid, signal.SIGKILL)
    load.wait()
    assert databricks.running()
    shop.apply(databricks.connection() + ingestion())
    [outcome] = shop.json("load", "purchases", *DAY)
    assert outcome["status"] == "loaded" and not databricks.running()
