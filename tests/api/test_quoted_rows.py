"""A warehouse quotes the value of a row in an error: only who may see rows ever reads it."""
import json
import sqlite3
import time

import pytest

from called_service import Browser, Service, add, days_ago, unlimited
from home import NOON_ZONE
from servers.smtp import PASSWORD, MailServer

DAY = days_ago(1)
VALUE = "jane4711"
OWNER = "ana@example.com"
STATUS = f"/console/v1/ingestion/status?startDate={days_ago(2)}&endDate={days_ago(-1)}&limit=500"

INGESTION = """
[ingestion.{name}]
connection = "{connection}"
dataset = "events"
enabled = true
query = "select ts, user_id, kind, {expression} as amount from {table}"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "{zone}"
ids = {{ userID = "user_id" }}
event_value = "amount"
{more}
[ingestion.{name}.schedule]
mode = "api"
"""
POSTGRES = {"cast": "amount::int", "dated": "amount::date", "json": "(amount::json)::text",
            "array": "('{' || amount)::int[]::text", "named": "amount::regclass::text",
            "raised": "boom(amount)", "disguised": "lookup(amount)"}
FILES = {"lake_cast": "amount::int", "parsed": "strptime(amount, '%Y')",
         "called": "error('customer ' || amount || ' is bad')",
         "spread": "error('customer' || chr(10) || chr(10) || 'LINE 1: ' || amount)"}


@pytest.fixture
def mail(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    server = MailServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def shop(home, database, engine, mail, receiver):
    """Eleven ingestions that fail on one row of the day; one of them tells rows to people."""
    database.sql(f"""
        create table a as select timestamp '{DAY} 08:00' as ts, 'u' as user_id, 'k' as kind,
                                 '{VALUE}'::text as amount;
        create function boom(t text) returns text language plpgsql as
            $$ begin raise exception 'customer % is bad', t using detail = t, hint = t; end $$;
        create function lookup(t text) returns text language plpgsql as
            $$ begin raise exception using message = 'no such customer ' || t,
                                           errcode = '42703'; end $$;
        grant select on a to public""")
    engine.sql(f"""copy (select timestamp '{DAY} 08:00' as ts, 'u' as user_id, 'k' as kind,
                                '{VALUE}' as amount) to '{home.warehouse}/p.parquet'
                   (format parquet)""")
    home.init(NOON_ZONE)
    file = home.path / "millrace.toml"
    hook = f'[notify.webhook.ops]\nurl = "{receiver.url}/in"\nsecret = "env:HOOK_SECRET"\n'
    file.write_text(file.read_text().replace("[project]\n", f'[project]\nowner = "{OWNER}"\n')
                    + '\n[notify]\ndigest = "off"\ngather_seconds = 0\n' + mail.table() + hook)

    def ingestions(connection, table, expressions):
        return "".join(INGESTION.format(name=name, connection=connection, table=table,
                                        zone=NOON_ZONE, expression=expression, more="")
                       for name, expression in expressions.items())

    home.apply(database.connection() + home.connect_files() + ingestions("shop", "a", POSTGRES)
               + ingestions("lake", "'p.parquet'", FILES)
               + INGESTION.format(name="open", connection="shop", table="a", zone=NOON_ZONE,
                                  expression="amount::int",
                                  more="[ingestion.open.notify]\ninclude_rows = true"))
    return home


def load_all(service, key):
    """Every ingestion but `open` by a call, until it has failed."""
    names = sorted([*POSTGRES, *FILES])
    marked = service.ask("POST", "/v1/mark_data_ready_dwh", key,
                         {"datestamps": DAY, "type": "events", "sources": names})
    assert marked.status == 202, marked.text
    for run in {one["runID"] for one in marked.json["runs"]}:
        service.wait_for(f"/console/v1/ingestion/runs/{run}", key,
                         lambda reply: reply["data"]["latestStatus"] == "download_error", 120)
    return names


def days(browser, name):
    reply = browser.ask("GET", f"/api/v1/ingestions/{name}/days")
    assert reply.status == 200, reply.text
    return reply.json["data"][0]


def seen_by(browser, names):
    """All that a person may read about failures."""
    texts = [json.dumps(days(browser, name)) for name in names]
    for path in (STATUS, "/console/v1/ingestion/runs"):
        texts.append(browser.ask("GET", path).text)
    for command, arguments in (("days", {"NAME": ["cast"]}), ("run list", {})):
        texts.append(browser.ask("POST", "/api/v1/commands",
                                 {"command": command, "arguments": arguments}).text)
    return "\n".join(texts)


def test_what_a_warehouse_quotes_of_a_row_is_seen_by_nobody_without_the_right(
        shop, mail, receiver):
    for address, *role in (("viewer@example.com", "viewer"), ("editor@example.com", "editor"),
                           ("granted@example.com", "editor", "connection.use:*", "rows.read:*")):
        add(shop, address, *role)
    places = {}
    with Service(shop) as service:
        key = unlimited(shop)
        names = load_all(service, key)
        viewer, editor, granted = (Browser(service, f"{who}@example.com")
                                   for who in ("viewer", "editor", "granted"))
        places["viewer"], places["editor"] = seen_by(viewer, names), seen_by(editor, names)
        places["key"] = "".join(
            service.ask("GET", path, key).text
            for path in [STATUS] + [f"/api/v1/ingestions/{name}/days" for name in names])
        for name in names:
            error = days(granted, name)["error"]
            assert VALUE in error["in_full"] and VALUE not in error["message"], error
        assert VALUE in seen_by(granted, names)
        # Who asks for rows of a query sees which one breaks it.
        sample = service.ask("POST", "/api/v1/connections/shop/sample", key,
                             {"query": "select amount::int from a", "day": DAY})
        assert sample.status == 400 and VALUE in sample.text
        wait_until_told(mail, receiver, 2)
        assert service.stop() == 0
        places["log"] = "".join(service.log)
    places["mails"] = "\n".join(mail_text(one) for _, one in mail.mails)
    places["webhooks"] = "\n".join(one["body"] for one in receiver.requests)
    assert "load ended" in places["log"] and "SQLSTATE P0001" in places["log"]
    for place, text in places.items():
        at = text.find(VALUE)
        assert at < 0, f"{place}: {text[max(at - 300, 0):at + 100]}"
    # On the own machine everything is shown.
    for name in names:
        assert VALUE in shop.run("days", name).stdout, name
    assert VALUE in shop.run("load", "cast", "--day", DAY, code=1).stderr


def wait_until_told(mail, receiver, count):
    """Of the first failure of each connection; the others belong to the same incident."""
    until = time.monotonic() + 60
    while not mail.mails or sum(one["body"].count('"fault"') for one in receiver.requests) < count:
        assert time.monotonic() < until, f"{len(mail.mails)} mails, webhooks: {receiver.requests}"
        time.sleep(0.2)


def mail_text(mail):
    return "\n".join(part.get_content() for part in mail.walk() if not part.is_multipart())


def test_who_says_include_rows_is_told_them(shop, mail):
    shop.run("trigger", "open", "--day", DAY)
    shop.run("load", "--due", code=4)
    assert any(VALUE in mail_text(one) for _, one in mail.mails)


def test_a_sweep_forgets_what_errors_quote_as_it_does_rejected_rows(shop):
    shop.run("load", "cast", "--day", DAY, code=1)
    assert VALUE in json.dumps(shop.json("days", "cast"))
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        catalog.execute("update load set closed_at = closed_at - ?", (31 * 86_400_000_000,))
    catalog.close()
    shop.run("sweep")
    error = shop.json("days", "cast")[0]["error"]
    assert error["code"] == "bad_value_in_query" and VALUE not in error["message"]
