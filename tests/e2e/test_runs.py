"""Pause, resume, retry, cancel; and what is left of a process that died."""
import json
import os
import signal
import subprocess

import pytest

from home import NOON_ZONE, days_ago
from servers.postgres import wait_until

INGESTION = """
[ingestion.{name}]
connection = "shop"
dataset = "events"
query = "{query}"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "%s"
ids = {{ userID = "user_id" }}
event_value = "amount"
{more}
""" % NOON_ZONE


def orders(database, days=10, rows=50):
    database.sql(f"""create table orders as
        select i as id, timestamp '{days_ago(days)}' + i * interval '1 day' / {rows} as ts,
               'u' || i % 7 as user_id, 'order' as kind, i * 1.5 as amount
        from generate_series(0, {days * rows - 1}) i""")


@pytest.fixture
def shop(home, database):
    orders(database)
    home.init(NOON_ZONE)
    home.database = database
    return home


def apply(home, query="select * from orders", more=""):
    home.apply(home.database.connection()
               + INGESTION.format(name="orders", query=query, more=more))


SLOW = "select *, pg_sleep(0.2)::text as s from orders"


def test_cancel_ends_a_load_of_another_process_here_and_in_the_warehouse(shop):
    apply(shop, SLOW)
    loading = subprocess.Popen(shop.command("--json", "load", "orders", "--from", days_ago(10),
                                            "--to", days_ago(1)),
                               stdout=subprocess.PIPE, text=True)
    try:
        assert wait_until(
            lambda: any("/* millrace" in text for text in shop.database.running()), 30)
        done = shop.json("cancel", "orders")
        assert len(done["loads"]) >= 1 and done["statements_left"] == 0
        told, _ = loading.communicate(timeout=20)
    finally:
        loading.kill()
    assert {one["error"]["code"] for one in json.loads(told)} <= {"cancelled", "stopped"}
    assert shop.database.running() == []
    assert {row["status"] for row in shop.json("days", "orders")} <= {"failed"}
    [run] = shop.json("run", "list")
    assert run["status"] == "failed" and run["under_way"] == 0
    shown = shop.json("run", "show", run["run"])
    assert {one["status"] for one in shown} == {"failed"}
    assert shop.run("cancel", "orders", code=3).stdout == "orders: there is nothing to cancel\n"


def test_what_was_asked_and_has_not_begun_is_not_begun_once_it_is_cancelled(shop):
    apply(shop)
    shop.run("trigger", "orders", "--day", days_ago(1))
    assert shop.json("cancel", "orders")["not_begun"] == 1
    assert shop.json("load", "--due") == []


def test_a_paused_ingestion_is_left_alone_until_it_is_resumed(shop):
    apply(shop)
    shop.run("pause", "orders", "--why", "the warehouse moves")
    shop.run("trigger", "orders", "--day", days_ago(1))
    assert shop.json("load", "--due") == []
    assert "paused: the warehouse moves" in shop.run("schedule").stdout
    shop.run("resume", "orders")
    assert [one["result"] for one in shop.json("load", "--due")] == ["loaded"]


def test_retry_asks_for_what_failed_and_for_nothing_else(shop):
    apply(shop)
    shop.run("load", "orders", "--day", days_ago(1))
    shop.database.sql("alter table orders rename to gone")
    shop.run("load", "orders", "--day", days_ago(2), code=1)
    shop.database.sql("alter table gone rename to orders")
    assert shop.json("retry", "orders")["days"] == [days_ago(2)]
    assert [(one["day"], one["result"]) for one in shop.json("load", "--due")] == \
        [(days_ago(2), "loaded")]
    shop.run("retry", "orders", code=3)


def test_statements_that_a_killed_process_left_are_ended_by_the_next(shop):
    """The server does not look for its client here, so the statement would go on for minutes."""
    database = shop.database
    database.sql("create function slow(id bigint) returns text language plpgsql as "
                 "$$ begin perform set_config('client_connection_check_interval', '0', false); "
                 "perform pg_sleep(60); return 'x'; end $$")
    apply(shop, "select *, slow(id) as s from orders")
    loading = subprocess.Popen(shop.command("load", "orders", "--day", days_ago(1)),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    assert wait_until(lambda: any("slow(" in text for text in database.running()), 30)
    os.killpg(loading.pid, signal.SIGKILL)
    loading.wait()
    killed = shop.json("days", "orders")[0]
    assert killed["status"] == "failed" and "ended while it loaded" in killed["error"]["message"]
    apply(shop)
    shop.run("load", "orders", "--day", days_ago(1))
    assert wait_until(lambda: database.running() == [], 5), database.running()


def test_a_budget_pauses_before_the_load_that_would_break_it(shop):
    apply(shop, more="[ingestion.orders.limits]\nrows_per_month = 220")
    done = shop.json("load", "orders", "--from", days_ago(10), "--to", days_ago(1), code=4)
    loaded = [one for one in done if one["status"] == "loaded"]
    assert 4 <= len(loaded) <= 5
    refused = [one["error"] for one in done if one["status"] == "failed"]
    assert refused[0]["code"] == "over_budget"
    assert "would add about 50 billable rows" in refused[0]["message"]
    assert "over budget" in shop.run("schedule").stdout
    assert shop.rows("select count(*) as n from events")[0]["n"] <= 220


def test_two_loads_at_once_do_not_pass_a_budget_together(shop):
    apply(shop, more="[ingestion.orders.limits]\nrows_per_month = 110")
    shop.run("load", "orders", "--day", days_ago(3))
    with shop.database.server.admin(shop.database.name) as other:
        other.execute("begin")
        other.execute("lock table orders in access exclusive mode")
        loads = [subprocess.Popen(shop.command("--json", "load", "orders", "--day", days_ago(ago)),
                                  stdout=subprocess.PIPE, text=True) for ago in (1, 2)]
        assert wait_until(
            lambda: sum(run["under_way"] for run in shop.json("run", "list")) == 2, 30)
        other.execute("commit")
    told = sorted((json.loads(load.communicate(timeout=60)[0])[0] for load in loads),
                  key=lambda one: one["status"])
    assert [one["status"] for one in told] == ["failed", "loaded"]
    error = told[0]["error"]
    assert error["code"] == "over_budget"
    assert "would add about 50 billable rows to the 100 of this month" in error["message"]
    assert shop.rows("select count(*) as n from events") == [{"n": 100}]
    assert "over budget" in shop.run("schedule").stdout
