"""A service that is killed with -9 again and again while it backfills brings what it would have.

As large as one likes: MILLRACE_BACKFILLS=20 MILLRACE_BACKFILL_ROWS=100000 MILLRACE_KILL_EVERY=20.
"""
import contextlib
import os
import random
import re
import sqlite3
import sys
import time

import pytest

from home import NOON_ZONE, ROOT, Home, days_ago

sys.path.insert(0, str(ROOT / "tests/api"))

from called_service import Service, unlimited  # noqa: E402

DAYS = 30
BACKFILLS_AT_ONCE = 2  # Of four runners one is left to calls and one to what is due.
INGESTIONS = int(os.environ.get("MILLRACE_BACKFILLS", 4))
ROWS = int(os.environ.get("MILLRACE_BACKFILL_ROWS", 4000))  # A day, of each ingestion.
EVERY = float(os.environ.get("MILLRACE_KILL_EVERY", 0))  # Seconds; 0: at random moments.
SEED = int(os.environ.get("MILLRACE_SEED", 20261129))

INGESTION = """
[ingestion.{name}]
connection = "shop"
dataset = "events"
enabled = true
query = "select * from orders where shop = '{name}'"
[ingestion.{name}.mapping]
event_name = "shop"
timestamp = "ts"
timestamp_zone = "%s"
ids = {{ userID = "user_id" }}
event_value = "amount"
metadata = {{ page = "page" }}
[ingestion.{name}.schedule]
mode = "api"
""" % NOON_ZONE
NAMES = [f"orders{number}" for number in range(INGESTIONS)]
TRUTH = """select shop || ' ' || ts::date, count(*), sum(amount * 2)::bigint,
    count(distinct user_id), max(page) from orders group by 1 order by 1"""
FOUND = """select event_name || ' ' || day as what, count(*) as n, sum(value * 2)::bigint as s,
    count(distinct "unit_userID") as users, max(metadata->>'page') as page
    from events group by 1 order by 1"""


@pytest.fixture
def orders(database):
    database.sql(f"""create table orders as
        select 'orders' || i % {INGESTIONS} as shop, 'u' || i % 991 as user_id,
               timestamp '{days_ago(DAYS)}' + i * (interval '{DAYS} days' / {DAYS * ROWS}
                                                   / {INGESTIONS}) as ts,
               i % 977 * 1.5 as amount, '/p' || i % 31 as page
        from generate_series(0, {DAYS * ROWS * INGESTIONS - 1}) i""")
    database.sql(f"alter database {database.name} set log_statement = 'all'")
    return database


def made(path, database):
    home = Home(path)
    home.init(NOON_ZONE)
    home.apply(database.connection() + "".join(INGESTION.format(name=name) for name in NAMES))
    return home


def ask_for_all(home, service):
    """The runs that bring all days of all ingestions."""
    key = unlimited(home)
    runs = []
    for name in NAMES:
        asked = service.ask("POST", "/console/v1/ingestion/backfill", key, {
            "type": "postgres", "dataset": "Events", "source": [name],
            "datestamp_start": days_ago(DAYS), "datestamp_end": days_ago(1)})
        assert asked.status < 300, asked.text
        runs.append(asked.json["data"]["runID"])
    return key, runs


def catalog_says(home, sql):
    with contextlib.closing(sqlite3.connect(home.path / "catalog.db")) as catalog:
        return catalog.execute(sql).fetchone()[0]


def is_done(home):
    return catalog_says(home, "select count(*) from asked where ended_at is null") == 0


def live(home, service, seconds=None):
    """True when everything was done before the time was over; without one, before a load that this
    life began was under way."""
    known = catalog_says(home, "select count(*) from load")
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        assert service.process.poll() is None, "".join(service.log)
        if is_done(home):
            return True
        if until is None and catalog_says(
                home, f"select count(*) > {known} and count(*) > count(closed_at) from load"):
            return False
        time.sleep(0.02)
    return False


def reads(database):
    return len(re.findall(r"(?i): copy \(/\*", database.server.log()))


def test_kills_of_the_service_change_nothing_of_what_a_backfill_brings(tmp_path, orders):
    print(f"MILLRACE_SEED={SEED}")
    rng = random.Random(SEED)
    home = made(tmp_path / "killed", orders)
    before = reads(orders)
    lives = hits = 0
    with Service(home) as service:
        key, runs = ask_for_all(home, service)
        done = live(home, service, EVERY or None)
    while not done:
        # Leaving the block above, or the one below, killed it.
        lives += 1
        hits += catalog_says(home, "select count(*) from load where closed_at is null") > 0
        with Service(home) as service:
            # In a load until that was hit; then each a little longer, so that the last one comes
            # whatever the machine is.
            is_hit = lives >= 3 and hits >= 2
            done = live(home, service,
                        EVERY or (rng.uniform(0.2, 0.5 + lives / 3) if is_hit else None))
    print(f"killed {lives} times, {hits} of them while it loaded")
    assert lives >= 3 and hits >= 2, "the days are too small to be hit: MILLRACE_BACKFILL_ROWS"
    # Killed half-way, a backfill reads again the one range that it was in; so many run at once.
    assert reads(orders) - before <= INGESTIONS + BACKFILLS_AT_ONCE * lives
    with Service(home) as service:
        for run in runs:
            told = service.ask("GET", f"/console/v1/ingestion/runs/{run}", key).json["data"]
            assert told["latestStatus"] == "download_complete", told
    for name in NAMES:
        assert {row["status"] for row in home.json("days", name)} == {"succeeded"}
    found = [tuple(row.values()) for row in home.rows(FOUND)]
    assert len(found) == INGESTIONS * DAYS and found == orders.sql(TRUTH)

    peaceful = made(tmp_path / "peaceful", orders)
    for name in NAMES:
        peaceful.run("load", name, "--from", days_ago(DAYS), "--to", days_ago(1))
    assert [tuple(row.values()) for row in peaceful.rows(FOUND)] == found
    assert not [one for name in NAMES for one in home.json("check", name) if one["changed"]]
