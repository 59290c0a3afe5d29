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
{more}
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
# rows, rejected rows, rows in a partition later than their day, and columns of many types.
PURCHASES = """
create table purchases as
  select i as id, t as naive, t at time zone 'America/Los_Angeles' as moment, t::date as label,
         extract(epoch from t at time zone 'America/Los_Angeles')::bigint as epoch,
         t::date + i % 3 as ds,
         case when i % 17 = 0 then '' else 'user' || i % 50 end as user_id,
         'kind' || i % 3 as kind,
         case when i % 13 = 0 then 'NaN' else i * 1.5 end::numeric as amount,
         'Ω' || i as "Text", i::text::jsonb as text_json,
         decode(lpad(to_hex(i), 6, '0'), 'hex') as bytes,
         case when i % 5 = 0 then null else i % 2 = 0 end as flag, array[i, 2] as list
  from (select i, timestamp '2026-10-01' + i * interval '16 minutes' as t
        from generate_series(0, 5399) i) as times
  where t::date not in ('2026-10-07', '2026-10-08', '2026-11-12')
  order by hashint4(i);
insert into purchases (id, naive, moment, label, ds, user_id, kind)
  select 10000 + i, t, t at time zone 'America/Los_Angeles', t::date, t::date, 'late', 'midnight'
  from (select i, timestamp '2026-10-01' + i * interval '1 day' as t
        from generate_series(0, 60) i) as midnights;
"""
# The same in the engine's words, with types that only files have.
IN_FILES = """
select i as id, t as naive, t at time zone 'America/Los_Angeles' as moment, t::date as label,
       epoch(t at time zone 'America/Los_Angeles')::bigint as epoch,
       t::date + (i % 3)::integer as ds,
       case when i % 17 = 0 then '' else 'user' || i % 50 end as user_id,
       'kind' || i % 3 as kind,
       case when i % 13 = 0 then 'NaN' else (i * 1.5)::varchar end as amount,
       'Ω' || i as "Text", {'i': i} as text_json, to_hex(i)::blob as bytes,
       case when i % 5 = 0 then null else i % 2 = 0 end as flag, [i, 2] as list,
       (i % 256)::utinyint as small, t::timestamp_ns as fine
from (select i, timestamp '2026-10-01' + i * interval '16 minutes' as t from range(5400) r(i))
where t::date not in ('2026-10-07', '2026-10-08', '2026-11-12')
union all by name
select 10000 + i as id, t as naive, t at time zone 'America/Los_Angeles' as moment,
       t::date as label, t::date as ds, 'late' as user_id, 'midnight' as kind
from (select i, timestamp '2026-10-01' + i * interval '1 day' as t from range(61) r(i))
"""


class TableShop:
    """Purchases as a table of PostgreSQL, or of what poses as Redshift."""

    query = "select * from purchases"

    def __init__(self, kind, request):
        self.kind, self.database = kind, request.getfixturevalue("database")
        if kind == "redshift":
            self.database.with_redshift_names()
        self.database.sql(PURCHASES)
        self.database.sql(f"alter database {self.database.name} set log_statement = 'all'")
        self.seen = 0

    def connection(self):
        return self.database.connection(kind=self.kind)

    def count(self, where):
        return self.database.sql(f"select count(*) from purchases where {where}")[0][0]

    def reads(self):
        """Statements that brought rows since this was asked before."""
        log = self.database.server.log()
        since, self.seen = self.seen, len(log)
        # Of Redshift, counts and fingerprints begin with another word than a column's name.
        read = {"postgres": r"(?i)(?:statement|execute [^:]*): copy \(",
                "redshift": r'execute <unnamed>: /\* millrace \S+ \*/ select "'}[self.kind]
        return len(re.findall(read, log[since:]))


class FileShop:
    """Purchases as four Parquet files of a folder, or of a bucket."""

    # With an integer of 128 bits, which files do not have and sums are.
    query = "select *, id::hugeint * 100000000000000000000 as far from 'purchases/*.parquet'"

    def __init__(self, kind, request):
        self.kind, self.home = kind, request.getfixturevalue("home")
        self.engine = request.getfixturevalue("engine")
        folder = self.home.warehouse / "purchases"
        folder.mkdir()
        for part in range(4):
            self.engine.sql(f"copy (select * from ({IN_FILES}) where id % 4 = {part} "
                            f"order by hash(id)) to '{folder}/{part}.parquet' (format parquet)")
        if kind == "s3":
            self.server = request.getfixturevalue("s3_server")
            client = request.getfixturevalue("s3")
            client.create_bucket(Bucket="ranges")
            for file in folder.iterdir():
                client.upload_file(str(file), "ranges", f"purchases/{file.name}")
            self.seen = 0

    def connection(self):
        if self.kind == "files":
            return self.home.connect_files().replace("lake", "shop")
        lines = self.server.settings(bucket="ranges")
        return '[connection.shop]\nkind = "s3"\n' + "".join(
            f'{key} = "{value}"\n' for key, value in lines.items())

    def count(self, where):
        file = f"'{self.home.warehouse}/purchases/*.parquet'"
        return int(self.engine.sql(f"select count(*) from {file} where {where}")[0][0])

    def reads(self):
        """Requests for the objects since this was asked before; of files nobody counts them."""
        if self.kind == "files":
            return 1
        log = self.server.log()
        since, self.seen = self.seen, len(log)
        return len(re.findall(r'"GET /ranges/purchases/', log[since:]))


SHOPS = {"postgres": TableShop, "redshift": TableShop, "files": FileShop, "s3": FileShop}


@pytest.fixture
def shop(home, request):
    """The shop of the kind asked for, behind a home's connection."""
    home.init("America/Los_Angeles")
    return SHOPS[request.param](request.param, request)


every_kind = pytest.mark.parametrize("shop", SHOPS, indirect=True)
DAYS = ("--from", "2026-10-01", "--to", "2026-11-29")


def define(home, shop, *names, query=None, time="moment", more=""):
    home.apply(shop.connection() + "".join(
        INGESTION.format(name=name, query=query or shop.query, time=time, more=more)
        for name in names))


def stored(home, load):
    return home.rows("select * exclude (ingestion, _ingestion, _load) from events "
                     f"where _load = '{load}' order by all")


PARTITION = 'partition = { column = "ds", lag_days = 1 }'
CASES = ([("postgres", time, "") for time in ("naive", "label", "epoch")]
         + [(kind, "moment", more) for kind in SHOPS for more in ("", PARTITION)])


@pytest.mark.parametrize("shop, time, more", CASES, indirect=["shop"])
def test_a_range_is_read_at_once_and_each_day_is_as_if_it_were_loaded_alone(
        home, shop, time, more):
    define(home, shop, "range", "alone", time=time, more=more)
    shop.reads()
    loaded = home.json("load", "range", *DAYS)
    reads = shop.reads()
    assert [one["status"] for one in loaded].count("loaded") >= 57
    assert {one["status"] for one in loaded} <= {"loaded", "empty"}
    alone_reads = 0
    for day in "2026-10-01", "2026-10-07", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-29":
        [alone] = home.json("load", "alone", "--day", day)
        alone_reads += shop.reads()
        together = next(one for one in loaded if one["day"] == day)
        assert alone["certificate"] == together["certificate"]
        assert stored(home, alone["load"]) == stored(home, together["load"])
    # One statement; or not many more requests than a day of files takes, which skips parts of some.
    assert reads == 1 or shop.kind == "s3" and reads < alone_reads / 2


def published(home):
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        return catalog.execute("select count(*) from version").fetchone()[0]


@every_kind
def test_what_was_killed_is_resumed_without_what_is_there(home, shop):
    define(home, shop, "purchases")
    killed = subprocess.Popen(home.command("load", "purchases", *DAYS), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: published(home) > 5, 30)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    before, once = published(home), shop.reads()
    rest = home.json("load", "purchases", *DAYS, "--missing")
    assert len(rest) == 60 - before
    assert shop.reads() <= once
    [found] = home.rows("select count(*) as n, count(distinct day) as days from events")
    assert found == {"n": shop.count("user_id <> '' and naive < timestamp '2026-11-30'"),
                     "days": 60}


@every_kind
def test_one_day_that_cannot_be_read_does_not_stop_the_others(home, shop):
    define(home, shop, "purchases", query=shop.query.replace(
        "*", "*, cast(case when label = date '2026-10-20' then 'x' else '1' end as int) as n", 1))
    done = home.json("load", "purchases", *DAYS, code=4)
    failed = [(one["day"], one["error"]["fault"]) for one in done if one["status"] == "failed"]
    assert failed == [("2026-10-20", "bad_data")]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_five_days_that_fail_alike_stop_the_range_and_it_says_why(home, shop):
    define(home, shop, "purchases")
    shop.database.sql("alter table purchases rename column user_id to who")
    done = home.json("load", "purchases", *DAYS, code=4)
    assert len(done) == 60
    assert {one["status"] for one in done} == {"failed"}
    codes = {one["error"]["code"] for one in done}
    assert codes <= {"missing_column", "range_stopped"}


@pytest.mark.parametrize("shop", ["postgres", "redshift"], indirect=True)
@pytest.mark.parametrize("where", ["moment >= {{day_start}} and moment < {{day_end}}",
                                   "label between {{from}} and {{to}}", "label = {{day}}"])
def test_a_range_whose_placeholders_choose_rows_is_read_day_by_day(home, shop, where):
    define(home, shop, "own", query=f"{shop.query} where {where}")
    shop.reads()
    home.run("load", "own", "--from", "2026-10-01", "--to", "2026-10-04")
    assert shop.reads() == 4


def test_ctrl_c_ends_the_statement_and_leaves_the_days_as_they_were(home, database):
    database.sql("create table slow as select timestamptz '2026-10-01' + i * interval '1 hour' "
                 "as at, 'u' as user_id, 'k' as kind, 1 as amount from generate_series(0, 999) i")
    home.init("UTC")
    home.apply(database.connection() + INGESTION.format(
        name="slow", time="at", more="",
        query="select at, user_id, kind, amount, pg_sleep(0.05)::text as s from slow"))
    loading = subprocess.Popen(home.command("--json", "load", "slow", "--from", "2026-10-01",
                                            "--to", "2026-11-10"),
                               stdout=subprocess.PIPE, text=True)
    assert wait_until(lambda: any("/* millrace" in text for text in database.running()), 60)
    loading.send_signal(signal.SIGINT)
    told, _ = loading.communicate(timeout=10)
    assert wait_until(lambda: database.running() == [], 3)
    told = json.loads(told)
    assert {one["error"]["code"] for one in told} <= {"cancelled", "stopped"}
    # One had begun, for all; the others are as if nobody had asked for them.
    assert [one["day"] for one in told] == ["2026-10-01"]
    assert [row["day"] for row in home.json("days", "slow")] == ["2026-10-01"]
