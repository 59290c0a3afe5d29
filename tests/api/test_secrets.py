"""Secrets of connections and rows of customers: planted, and looked for everywhere."""
import http.client
import os
import pathlib
import re
import sqlite3
import subprocess
import threading
import time

import pytest

from called_service import Service, days_ago, unlimited
from home import NOON_ZONE

PLANTED = "pl4nted-Secret-0451"
WORKING = "w0rking-Secret-0452"
ROW = "Planted Person of Row 7"
DAY = days_ago(1)

INGESTION = """
[ingestion.people]
connection = "shop"
dataset = "events"
enabled = true
query = "select * from people"
[ingestion.people.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "{zone}"
ids = {{ userID = "user_id" }}
event_value = "amount"
[ingestion.people.limits]
max_rejected = "100%"
[ingestion.people.schedule]
mode = "api"
"""


def set_secret(home, name, value, env=None, code=0):
    done = subprocess.run(home.command("secret", "set", name), input=value + "\n", timeout=60,
                          capture_output=True, text=True, env=env)
    assert done.returncode == code, done.stderr
    return done


def bytes_of(home):
    """What the home holds, the store's data files apart, and the catalog's pages among it."""
    return b"".join(path.read_bytes() for path in home.path.rglob("*")
                    if path.is_file() and path.suffix != ".parquet")


@pytest.fixture
def shop(home, database):
    """PostgreSQL with a password that the vault alone knows; some of its rows are rejected."""
    database.sql(f"""
        create table people (ts timestamp, user_id text, kind text, amount text);
        insert into people select timestamp '{DAY} 08:00' + i * interval '1 minute',
            case when i % 3 = 0 then null else '{ROW} ' || i end, 'visit',
            '{ROW} ' || i
          from generate_series(0, 99) i;""")
    with database.server.admin() as admin:
        if not admin.execute("select 1 from pg_roles where rolname = 'keeper'").fetchone():
            admin.execute(f"create role keeper login password '{WORKING}' in role reader")
    home.init(NOON_ZONE)
    set_secret(home, "shop.password", WORKING)
    connection = re.sub(r'password = ".*"', 'password = "secret:shop.password"',
                        re.sub(r'user = ".*"', 'user = "keeper"', database.connection()))
    home.apply(connection + INGESTION.format(zone=NOON_ZONE))
    return home


def test_a_secret_is_encrypted_and_opens_the_warehouse(shop):
    said = set_secret(shop, "other.token", PLANTED)
    assert PLANTED not in said.stdout + said.stderr
    assert PLANTED.encode() not in bytes_of(shop)
    assert PLANTED not in shop.run("secret", "list").stdout
    key = shop.path / "secrets" / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    shop.run("connection", "test", "shop")
    shop.run("secret", "remove", "shop.password")
    assert "there is no secret shop.password" in shop.run(
        "connection", "test", "shop", code=1).stderr


def test_the_master_key_rotates_and_without_it_nothing_opens(shop):
    key = shop.path / "secrets" / "master.key"
    before = key.read_text()
    boxes = sqlite3.connect(shop.path / "catalog.db").execute("select box from secret").fetchall()
    shop.run("secret", "rotate")
    assert key.read_text() != before
    assert boxes != sqlite3.connect(
        shop.path / "catalog.db").execute("select box from secret").fetchall()
    shop.run("connection", "test", "shop")
    key.write_text(before)
    said = shop.run("connection", "test", "shop", code=1).stderr
    assert "was encrypted with another master key" in said


def test_a_master_key_may_come_from_the_environment(home, engine):
    first, second = "11" * 32, "22" * 32
    home.init(NOON_ZONE)
    set_secret(home, "a.b", PLANTED, env={**os.environ, "MILLRACE_MASTER_KEY": first})
    assert not (home.path / "secrets" / "master.key").exists()
    home.run("secret", "rotate", code=1, env={"MILLRACE_MASTER_KEY": first})
    home.run("secret", "rotate",
             env={"MILLRACE_MASTER_KEY": first, "MILLRACE_NEW_MASTER_KEY": second})
    assert PLANTED.encode() not in bytes_of(home)
    said = home.run("secret", "rotate", code=1, env={
        "MILLRACE_MASTER_KEY": first, "MILLRACE_NEW_MASTER_KEY": "33" * 32}).stderr
    assert "another master key" in said


def watch_processes(seen, stop):
    """Every command line and environment that a process of this test has meanwhile."""
    while not stop.is_set():
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                seen.add((folder / "cmdline").read_bytes())
            except OSError:
                continue
        time.sleep(0.01)


def test_no_secret_and_no_row_is_in_any_log_answer_error_or_process_list(shop, database):
    seen, stop = set(), threading.Event()
    watch = threading.Thread(target=watch_processes, args=(seen, stop))
    watch.start()
    answers, errors = [], []
    with Service(shop) as service:
        key = unlimited(shop, "console", "--scope", "omni_read_write", "can_access_keys")
        stream = http.client.HTTPConnection(service.host, int(service.port), timeout=60)
        stream.request("GET", "/api/v1/progress", headers={"STATSIG-API-KEY": key})
        progress = stream.getresponse()

        def ask(method, path, body=None):
            reply = service.ask(method, path, key, body)
            answers.append(f"{method} {path}: {reply.status} {reply.text} {reply.headers}")
            return reply

        settings = {name: str(value) for name, value in database.settings().items()}
        settings["password"] = PLANTED
        assert ask("POST", "/api/v1/connections", {
            "name": "wrong", "kind": "postgres", "settings": settings}).status == 201
        tested = ask("POST", "/api/v1/connections/wrong/test", {})
        assert not all(step["ok"] for step in tested.json["data"]["steps"])
        ask("POST", "/api/v1/connections", {"name": "wrong", "kind": "postgres",
                                            "settings": {**settings, "password": "env:HOME"}})
        ask("PATCH", "/api/v1/connections/wrong", {"settings": {"port": "1"}})
        ask("PATCH", "/console/v1/wh_connections", {"postgres": {
            "name": "wrong", "password": PLANTED + "2", "user": "nobody"}})
        ask("POST", "/api/v1/connections/wrong/test", {})
        # Loads that succeed with rejected rows, are refused for them, and fail at the warehouse.
        marked = ask("POST", "/v1/mark_data_ready_dwh", {
            "datestamps": DAY, "type": "events", "sources": ["people"]})
        assert marked.status == 202, marked.text
        run = marked.json["runs"][0]["runID"]
        service.wait_for(f"/console/v1/ingestion/runs/{run}", key, lambda reply: reply["data"][
            "latestStatus"] in ("download_complete", "download_error"))
        database.sql("alter table people rename to gone")
        ask("POST", "/api/v1/ingestions/people/check", {"day": DAY})
        database.sql("alter table gone rename to people")
        for path, item in ask("GET", "/openapi.json").json["paths"].items():
            is_about_rows = path.endswith("/quarantine") or path.startswith("/console/v1/events")
            is_endless = path == "/api/v1/progress"
            if "get" not in item or is_about_rows or is_endless:
                continue
            for identity in ("people", "wrong", run):
                query = f"?day={DAY}" if "versions" in path or "cert" in path or "diff" in path \
                    or "check" in path else ""
                ask("GET", path.replace("{id}", identity) + query)
        quarantine = service.ask("GET", f"/api/v1/ingestions/people/quarantine?day={DAY}", key)
        assert quarantine.status == 200 and ROW in quarantine.text
        log = service.log
        assert service.stop() == 0
        told = progress.read().decode()
        stream.close()
        for command in (("connection", "test", "wrong"), ("load", "people", "--day", DAY),
                        ("days", "people"), ("run", "list"), ("secret", "list"), ("doctor",)):
            done = subprocess.run(shop.command(*command), capture_output=True, text=True,
                                  timeout=60, stdin=subprocess.DEVNULL)
            errors.append(done.stdout + done.stderr)
    stop.set()
    watch.join()
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        dump = "\n".join(catalog.iterdump())
    places = {"log": "".join(log), "progress": told, "answers": "\n".join(answers),
              "commands": "\n".join(errors), "catalog": dump,
              "processes": b"\n".join(seen).decode(errors="replace")}
    assert "listening" in places["log"] and "wrong" in places["answers"]
    assert "millrace" in places["processes"] and "day_ended" in places["progress"]
    for place, text in places.items():
        for planted in (PLANTED, WORKING, ROW):
            at = text.find(planted)
            assert at < 0, f"{planted} in {place}: {text[max(at - 300, 0):at + 100]}"
