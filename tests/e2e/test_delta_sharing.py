"""The `delta_sharing` kind against the protocol over real Delta tables (servers/sharing.py),
and that server against the vendor's own client. The vendor's server was reached by no test."""
import datetime
import decimal
import os
import re
import shlex
import shutil
import signal
import subprocess
import uuid

import botocore.exceptions
import delta_sharing as vendor
import pyarrow as pa
import pytest

from purchases import ingestion
from servers.postgres import wait_until

TABLE = "retail.shop.purchases"
RANGE = ("--from", "2026-11-01", "--to", "2026-11-03")
DAY = ("--day", "2026-11-02")
UTC = datetime.timezone.utc


def purchases(days=(1, 2, 3), amount=1.5):
    """24 purchases on each of these days of November 2026, half past each hour."""
    numbers = [24 * (day - 1) + hour for day in days for hour in range(24)]
    begin = datetime.datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
    times = [begin + datetime.timedelta(hours=i) for i in numbers]
    cents = decimal.Decimal("0.01")
    return pa.table({
        "id": pa.array(numbers, pa.int64()),
        "ts": pa.array(times, pa.timestamp("us", "UTC")),
        "day": pa.array([t.date() for t in times], pa.date32()),
        "user_id": [f"user{i % 10}" for i in numbers],
        "kind": ["purchase"] * len(numbers),
        "device": ["phone"] * len(numbers),
        "amount": pa.array([decimal.Decimal(str(i * amount)).quantize(cents) for i in numbers],
                           pa.decimal128(12, 2)),
        "note": [None if i % 3 == 0 else f"n'\\☃{i}" for i in numbers],
        "pair": pa.array([[i, i + 1] for i in numbers], pa.list_(pa.int64())),
    })


@pytest.fixture
def shop(home, sharing):
    """A file of the shared table for each of three days."""
    shutil.rmtree(sharing.path(TABLE), ignore_errors=True)
    for day in (1, 2, 3):
        sharing.write(TABLE, purchases([day]), mode="append")
    home.init()
    home.apply(sharing.connection() + ingestion(query=f"select * from '{TABLE}'"))
    return home


def fetched(s3_server):
    """How many files of the table were fetched, by the storage's own log: all that it was asked for
    before this."""
    mark = str(uuid.uuid4())
    with pytest.raises(botocore.exceptions.ClientError):
        s3_server.client().head_object(Bucket="shared", Key=mark)
    assert wait_until(lambda: mark in s3_server.log())
    return len(re.findall(r'"GET /shared/retail/shop/purchases/\S+\.parquet\S* HTTP',
                          s3_server.log()))


def test_the_vendors_own_client_reads_the_same_rows_from_the_server(shop, sharing, tmp_path):
    profile = tmp_path / "config.share"
    profile.write_text(sharing.profile())
    client = vendor.SharingClient(vendor.protocol.DeltaSharingProfile.read_from_file(str(profile)))
    assert [f"{t.share}.{t.schema}.{t.name}" for t in client.list_all_tables()] == [
        t["name"] for t in shop.json("connection", "tables", "shop")]
    theirs = vendor.load_as_pandas(f"{profile}#{TABLE}")
    shop.run("load", "purchases", *RANGE)
    ours = shop.rows("select (metadata->>'id')::int as id, epoch_us(ts) as ts, value, "
                     "metadata->>'note' as note from events order by id")
    assert [(r["id"], r["ts"], r["value"], r["note"]) for r in ours] == [
        (r.id, int(r.ts.timestamp() * 1_000_000), float(r.amount), r.note)
        for r in theirs.sort_values("id").itertuples()]


def test_days_are_loaded_and_a_change_is_found_reloaded_and_undone(shop, sharing):
    outcomes = shop.json("load", "purchases", *RANGE)
    assert [o["status"] for o in outcomes] == ["loaded"] * 3
    proof = outcomes[1]["certificate"]
    assert proof["read"] == proof["loaded"] == proof["source_count"] == 24
    total = "select round(sum(value), 2) as total from events where day = '2026-11-02'"
    before = shop.rows(total)[0]["total"]
    sharing.delete(TABLE, "day = '2026-11-02'")
    sharing.write(TABLE, purchases([2], amount=2.5), mode="append")
    answers = shop.json("check", "purchases")
    assert [(r["day"], r["changed"], r["by"]) for r in answers] == [
        ("2026-11-01", False, "token"), ("2026-11-02", True, "fingerprint"),
        ("2026-11-03", False, "token")]
    shop.run("load", "purchases", *DAY)
    assert shop.rows(total)[0]["total"] > before
    shop.run("undo", "purchases", *DAY)
    assert shop.rows(total)[0]["total"] == before


def test_files_that_are_written_anew_with_the_same_rows_change_nothing(shop, sharing):
    shop.run("load", "purchases", *RANGE)
    sharing.compact(TABLE)
    assert [(r["changed"], r["by"]) for r in shop.json("check", "purchases")] == [
        (False, "fingerprint")] * 3


def test_a_day_fetches_its_own_files_once(shop, s3_server):
    before = fetched(s3_server)
    shop.run("load", "purchases", *DAY)
    assert fetched(s3_server) - before == 1
    shop.run("check", "purchases")
    assert fetched(s3_server) - before == 1


@pytest.mark.parametrize("query", [
    f"select *, count(*) over () as n from '{TABLE}'",
    f"select p.* from '{TABLE}' p join '{TABLE}' q using (id)",
    f"select * exclude (ts), ts - interval 1 day as ts from '{TABLE}'",
    f"select distinct on (user_id) * from '{TABLE}'",
])
def test_sql_that_looks_beyond_a_day_reads_all_files(shop, sharing, s3_server, query):
    shop.apply(sharing.connection() + ingestion(query=query))
    before = fetched(s3_server)
    shop.run("load", "purchases", *DAY)
    assert fetched(s3_server) - before == 3


def test_a_day_before_the_first_row_has_none(shop, s3_server):
    before = fetched(s3_server)
    [outcome] = shop.json("load", "purchases", "--day", "2026-10-20")
    assert outcome["status"] == "empty"
    # A few rows of any day, to see whether its times are misread: these files are small.
    assert fetched(s3_server) - before == 3


def test_days_of_a_partition_have_its_value_and_fetch_its_files(home, sharing, s3_server):
    shutil.rmtree(sharing.path(TABLE), ignore_errors=True)
    sharing.write(TABLE, purchases(), partition_by=["day", "device"])
    home.init()
    home.apply(sharing.connection() + """
[ingestion.kpi]
connection = "shop"
dataset = "metrics"
query = "select * from 'QUERY' where id % 24 < 10"
[ingestion.kpi.mapping]
date = "day"
units = { userID = "user_id" }
metrics = { spent = "amount" }
""".replace("QUERY", TABLE))
    before = fetched(s3_server)
    [outcome] = home.json("load", "kpi", *DAY)
    assert outcome["certificate"]["loaded"] == 10
    assert fetched(s3_server) - before == 1
    rows = home.json("sample", "--connection", "shop", "--query",
                     f"select distinct day::varchar as day, device from '{TABLE}' order by 1")
    assert rows["rows"] == [{"day": f"2026-11-0{day}", "device": "phone"} for day in (1, 2, 3)]


def test_a_column_that_older_files_lack_is_null_there(shop, sharing):
    more = purchases([4]).append_column("coupon", pa.array(["c"] * 24))
    sharing.write(TABLE, more, mode="append")
    shop.run("load", "purchases", "--from", "2026-11-03", "--to", "2026-11-04")
    assert shop.rows("select day::varchar as day, count(metadata->>'coupon') as n from events "
                     "group by 1 order by 1") == [{"day": "2026-11-03", "n": 0},
                                                  {"day": "2026-11-04", "n": 24}]


def test_links_that_have_ended_are_asked_for_once_more(shop, sharing):
    sharing.stale = 2  # of the look before, and of the first one while it loads
    shop.run("load", "purchases", *DAY)
    assert shop.rows("select count(*) as n from events") == [{"n": 24}]


def test_links_that_lead_nowhere_fail_the_day_without_showing_them(shop, sharing):
    sharing.stale = 100
    done = shop.run("load", "purchases", *DAY, code=1)
    sharing.stale = 0
    assert "a file of it is gone" in done.stderr and "X-Amz" not in done.stdout + done.stderr
    assert shop.rows("select count(*) as n from events") == [{"n": 0}]


@pytest.mark.parametrize("link, said", [
    ("http://storage.example.com/a.parquet?sig=s3cret", "storage.example.com that is not https"),
    ("file:///etc/passwd?sig=s3cret", "that is not https"),
    ("https://127.0.0.1:1/a.parquet?sig=s3cret", "fetching rows from 127.0.0.1:1 failed"),
])
def test_a_link_that_is_not_safe_or_leads_to_nobody_is_told_without_its_secret(
        shop, sharing, link, said):
    sharing.link = link
    done = shop.run("load", "purchases", *DAY, code=1)
    sharing.link = None
    assert said in done.stdout + done.stderr and "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize("answer, fault, said", [
    ((400, "DS_UNSUPPORTED_DELTA_TABLE_FEATURES: delta.deletionVectors"), "misconfigured",
     "deletion vectors"),
    ((403, "no"), "misconfigured", "grant the share"),
    ((429, "slowly"), "throttled", "429"),
    ((500, "oh"), "unavailable", "answered 500: oh"),
])
def test_a_refusal_fails_the_day_and_says_what_to_do(shop, sharing, answer, fault, said):
    shop.run("load", "purchases", *DAY)
    sharing.refused = (100, *answer)
    done = shop.run("--json", "load", "purchases", *DAY, code=1)
    sharing.refused = (0, 0, "")
    assert f'"fault": "{fault}"' in done.stdout and said in done.stdout, done.stdout
    assert shop.rows("select count(*) as n from events") == [{"n": 24}]


@pytest.mark.parametrize("profile, said", [
    ({"bearerToken": "wrong"}, "does not accept the token"),
    ({"bearerToken": ""}, "bearerToken is missing"),
    ({"endpoint": "http://example.com/x"}, "neither https nor this machine"),
    ({"type": "oauth_client_credentials"}, "only bearer_token"),
    ({"endpoint": "http://127.0.0.1:1"}, "connecting to http://127.0.0.1:1 failed"),
])
def test_a_profile_that_does_not_fit_is_told_apart(shop, sharing, profile, said):
    given = {"SHARE_PROFILE": sharing.profile(**profile)}
    done = shop.run("connection", "test", "shop", code=1, env=given)
    assert said in done.stdout + done.stderr
    assert "dss-millrace" not in done.stdout + done.stderr


@pytest.mark.parametrize("query, said", [
    ("select * from 'retail.shop.nothing'", "does not exist"),
    ("select * from 'purchases'", "share.schema.table"),
    (f"select * from {TABLE}", "share.schema.table"),
    (f"select * from read_parquet('{TABLE}')", "no file for a function"),
    ("select * from '/etc/passwd'", "share.schema.table"),
    (f"select nonsense from '{TABLE}'", "nonsense"),
])
def test_a_query_that_cannot_be_read_says_why(shop, query, said):
    done = shop.run("sample", "--connection", "shop", "--query", query, code=1)
    assert said in done.stderr, done.stderr


def test_ready_when_the_table_was_written(shop, sharing):
    shop.apply(sharing.connection() + ingestion(query=f"select * from '{TABLE}'") + f"""
[ingestion.purchases.schedule]
ready = [{{ table = "{TABLE}" }}]
""")
    assert shop.run("ingestion", "show", "purchases").returncode == 0


def test_a_load_that_is_stopped_ends_soon_and_leaves_no_files(shop, sharing, tmp_path):
    query = (f"select p.* from '{TABLE}' p, range(1000000000000) r(i) "
             "where hash(r.i) = 1 and p.id >= 0")
    shop.apply(sharing.connection() + ingestion(query=query))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    load = subprocess.Popen(shop.command("load", "purchases", *DAY), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ,
                                                           "TMPDIR": str(scratch)})
    assert wait_until(lambda: list(scratch.rglob("*.parquet")))
    load.send_signal(signal.SIGINT)
    load.communicate(timeout=30)
    assert not list(scratch.rglob("*.parquet"))


@pytest.mark.parametrize("size", ["4k", "8k"])
def test_a_scratch_that_is_full_fails_the_day_and_what_was_there_stays(shop, tmp_path, size):
    shop.run("load", "purchases", *DAY)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    load = shlex.join(shop.command("load", "purchases", *DAY))
    done = subprocess.run(
        ["unshare", *rights, "--mount", "sh", "-c",
         f"mount -t tmpfs -o size={size} tmpfs {scratch} && exec {load}"],
        capture_output=True, text=True, timeout=60, env={**os.environ, "TMPDIR": str(scratch)})
    assert done.returncode == 1 and "Free some space there" in done.stdout + done.stderr, done
    assert shop.rows("select count(*) as n from events") == [{"n": 24}]
