"""The `postgres` kind against a real PostgreSQL: the README's commands, the journey of a day."""
import os
import pty
import re
import select
import signal
import subprocess

import pytest

from home import BUILD, ROOT
from purchases import ingestion
from servers.postgres import wait_until

RANGE = ("--from", "2026-11-01", "--to", "2026-11-03")
DAY = ("--day", "2026-11-02")

PURCHASES = """
create table purchases (id int, ts timestamptz, user_id text, kind text, amount numeric(12,2),
                        page text, primary key (id));
insert into purchases
  select i, timestamptz '2026-11-01 00:30+00' + i * interval '1 hour', 'user' || i % 10,
         'purchase', i * 1.5, 'page' || i % 3
  from generate_series(0, 71) i;
"""

@pytest.fixture
def shop(home, database):
    """24 purchases on each of the first three days of November 2026."""
    database.sql(PURCHASES)
    home.init()
    home.apply(database.connection() + ingestion())
    return home


# The README


def readme_commands():
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## Your own PostgreSQL"):]
    return re.search(r"```\n(.*?)```", section, re.S)[1].strip().splitlines()


def typed(script, answers, env, folder):
    """What a terminal shows while the script runs in it and a person answers what it asks."""
    person, terminal = pty.openpty()
    child = subprocess.Popen(["bash", "-e", "-c", script], stdin=terminal, stdout=terminal,
                             stderr=terminal, env=env, cwd=folder, start_new_session=True)
    os.close(terminal)
    shown = unanswered = ""
    while select.select([person], [], [], 60)[0]:
        try:
            text = os.read(person, 4096).decode()
        except OSError:  # the terminal's last user has gone
            break
        shown, unanswered = shown + text, unanswered + text
        for question, answer in answers.items():
            if re.search(question, unanswered):
                os.write(person, answer.encode() + b"\n")
                unanswered = ""
    os.close(person)
    return child.wait(timeout=10), shown


def test_the_commands_of_the_readme_load_yesterday_from_a_postgresql(database, tmp_path):
    database.sql("""
        create table purchases (id bigint primary key, ts timestamptz, user_id text, kind text,
                                amount numeric, page text);
        insert into purchases
          select i, now() - i * interval '10 minutes', 'user' || i % 50, 'purchase', i * 0.5, '/'
          from generate_series(0, 1000) i""")
    commands = readme_commands()
    assert commands[0] == "make install" and len(commands) <= 6
    # Building again is for other tests: this installs what was built, as that verb does.
    commands[0] = f"cmake --install {BUILD} --prefix ~/.local > /dev/null"
    script = "\n".join(commands).replace(
        "host=127.0.0.1 port=5432 database=shop",
        f"host=127.0.0.1 port={database.server.port} database={database.name}")
    assert str(database.server.port) in script
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/.local/bin:{os.environ['PATH']}",
           "TERM": "dumb", "LANG": "C.UTF-8"}
    answers = {r"password \(.*: $": "secret", r"Who hears of .*: $": "data@example.com"}
    status, shown = typed(script, answers, env, tmp_path)
    assert status == 0, shown
    assert "1 day loaded: 144 rows read, 144 stored" in shown
    assert re.search(r"password \(.*: \r\n", shown), "what was typed is not shown"
    assert "ssh_key" not in shown  # nobody spoke of a tunnel
    secret = tmp_path / ".millrace/secrets/shop.password"
    assert secret.read_text() == "secret" and secret.stat().st_mode & 0o077 == 0
    assert "secrets/shop.password" in (tmp_path / ".millrace/connections/shop.toml").read_text()


# The main job


def test_a_range_of_days_is_loaded_and_certified_by_the_servers_own_count(shop):
    outcomes = shop.json("load", "purchases", *RANGE)
    assert [o["status"] for o in outcomes] == ["loaded"] * 3
    for outcome in outcomes:
        proof = outcome["certificate"]
        assert proof["read"] == proof["loaded"] == proof["source_count"] == 24
        assert proof["counted_by"].startswith("PostgreSQL 15.")
        assert proof["snapshot"] and proof["before"] == proof["after"]
        assert proof["before"]["key"].startswith("pg-hash-columns-1/15/")
    assert shop.rows("select count(*) as n, sum(value) as total from events") == [
        {"n": 72, "total": sum(i * 1.5 for i in range(72))}]


def test_an_edit_of_equal_count_is_found_by_fingerprint_and_one_more_row_by_count(shop, database):
    shop.run("load", "purchases", *RANGE)
    assert [(r["changed"], r["by"]) for r in shop.json("check", "purchases")] == [
        (False, "fingerprint")] * 3
    database.sql("update purchases set amount = amount + 0.01 where id = 30")
    database.sql("insert into purchases select 100, ts, user_id, kind, amount, page "
                 "from purchases where id = 50")
    changed = [r for r in shop.json("check", "purchases") if r["changed"]]
    assert [(r["day"], r["by"]) for r in changed] == [
        ("2026-11-02", "fingerprint"), ("2026-11-03", "count")]
    assert (changed[1]["rows_then"], changed[1]["rows_now"]) == (24, 25)


def test_a_reload_replaces_the_day_and_undo_brings_it_back(shop, database):
    shop.run("load", "purchases", *RANGE)
    total = "select sum(value) as total from events where day = '2026-11-02'"
    before = shop.rows(total)
    database.sql("update purchases set amount = 0 where id between 24 and 47")
    shop.run("load", "purchases", *DAY)
    assert shop.rows(total) == [{"total": 0.0}]
    assert not any(r["changed"] for r in shop.json("check", "purchases"))
    shop.run("undo", "purchases", *DAY)
    assert shop.rows(total) == before
    assert [(r["day"], r["by"]) for r in shop.json("check", "purchases") if r["changed"]] == [
        ("2026-11-02", "fingerprint")]


def test_a_day_named_by_text_has_the_same_rows_alone_and_among_others(home, database):
    database.sql("""create table kpi (ds text, part date, user_id text, rev int);
        insert into kpi select ds, left(ds, 10)::date + late, user_id, rev from (values
            ('2026-11-01', 0, 'u1', 1), ('2026-11-02', 1, 'u1', 2), ('2026-11-02 ', 0, 'u2', 4),
            ('2026-11-02T00:00', 0, 'u3', 8), ('2026-11-03', 0, 'u1', 16),
            ('2026-11-02', 2, 'u4', 32)) as rows (ds, late, user_id, rev)""")
    home.init()
    home.apply(database.connection() + """
[ingestion.kpi]
connection = "shop"
dataset = "metrics"
query = "select * from kpi"
partition = { column = "part", type = "date", lag_days = 1 }
[ingestion.kpi.mapping]
date = "ds"
units = { userID = "user_id" }
metrics = { revenue = "rev" }
""")
    home.run("load", "kpi", *RANGE)
    assert home.rows("select day, sum(value) as total from metrics group by all order by all") == [
        {"day": "2026-11-01", "total": 1.0}, {"day": "2026-11-02", "total": 2.0},
        {"day": "2026-11-03", "total": 16.0}]
    assert [row["changed"] for row in home.json("check", "kpi", *RANGE)] == [False] * 3


@pytest.mark.parametrize("first, second", [(24, 25), (26, 38), (30, 41)])
def test_two_rows_that_swap_a_value_change_the_fingerprint(shop, database, first, second):
    """Every column still holds the same values: only a hash of whole rows can tell."""
    shop.run("load", "purchases", *DAY)
    database.sql("""update purchases a set amount = b.amount from purchases b
        where (a.id, b.id) in ((%(first)s, %(second)s), (%(second)s, %(first)s))""" % locals())
    assert [r["by"] for r in shop.json("check", "purchases") if r["changed"]] == ["fingerprint"]


# What is no change


@pytest.mark.parametrize("rewrite", [
    "vacuum full purchases",
    "cluster purchases using purchases_pkey",
    "update purchases set page = page",
    """create table copy as select * from purchases order by id desc; drop table purchases;
       alter table copy rename to purchases""",
    """create table copy as select * from purchases; truncate purchases;
       alter table purchases add column note text; alter table purchases drop column note;
       insert into purchases select * from copy order by amount""",
])
def test_rewriting_the_table_leaves_every_fingerprint_as_it_was(shop, database, rewrite):
    shop.run("load", "purchases", *RANGE)
    for statement in rewrite.split(";"):
        database.sql(statement)
    assert [(r["changed"], r["by"]) for r in shop.json("check", "purchases")] == [
        (False, "fingerprint")] * 3


def test_another_type_of_a_column_is_not_comparable_rather_than_changed(shop, database):
    shop.run("load", "purchases", *DAY)
    database.sql("alter table purchases alter column page type varchar(20)")
    [found] = shop.json("check", "purchases")
    assert not found["changed"] and found["by"] == "" and "not comparable" in found["note"]


# Snapshots and queries that are not repeatable


def fingerprints_asked(database):
    return database.server.log().count("count(*), sum(coalesce(pg_catalog.hash")


def test_the_first_load_of_a_day_asks_its_fingerprint_twice_and_a_reload_once(shop, database):
    database.sql(f"alter database {database.name} set log_statement = 'all'")
    seen = fingerprints_asked(database)
    shop.run("load", "purchases", *DAY)
    first = fingerprints_asked(database) - seen
    shop.run("load", "purchases", *DAY)
    second = fingerprints_asked(database) - seen - first
    assert first >= 2 and second == 1


def questions(shop, database, *command):
    """(COUNTs, fingerprints of a day, fingerprints of several) that the command asked."""
    seen = len(database.server.log())
    found = shop.json(*command)
    log = database.server.log()[seen:]
    asked = [text for text in log.split("execute <unnamed>: ")
             if text.startswith("/* millrace") and "count(*)" in text]
    hashed = [text for text in asked if "pg_catalog.hash" in text]
    ranges = [text for text in hashed if "group by" in text]
    return found, (len(asked) - len(hashed), len(hashed) - len(ranges), len(ranges))


def test_days_of_a_table_without_an_index_are_fingerprinted_in_one_scan(shop, database):
    shop.run("load", "purchases", *RANGE)
    database.sql(f"alter database {database.name} set log_statement = 'all'")
    assert questions(shop, database, "check", "purchases")[1] == (0, 0, 1)
    database.sql("update purchases set amount = amount + 1 where id = 30")
    found, asked = questions(shop, database, "check", "purchases")
    assert asked == (0, 1, 1)  # and the day that differs once more: does the query repeat?
    assert [(day["day"], day["changed"], day["by"]) for day in found] == [
        ("2026-11-01", False, "fingerprint"), ("2026-11-02", True, "fingerprint"),
        ("2026-11-03", False, "fingerprint")]
    database.sql("delete from purchases where id = 60")
    found, asked = questions(shop, database, "check", "purchases", *RANGE)
    assert asked == (0, 1, 1)
    assert [(day["by"], day["rows_now"]) for day in found] == [
        ("fingerprint", 24), ("fingerprint", 24), ("count", 23)]


def test_few_days_of_a_table_with_an_index_are_fingerprinted_by_it(shop, database):
    database.sql("insert into purchases select 100 + i, timestamptz '2026-11-04 00:00+00' + "
                 "i * interval '1 minute', 'u', 'purchase', i, 'p' "
                 "from generate_series(0, 40000) i; create index on purchases (ts); "
                 "analyze purchases")
    shop.run("load", "purchases", "--day", "2026-11-04")
    shop.run("load", "purchases", "--day", "2026-11-30")
    database.sql(f"alter database {database.name} set log_statement = 'all'")
    found, asked = questions(shop, database, "check", "purchases")
    assert asked == (1, 2, 0)
    assert [day["by"] for day in found] == ["fingerprint", "fingerprint"]


def test_a_query_by_chance_is_not_repeatable_and_names_the_column(shop, database):
    shop.apply(database.connection() + ingestion("select *, random() as luck from purchases"))
    [outcome] = shop.json("load", "purchases", *DAY)
    assert outcome["status"] == "loaded"
    assert "not repeatable: luck differs" in outcome["note"]
    assert "unmap the column" in outcome["note"]
    assert "not repeatable" in shop.run("days", "purchases").stdout
    [found] = shop.json("check", "purchases")
    assert not found["changed"] and "content checks are off" in found["note"]
    database.sql("delete from purchases where id = 30")
    [found] = shop.json("check", "purchases")
    assert found["changed"] and found["by"] == "count"


def test_a_reload_of_a_query_by_chance_stays_not_repeatable(shop, database):
    shop.apply(database.connection() + ingestion("select *, random() as luck from purchases"))
    for _ in range(2):
        shop.run("load", "purchases", *DAY)
        assert "not repeatable" in shop.run("days", "purchases").stdout


def test_a_query_that_becomes_repeatable_is_compared_again(shop, database):
    shop.apply(database.connection() + ingestion("select *, random() as luck from purchases"))
    shop.run("load", "purchases", *DAY)
    shop.apply(database.connection() + ingestion())
    shop.run("load", "purchases", *DAY)
    [found] = shop.json("check", "purchases")
    assert (found["changed"], found["by"]) == (False, "fingerprint")


def test_a_query_that_reads_the_clock_is_not_repeatable_and_names_the_column(shop, database):
    shop.apply(database.connection() + ingestion("select *, now() as asked_at from purchases"))
    [outcome] = shop.json("load", "purchases", *DAY)
    assert "not repeatable: asked_at differs" in outcome["note"]


def test_count_fingerprint_and_rows_come_from_one_snapshot(shop, database):
    """Rows arrive after the fingerprint was taken and before the rows are read."""
    slow = "select p.* from purchases p, (select pg_sleep(0.4)) as waited"
    shop.apply(database.connection() + ingestion(slow))
    shop.run("load", "purchases", *DAY)  # from now on the fingerprint is asked once
    load = subprocess.Popen(shop.command("--json", "load", "purchases", *DAY),
                            stdout=subprocess.PIPE, text=True)
    assert wait_until(
        lambda: any("pg_catalog.hash" in text for text in database.running()))
    database.sql("insert into purchases select 100 + id, ts, user_id, kind, amount, page "
                 "from purchases where id between 30 and 34")
    assert not any("COPY" in text for text in database.running())
    assert load.wait(timeout=30) == 0
    load.stdout.close()
    proof = shop.json("certificate", "purchases", *DAY)
    assert (proof["snapshot"], proof["read"], proof["source_count"]) == (True, 24, 24)
    [found] = shop.json("check", "purchases")
    assert (found["changed"], found["rows_now"]) == (True, 29)


def test_a_load_lets_somebody_who_wants_to_truncate_the_table_go_first(shop, database):
    """He waits for the snapshot's lock, and who brings the rows would wait behind him for ever."""
    slow = "select p.* from purchases p, (select pg_sleep(0.4)) as waited"
    shop.apply(database.connection() + ingestion(slow))
    database.sql("create table whole as select * from purchases")
    load = subprocess.Popen(shop.command("load", "purchases", *RANGE), stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)
    assert wait_until(
        lambda: any("pg_catalog.hash" in text for text in database.running()))
    database.sql("begin; truncate purchases; insert into purchases "
                 "select id, ts, user_id, kind, amount + 1, page from whole; commit")
    said = load.communicate(timeout=30)[1]
    assert load.returncode == 0, said
    assert shop.rows("select count(*) as n, sum(value) as total from events") == [
        {"n": 72, "total": sum(i * 1.5 + 1 for i in range(72))}]


def test_nothing_is_written_to_the_server(shop, database):
    database.sql(f"alter database {database.name} set log_statement = 'mod'")
    written = database.server.log().count("execute")
    shop.run("load", "purchases", *RANGE)
    shop.run("check", "purchases")
    shop.run("sample", "purchases", *DAY)
    assert database.server.log().count("execute") == written
    assert database.sessions() == 0


@pytest.mark.parametrize("how, seconds", [(signal.SIGINT, 2), (signal.SIGKILL, 5)])
def test_a_command_that_is_ended_leaves_no_statement_on_the_server(shop, database, how, seconds):
    """Asked to stop, it cancels; killed, it leaves it to the server to notice."""
    shop.apply(database.connection() + ingestion(
        "select p.* from purchases p, (select pg_sleep(60)) as waited"))
    load = subprocess.Popen(shop.command("load", "purchases", *DAY), stderr=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, text=True)
    assert wait_until(lambda: any("pg_sleep" in text for text in database.running()))
    load.send_signal(how)
    said = load.communicate(timeout=seconds)[1]
    assert "stopped on request" in said or how == signal.SIGKILL
    assert wait_until(lambda: not database.running(), seconds=seconds)


def test_a_check_that_is_stopped_ends_and_leaves_no_statement_on_the_server(shop, database):
    shop.run("load", "purchases", *DAY)
    with database.server.admin(database.name) as owner:
        owner.autocommit = False
        owner.execute("lock table purchases in access exclusive mode")
        check = subprocess.Popen(shop.command("check", "purchases", *DAY), stderr=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, text=True)
        assert wait_until(lambda: database.running())
        check.send_signal(signal.SIGINT)
        assert "stopped on request" in check.communicate(timeout=3)[1]
        assert wait_until(lambda: not database.running(), seconds=2)
    assert check.returncode == 1
