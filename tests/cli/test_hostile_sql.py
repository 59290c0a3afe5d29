"""Customer SQL that wants more than to read its warehouse: refused with a message, and nothing is
written, lost or shown."""
import os
import subprocess

import pytest

from conftest import DAY

LEAKS = ("root:x:", "TOPSECRET", "from-the-environment")


@pytest.fixture(scope="module")
def shop(known_shop):
    """The home with a secret to steal, and links that lead out of the warehouse."""
    (known_shop.path / "secrets").mkdir(mode=0o700, exist_ok=True)
    (known_shop.path / "secrets" / "token").write_text("TOPSECRET\n")
    (known_shop.warehouse / "etc").symlink_to("/etc")
    (known_shop.warehouse / "passwd.csv").symlink_to("/etc/passwd")
    (known_shop.warehouse / "plain.txt").write_text("a,b\n1,2\n")
    return known_shop


def files_of(shop):
    """All there is below the test's folder but the catalog, which every load writes."""
    found = {}
    for folder, _, names in os.walk(shop.path.parent):
        for name in names:
            path = os.path.join(folder, name)
            if "catalog.db" not in name and "/store/" not in path:
                found[path] = os.lstat(path).st_size
    return found


READS = [
    "select * from read_csv('/etc/passwd', sep = ':')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from \"/etc/passwd\"",
    "from '/etc/passwd'",
    "select * from glob('/etc/*')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_metadata('/etc/passwd')",
    "select * from 'file:///etc/passwd'",
    "select * from read_text('/proc/self/environ')",
    "select (select content from read_text('/etc/passwd'))",
    "select * from (select 1) q, lateral (select * from read_text('/etc/passwd'))",
    "with x as (select * from read_text('/etc/passwd')) select * from x",
    "select 1 where exists (select * from read_text('/etc/passwd'))",
    "select 1 union all select length(content) from read_text('/etc/passwd')",
    "select * from read_csv(['plain.txt', '/etc/passwd'])",
    "select * from read_text('/etc' || '/passwd')",
    "select * from read_text(chr(47) || 'etc/passwd')",
    "select * from read_text('../../../../../../etc/passwd')",
    "select * from 'etc/passwd'",
    "select * from 'passwd.csv'",
    "select * from '*.csv'",
    "select * from read_csv('**/*.csv')",
    "select * from read_text('~/.ssh/id_rsa')",
    "select * from read_blob('{home}/catalog.db')",
    "select * from '{home}/catalog.db'",
    "select * from sqlite_scan('{home}/catalog.db', 'connection')",
    "select * from read_text('{home}/secrets/token')",
    "select * from read_text('../home/secrets/token')",
    "select * from '{home}/millrace.toml'",
    "select * from 'http://127.0.0.1:1/x.csv'",
    "select * from 's3://bucket/x.parquet'",
    "select getenv('STOLEN')",
    "select * from duckdb_secrets()",
    "select * from which_secret('s3://bucket', 's3')",
    "select * from duckdb_settings()",
    "select * from query('select * from read_text(''/etc/passwd'')')",
    "select * from query_table('x')",
    "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
]
STATEMENTS = [
    "copy (select 1) to '{out}/stolen.csv'",
    "copy (select 1) to '{warehouse}/new.csv'",
    "copy (select 1) to 'new.csv'",
    "export database '{out}/all'",
    "attach '{out}/x.db'",
    "attach '{home}/catalog.db' (type sqlite)",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "reset enable_external_access",
    "pragma enable_external_access",
    "pragma database_list",
    "call enable_logging()",
    "select * from enable_logging()",
    "create secret (type s3, key_id 'a', secret 'b')",
    "create table x as select 1",
    "create or replace view events as select 1",
    "insert into events select * from events",
    "update events set value = 0",
    "delete from events",
    "drop view events",
    "begin",
    "checkpoint",
    "explain analyze select 1",
    "prepare x as select 1",
    "select 1; select 2",
    "select 1; copy (select 1) to '{out}/stolen.csv'",
    "select 1 -- a comment\n; drop view events",
    "select 1 /* ; */; drop view events",
    "select 1) as q; copy (select 1) to '{out}/stolen.csv'; select * from (select 1",
    "select 1) union all select length(content) from read_text('/etc/passwd') --",
    "select 1 /*",
    "with x as (delete from events returning *) select * from x",
    "with x as (insert into events select 1 returning *) select * from x",
    "",
    "  -- nothing\n",
]


def filled(shop, sql):
    return (sql.replace("{home}", str(shop.path)).replace("{out}", str(shop.path.parent))
            .replace("{warehouse}", str(shop.warehouse)))


def require_refused(shop, done, sql):
    told = done.stdout + done.stderr
    assert done.returncode in (1, 3), f"{sql}\n{told}"
    assert "error: " in done.stderr and "what to do: " in done.stderr, f"{sql}\n{told}"
    assert "bug" not in done.stderr, f"{sql}\n{told}"
    assert not any(leak in told for leak in LEAKS), f"{sql}\n{told}"


def run(shop, *words):
    """Whatever the exit code."""
    return subprocess.run(shop.command(*words), capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, "STOLEN": "from-the-environment"})


@pytest.mark.parametrize("how", [["query"], ["sample", "--connection", "lake", "--query"]],
                         ids=["query", "sample"])
@pytest.mark.parametrize("which", ["reads", "statements"])
def test_hostile_sql_is_refused_and_touches_nothing(shop, how, which):
    before = files_of(shop)
    for sql in {"reads": READS, "statements": STATEMENTS}[which]:
        require_refused(shop, run(shop, *how, filled(shop, sql)), sql)
    assert files_of(shop) == before
    assert shop.rows("select count(*) as n from events") == [{"n": 10}]


INGESTED = ["select * from read_text('/etc/passwd')", "select * from 'passwd.csv'",
            "select * from read_text('{home}/secrets/token')",
            "select 1 as ts; copy (select 1) to '{out}/stolen.csv'",
            "copy (select 1) to '{out}/stolen.csv'",
            "select * from '../home/catalog.db'"]


@pytest.mark.parametrize("sql", INGESTED)
def test_a_hostile_ingestion_loads_nothing(shop, sql):
    before = files_of(shop)
    toml = shop.path / "hostile.toml"
    toml.write_text(f"""
[ingestion.hostile]
connection = "lake"
dataset = "events"
query = '''{filled(shop, sql)}'''
[ingestion.hostile.mapping]
event_name = {{ literal = "x" }}
timestamp = "ts"
ids = {{ userID = "content" }}
""")
    applied = run(shop, "apply", toml)
    if applied.returncode == 0:  # else it was refused before anything ran
        for verb in "load", "validate", "sample":
            done = run(shop, verb, "hostile", "--day", DAY)
            assert done.returncode == 1 and "what to do: " in done.stderr, done.stderr
            assert not any(leak in done.stdout + done.stderr for leak in LEAKS)
        run(shop, "ingestion", "remove", "hostile", "--with-data")
    toml.unlink()
    assert files_of(shop) == before
    assert shop.rows("select count(*) as n from events") == [{"n": 10}]


def test_plain_questions_are_answered_all_the_same(shop):
    for sql in ("values (1)", "from events", "(select 1);", "select 1 -- ; drop", "table events",
                "with x as (select 1 as copy) select * from x", "select 'attach; drop' as set_"):
        assert run(shop, "query", sql).returncode == 0, sql
    for sql in ("select * from 'events/*.parquet'", "select * from read_parquet('kpi.parquet')",
                "select count(*) from glob('events/*')", "from read_csv('plain.txt')"):
        assert run(shop, "sample", "--connection", "lake", "--query", sql).returncode == 0, sql
