"""The `redshift` kind over the wire of PostgreSQL 15, with the functions and the view that only
Redshift has made in the test's database. What only Amazon's service does is proven nowhere here."""
import contextlib
import re
import socket
import struct
import subprocess
import threading

import pytest

from purchases import ingestion
from servers.postgres import wait_until

RANGE = ("--from", "2026-11-01", "--to", "2026-11-03")
DAY = ("--day", "2026-11-02")

PURCHASES = """
create table purchases (id int, ts timestamptz, user_id text, kind text, amount numeric(12,2),
                        price float8, paid boolean, day date, note char(12));
insert into purchases
  select i, timestamptz '2026-11-01 00:30+00' + i * interval '1 hour', 'user' || i % 10,
         'purchase', i * 1.5, i / 3.0, i % 2 = 0, date '2026-11-01' + i / 24, 'n' || i
  from generate_series(0, 71) i;
"""

@pytest.fixture
def shop(home, database):
    """24 purchases on each of the first three days of November 2026."""
    database.with_redshift_names().sql(PURCHASES)
    home.init()
    home.apply(database.connection(kind="redshift") + ingestion())
    return home


# The main job


def test_days_are_loaded_and_an_equal_count_edit_is_found_reloaded_and_undone(shop, database):
    outcomes = shop.json("load", "purchases", *RANGE)
    assert [o["status"] for o in outcomes] == ["loaded"] * 3
    proof = outcomes[1]["certificate"]
    assert proof["read"] == proof["loaded"] == proof["source_count"] == 24 and proof["snapshot"]
    assert proof["before"]["key"].startswith("redshift-farm-1/")
    assert [(r["changed"], r["by"]) for r in shop.json("check", "purchases")] == [
        (False, "fingerprint")] * 3
    database.sql("update purchases set amount = amount + 0.01 where id = 30")
    assert [(r["day"], r["by"]) for r in shop.json("check", "purchases") if r["changed"]] == [
        ("2026-11-02", "fingerprint")]
    total = "select round(sum(value), 2) as total from events where day = '2026-11-02'"
    before = shop.rows(total)[0]["total"]
    shop.run("load", "purchases", *DAY)
    assert shop.rows(total) == [{"total": round(before + 0.01, 2)}]
    shop.run("undo", "purchases", *DAY)
    assert shop.rows(total) == [{"total": before}]


@pytest.mark.parametrize("edit", [
    "set amount = amount + 0.01 where id = 30", "set price = price + 1e-9 where id = 30",
    "set paid = not paid where id = 30", "set paid = null where id = 30",
    "set day = day + 1 where id = 30", "set note = '' where id = 30",
    "set note = null where id = 30", "set user_id = user_id || ' ' where id = 30",
    "set ts = ts + interval '1 microsecond' where id = 30",
    "set amount = (71 - id) * 1.5 where id in (30, 41)",  # two rows swap their values
])
def test_every_edit_of_a_column_that_is_read_changes_the_fingerprint(shop, database, edit):
    shop.run("load", "purchases", *DAY)
    database.sql("update purchases " + edit)
    assert [r["by"] for r in shop.json("check", "purchases") if r["changed"]] == ["fingerprint"]


def test_a_query_by_chance_is_not_repeatable_and_names_the_column(shop, database):
    shop.apply(database.connection(kind="redshift")
               + ingestion("select *, random() as luck from purchases"))
    [outcome] = shop.json("load", "purchases", *DAY)
    assert outcome["status"] == "loaded"
    assert "not repeatable: luck differs" in outcome["note"]


def test_count_fingerprint_and_rows_come_from_one_snapshot(shop, database):
    shop.apply(database.connection(kind="redshift") + ingestion(
        "select p.* from purchases p, (select pg_sleep(0.4)) as waited"))
    shop.run("load", "purchases", *DAY)
    load = subprocess.Popen(shop.command("--json", "load", "purchases", *DAY),
                            stdout=subprocess.PIPE, text=True)
    assert wait_until(lambda: any("farmfingerprint" in text for text in database.running()))
    database.sql("insert into purchases select 100 + id, ts, user_id, kind, amount, price, paid, "
                 "day, note from purchases where id between 30 and 34")
    assert load.wait(timeout=30) == 0
    load.stdout.close()
    proof = shop.json("certificate", "purchases", *DAY)
    assert (proof["snapshot"], proof["read"], proof["source_count"]) == (True, 24, 24)
    [found] = shop.json("check", "purchases")
    assert (found["changed"], found["rows_now"]) == (True, 29)


# What it asks of a server that stayed at PostgreSQL 8.0


def test_how_a_role_likes_values_written_changes_nothing(shop, database):
    query = ("select *, price * interval '1 hour' as took, decode('00ff', 'hex') as raw "
             "from purchases")
    shop.apply(database.connection(kind="redshift") + ingestion(query))
    shop.run("load", "purchases", *RANGE)
    metadata = shop.rows("select metadata from events order by ts")
    database.sql(f"alter database {database.name} set intervalstyle = 'iso_8601'; "
                 f"alter database {database.name} set bytea_output = 'escape'; "
                 f"alter database {database.name} set datestyle = 'German'")
    assert not any(one["changed"] for one in shop.json("check", "purchases"))
    shop.run("load", "purchases", *RANGE)
    assert shop.rows("select metadata from events order by ts") == metadata


# Of SQL, Redshift documents these; beside them only what a customer wrote may be sent.
FUNCTIONS = {
    "cast", "coalesce", "count", "farmfingerprint64", "format_type", "has_schema_privilege",
    "has_table_privilege", "lower", "pg_backend_pid", "position", "rtrim", "sum", "varchar",
    "decimal", "version", "char", "numeric",
}
STATEMENTS = {"begin read only", "begin isolation level serializable read only", "rollback"}
SETTINGS = {"datestyle", "intervalstyle", "timezone", "extra_float_digits", "statement_timeout",
            "bytea_output", "enable_result_cache_for_session"}
NEWER = ["savepoint", "filter (", " over ", "lateral", "::", " values ", "returning", "with ",
         "pg_export_snapshot", "set_config", "string_agg", "jsonb", "typarray", "isfinite"]


def statements_of(log):
    """What the sessions of millrace sent, each once; a statement's lines start with a tab."""
    found = re.findall(r"^[^\t\n]*LOG:  (?:execute <unnamed>|statement): (.*(?:\n\t.*)*)", log,
                       re.M)
    return sorted(set(found))


def test_no_statement_needs_a_server_newer_than_redshifts(shop, database):
    database.sql(f"alter database {database.name} set log_statement = 'all'")
    seen = len(database.server.log())
    shop.run("connection", "test", "shop")
    shop.run("connection", "tables", "shop", "purch*")
    shop.run("connection", "columns", "shop", "purchases")
    shop.run("sample", "purchases", *DAY)
    shop.run("load", "purchases", *RANGE)
    shop.run("check", "purchases")
    sent = statements_of(database.server.log()[seen:])
    assert len(sent) > 10
    for statement in sent:
        ours = statement.replace("select * from purchases", "").lower()
        ours = re.sub(r"/\*.*?\*/|'[^']*'|\"[^\"]*\"", " ", ours).removeprefix("explain ")
        word = ours.split()[0]
        if word == "set":
            assert ours.split()[1] in SETTINGS, statement
        elif word != "select":
            assert ours.strip() in STATEMENTS, statement
        assert set(re.findall(r"(\w+)\s?\(", ours)) - {"in", "as", "from", "and", "or", "on"} \
            <= FUNCTIONS, statement
        for newer in NEWER:
            assert newer not in ours, statement


def test_the_tables_and_columns_are_listed(shop):
    tables = {(t["schema"], t["name"]) for t in shop.json("connection", "tables", "shop")}
    assert ("public", "purchases") in tables
    columns = shop.json("connection", "columns", "shop", "public.purchases")
    assert [c["type"] for c in columns] == [
        "integer", "timestamptz", "text", "text", "decimal", "double", "boolean", "date", "text"]


# Passwords


@contextlib.contextmanager
def server_with_sha256_passwords():
    """Answers a login as Redshift does for a user whose password it keeps as SHA-256: with
    AuthenticationRequest 13, which says algorithm, salt, nonce and rounds."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                startup = client.recv(4096)
                if startup[4:8] == struct.pack("!i", 80877103):  # asks for TLS first
                    client.sendall(b"N")
                    client.recv(4096)
                parts = struct.pack("!iii", 13, 1, 16) + bytes(16) + struct.pack("!i", 8) \
                    + bytes(8) + struct.pack("!i", 10000)
                client.sendall(b"R" + struct.pack("!i", len(parts) + 4) + parts)
                client.recv(4096)
                client.close()

    threading.Thread(target=answer, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_password_kept_as_sha256_is_explained_with_the_statement_that_helps(shop, database):
    with server_with_sha256_passwords() as port:
        shop.apply(database.connection(kind="redshift", port=port) + ingestion())
        [outcome] = shop.json("load", "purchases", *DAY, code=1)
    error = outcome["error"]
    assert (error["code"], error["fault"]) == ("unsupported_login", "misconfigured")
    assert "AuthenticationRequest 13" in error["advice"]
    assert "Set it again as MD5: ALTER USER \"reader\" PASSWORD '…'" in error["advice"]


def test_a_password_kept_as_md5_logs_in(shop, database):
    database.sql("""set password_encryption = 'md5'; create role old login password 'secret';
                    grant pg_read_all_data to old; reset password_encryption""")
    try:
        assert database.sql("select rolpassword like 'md5%' from pg_authid where rolname = 'old'")
        shop.apply(database.connection(kind="redshift", user="old") + ingestion())
        shop.run("load", "purchases", *DAY)
    finally:
        database.sql("drop role old")
