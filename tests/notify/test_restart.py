"""A service that is killed while it loads begins the day again, and bothers nobody with it."""
import contextlib
import sqlite3
import time

import pytest

from home import NOON_ZONE, days_ago
from told import Serving

SLOW = """
[ingestion.orders]
connection = "shop"
dataset = "events"
enabled = true
query = "select *, pg_sleep({seconds})::text as s from orders"
[ingestion.orders.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "%s"
ids = {{ userID = "user_id" }}
[ingestion.orders.schedule]
hour = 0
deadline = "00:00"
""" % NOON_ZONE


@pytest.fixture
def killed(told, database):
    """Its service was killed with -9 during the scheduled load."""
    database.sql(f"""create table orders as select timestamp '{days_ago(1)} 12:00' as ts,
                     'u' as user_id, 'order' as kind""")
    told.connection = database.connection()
    kill_during_a_load(told)
    return told


def kill_during_a_load(told):
    told.home.apply(told.connection + SLOW.format(seconds=60))
    before = len(loads(told.home))
    with Serving(told.home) as service:  # Leaving this kills it.
        service.until(lambda: [ended for ended, in loads(told.home)[before:]] == [None])
        time.sleep(0.5)


def loads(home):
    with contextlib.closing(sqlite3.connect(home.path / "catalog.db")) as catalog:
        return catalog.execute("select closed_at from load order by id").fetchall()


def status(home):
    return home.json("days", "orders")[0]["status"]


def test_the_next_start_begins_it_again_at_once_and_tells_nobody(killed):
    killed.home.apply(killed.connection + SLOW.format(seconds=0))
    with Serving(killed.home) as service:
        service.until(lambda: status(killed.home) == "succeeded", 10)
        time.sleep(2)
    assert killed.subjects() == []


def test_a_day_whose_load_dies_twice_is_told_and_not_begun_again_and_again(killed):
    kill_during_a_load(killed)
    with Serving(killed.home) as service:
        service.until(lambda: len(killed.subjects()) == 1)
        time.sleep(3)
    assert status(killed.home) == "failed" and len(loads(killed.home)) == 2
    assert "failed" in killed.subjects()[0]
