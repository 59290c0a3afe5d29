"""Many days by one statement: as exact as one by one, resumed where it was cut, stopped in time."""
import json
import os
import re
import signal
import sqlite3
import subprocess

import pytest

from servers.postgres import wait_until

INGESTION = """
[ingestion.{name}]
connection = "shop"
dataset = "events"
query = "{query}"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "{time}"
timestamp_zone = "America/Los_Angeles"
ids = {{ userID = "user_id" }}
event_value = "amount"
metadata = "*"
[ingestion.{name}.limits]
max_rejected = "100%"
"""

# Sixty days over the end of summer time, in no order, with rows at each midnight, days without
# rows, rejected rows, and columns of many types.
PURCHASES = """
create table purchases as
  select i as id, at as naive, at at time zone 'America/Los_Angeles' as at, at::date as label,
         extract(epoch from at at time zone 'America/Los_Angeles')::bigint as epoch,
         case when i % 17 = 0 then '' else 'user' || i % 50 end as user_id,
         'kind' || i % 3 as kind,
         case when i % 13 = 0 then 'NaN' else i * 1.5 end::numeric as amount,
         'Ω' || i as "Text", i::text::jsonb as text_json,
         decode(lpad(to_hex(i), 6, '0'), 'hex') as bytes,
         case when i % 5 = 0 then null else i % 2 = 0 end as flag, array[i, 2] as list
  from (select i, timestamp '2026-10-01' + i * interval '16 minutes' as at
        from generate_series(0, 5399) i) as times
  where at::date not in ('2026-10-07', '2026-10-08', '2026-11-12')
  order by hashint4(i);
insert into purchases (id, naive, at, label, user_id, kind)
  select 10000 + i, midnight, midnight at time zone 'America/Los_Angeles', midnight::date, 'late',
         'midnight'
  from (select i, timestamp '2026-10-01' + i * interval '1 day' as midnight
        from generate_series(0, 60) i) as midnights;
"""
DAYS = ("--from", "2026-10-01", "--to", "2026-11-29")


def make(home, database, **times):
    database.sql(PURCHASES)
    home.init("America/Los_Angeles")
    home.apply(database.connection() + "".join(
        INGESTION.format(name=name, time=time, query="select * from purchases")
        for name, time in times.items()))


class Statements:
    """What a database was asked since."""

    def __init__(self, database):
        self.server = database.server
        database.sql(f"alter database {database.name} set log_statement = 'all'")
        self.start = len(self.server.log())

    def count(self, pattern):
        return len(re.findall(pattern, self.server.log()[self.start:]))


READ = r"(?i)(?:statement|execute [^:]*): copy \("


def stored(home, load):
    return home.rows("select * exclude (ingestion, _ingestion, _load) from events "
                     f"where _load = '{load}' order by all")


@pytest.mark.parametrize("time", ["at", "naive", "label", "epoch"])
def test_a_range_is_read_at_once_and_each_day_is_as_if_it_were_loaded_alone(home, database, time):
    make(home, database, range=time, alone=time)
    statements = Statements(database)
    loaded = home.json("load", "range", *DAYS)
    assert [one["status"] for one in loaded].count("loaded") >= 57
    assert {one["status"] for one in loaded} <= {"loaded", "empty"}
    assert statements.count(READ) == 1
    for day in "2026-10-01", "2026-10-07", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-29":
        [alone] = home.json("load", "alone", "--day", day)
        together = next(one for one in loaded if one["day"] == day)
        assert alone["certificate"] == together["certificate"]
        assert stored(home, alone["load"]) == stored(home, together["load"])


def published(home):
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        return catalog.execute("select count(*) from version").fetchone()[0]


def test_what_was_killed_is_resumed_without_what_is_there(home, database):
    make(home, database, purchases="at")
    killed = subprocess.Popen(home.command("load", "purchases", *DAYS), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: published(home) > 5, 30)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    before = published(home)
    rest = home.json("load", "purchases", *DAYS, "--missing")
    assert len(rest) == 60 - before
    [found] = home.rows("select count(*) as n, count(distinct day) as days from events")
    [truth] = database.sql("select count(*) from purchases where user_id <> ''"
                           " and at < timestamptz '2026-11-30 00:00 America/Los_Angeles'")
    assert found["n"] == truth[0]


def test_five_days_that_fail_alike_stop_the_range_and_it_says_why(home, database):
    make(home, database, purchases="at")
    database.sql("alter table purchases rename column user_id to who")
    done = home.json("load", "purchases", *DAYS, code=4)
    assert len(done) == 60
    assert {one["status"] for one in done} == {"failed"}
    codes = {one["error"]["code"] for one in done}
    assert codes <= {"missing_column", "range_stopped"}


def test_a_range_whose_placeholders_choose_rows_is_read_day_by_day(home, database):
    database.sql(PURCHASES)
    home.init("America/Los_Angeles")
    home.apply(database.connection() + INGESTION.format(
        name="own", time="at",
        query="select * from purchases where at >= {{day_start}} and at < {{day_end}}"))
    statements = Statements(database)
    home.run("load", "own", "--from", "2026-10-01", "--to", "2026-10-04")
    assert statements.count(READ) == 4


def test_ctrl_c_ends_the_statement_and_leaves_the_days_as_they_were(home, database):
    database.sql("create table slow as select timestamptz '2026-10-01' + i * interval '1 hour' "
                 "as at, 'u' as user_id, 'k' as kind, 1 as amount from generate_series(0, 999) i")
    home.init("UTC")
    home.apply(database.connection() + INGESTION.format(
        name="slow", time="at",
        query="select at, user_id, kind, amount, pg_sleep(0.05)::text as s from slow"))
    loading = subprocess.Popen(home.command("--json", "load", "slow", "--from", "2026-10-01",
                                            "--to", "2026-11-10"),
                               stdout=subprocess.PIPE, text=True)
    assert wait_until(lambda: any("/* millrace" in text for text in database.running()), 60)
    loading.send_signal(signal.SIGINT)
    told, _ = loading.communicate(timeout=10)
    assert wait_until(lambda: database.running() == [], 3)
    assert {one["error"]["code"] for one in json.loads(told)} <= {"cancelled", "stopped"}
