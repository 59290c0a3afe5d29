"""What a day waits for beside the clock: a question, a table, a file, a call."""
import sqlite3

import pytest

from conftest import EVENTS
from home import NOON_ZONE
from test_s3 import bucket, connection as connect_bucket  # noqa: F401  a fixture
from test_schedule import YESTERDAY, due, enabled, make

LOADED = [(str(YESTERDAY), "load", "scheduled", "loaded")]
WAITING = [(str(YESTERDAY), "load", "scheduled", "waiting")]
FAILED = [(str(YESTERDAY), "load", "scheduled", "failed")]

ORDERS = f"""
create table orders (ts timestamp, user_id text, device_id text, kind text, amount int, page text);
insert into orders select timestamp '{YESTERDAY} 00:00' + i * interval '1 hour', 'user' || i,
                          'device' || i, 'purchase', i, 'page' from generate_series(0, 9) i;
create schema raw;
create table raw."Feed" (id int, day date) partition by range (day);
create table raw.feed_now partition of raw."Feed" for values from ('2020-01-01') to (maxvalue);
insert into raw."Feed" values (1, '{YESTERDAY}');
create view raw.feed_view as select * from raw."Feed";
"""


def gated(home, *gates, deadline="23:59"):
    home.apply(home.connect_files() + enabled(deadline) + f"ready = [{', '.join(gates)}]\n")


def remark(home):
    return home.run("days", "purchases").stdout


def half_an_hour_later(home):
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute("update day set changed_at = changed_at - 1800000000")


def two_days_later(home):
    """As if yesterday's load had been that of three days ago: tests cannot wait for days."""
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute("update version set published_at = published_at - 172800000000")
        catalog.execute("delete from day")


def test_a_day_waits_for_a_file_of_its_own(home, engine):
    make(home, engine)
    gated(home, '{ object = "done/{{day}}/_SUCCESS" }')
    assert due(home) == WAITING
    assert "there is no done/{{day}}/_SUCCESS yet" in remark(home)
    (home.warehouse / "done" / str(YESTERDAY)).mkdir(parents=True)
    (home.warehouse / "done" / str(YESTERDAY) / "_SUCCESS").touch()
    assert due(home) == []
    half_an_hour_later(home)
    assert due(home) == LOADED


def test_a_day_waits_for_an_object(home, engine, s3_server, bucket):  # noqa: F811
    home.init(NOON_ZONE)
    source = f"""query = \"\"\"select timestamp '{YESTERDAY} 12:00' as ts, 'a' as user_id, 'd' as
        device_id, 'purchase' as kind, 1 as amount, 'p' as page
        from 'sales/*.parquet' limit 1\"\"\""""
    gate = 'ready = [{ object = "done/{{day}}/_SUCCESS" }, { table = "sales/*.parquet" }]\n'
    events = enabled("23:59").replace('''query = "select * from '*.parquet'"''', source)
    home.apply(connect_bucket(s3_server) + events + gate)
    assert due(home) == WAITING
    bucket.put_object(Bucket="shop", Key=f"lake/done/{YESTERDAY}/_SUCCESS", Body=b"")
    half_an_hour_later(home)
    assert due(home) == LOADED


def test_a_day_waits_until_files_upstream_are_written(home, engine):
    make(home, engine)
    gated(home, '{ table = "feed" }')
    feed = home.warehouse / "feed" / "part.csv"
    assert due(home) == WAITING
    assert "there is no feed yet" in remark(home)
    feed.parent.mkdir()
    feed.write_text("a\n1\n")
    half_an_hour_later(home)
    assert due(home) == LOADED
    two_days_later(home)
    assert due(home) == WAITING
    assert "feed was not written to since the last load before the day was over" in remark(home)
    feed.write_text("a\n1\n2\n")
    half_an_hour_later(home)
    assert due(home) == LOADED


@pytest.fixture
def shop(home, database):
    home.init(NOON_ZONE)
    write(database, ORDERS)
    home.wait_for = lambda gate: home.apply(
        database.connection("lake") + enabled("23:59").replace("'*.parquet'", "orders")
        + f"ready = [{gate}]\n")
    return home


def write(database, statements):
    """And has the server count it now; else it may take ten seconds."""
    database.sql(statements)
    database.sql("select pg_stat_force_next_flush()")


def test_a_day_waits_until_a_table_of_postgresql_is_written(shop, database):
    shop.wait_for('{ table = "raw.Feed" }')
    assert due(shop) == LOADED
    assert list(shop.json("certificate", "purchases", "--day", YESTERDAY)["upstream"]) == [
        "raw.Feed"]
    two_days_later(shop)
    database.sql('vacuum full raw.feed_now')
    database.sql("update orders set amount = 5")
    assert due(shop) == WAITING
    half_an_hour_later(shop)
    write(database, "update raw.feed_now set id = 2")
    assert due(shop) == LOADED
    two_days_later(shop)
    assert due(shop) == WAITING
    half_an_hour_later(shop)
    write(database, f"truncate raw.feed_now; insert into raw.feed_now values (3, '{YESTERDAY}')")
    assert due(shop) == LOADED


def test_a_view_does_not_tell_and_a_table_that_is_not_there_is_waited_for(shop):
    shop.wait_for('{ table = "raw.feed_view" }')
    assert due(shop, code=4) == FAILED
    assert "nothing tells when raw.feed_view was written" in remark(shop)
    shop.wait_for('{ table = "raw.nothing" }')
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        catalog.execute("delete from day")
    assert due(shop) == WAITING
    assert "there is no raw.nothing yet" in remark(shop)


def test_the_clock_waits_for_a_call_and_a_call_does_not_wait_for_the_clock(home, engine):
    make(home, engine)
    gated(home, "{ call = true }")
    assert due(home) == WAITING
    assert "nobody has said so yet" in remark(home)
    home.run("trigger", "purchases", "--day", YESTERDAY)
    assert due(home) == [(str(YESTERDAY), "load", "manual", "loaded")]
    assert due(home) == []


def test_what_was_called_and_failed_is_loaded_by_the_clock(home, engine):
    make(home, engine)
    gated(home, "{ call = true }")
    away = home.warehouse.with_name("away")
    home.warehouse.rename(away)
    home.run("trigger", "purchases", "--day", YESTERDAY)
    assert due(home, code=4) == [(str(YESTERDAY), "load", "manual", "failed")]
    away.rename(home.warehouse)
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute("update day set changed_at = changed_at - 86400000000")
    assert due(home) == LOADED


def test_a_call_that_never_comes_is_a_failed_day_at_the_deadline(home, engine):
    make(home, engine)
    gated(home, "{ call = true }", deadline="00:00")
    assert due(home, code=4) == FAILED
    assert "nobody has said so yet" in remark(home)


def test_every_gate_must_be_open(home, engine):
    make(home, engine)
    gated(home, """{ sql = "select true" }""", '{ object = "_SUCCESS" }')
    assert due(home) == WAITING
    (home.warehouse / "_SUCCESS").touch()
    half_an_hour_later(home)
    assert due(home) == LOADED


def test_gates_survive_export_and_those_that_a_kind_has_not_are_refused(home, engine, database):
    make(home, engine)
    gates = ['{ sql = "select true" }', '{ table = "feed" }', '{ object = "{{day}}/_SUCCESS" }',
             "{ call = true }"]
    gated(home, *gates)
    exported = home.run("export").stdout
    assert f"ready = [{', '.join(gates)}]" in exported
    assert "Nothing to change" in home.apply(exported).stdout
    for kind, gate, why in (
            ("postgres", '{ object = "_SUCCESS" }', '"object" does not apply to shop, which is a'),
            ("redshift", '{ table = "a.b" }', '"table" does not apply to shop, which is a'),
            ("postgres", '{ table = "a.{{day}}" }', "which only paths of files may have")):
        toml = database.connection("shop", kind=kind) + (EVENTS + "[ingestion.purchases.schedule]\n"
                                                         ).replace('"lake"', '"shop"')
        said = home.apply(f"{toml}ready = [{gate}]\n", code=1).stderr
        assert why in said and "Ask with SQL" in said
