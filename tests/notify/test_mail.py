"""Mail about days: what goes wrong, who hears of it, and that it arrives whatever happens."""
import datetime
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

from home import TODAY
from servers.ports import free_port
from servers.smtp import PASSWORD, MailServer
from told import ANA, BEN, YESTERDAY, Serving, ingestion

EVE, EVES = "eve@example.com", "correct horse battery"  # Who signs in, and with what.
BROKEN = "select ts, user_id, kindd as kind from 'purchases*.parquet'"


def parts(mail):
    return {part.get_content_type(): part.get_content().replace("\r\n", "\n")
            for part in mail.walk() if not part.is_multipart()}


def test_a_failed_load_of_the_service_is_a_mail_and_its_end_another(told):
    told.write("purchases")
    ben_too = f'[ingestion.purchases.notify]\nsubscribers = ["{BEN}"]'
    told.apply(ingestion("purchases", query=BROKEN, more=ben_too))
    with Serving(told.home) as service:
        service.until(lambda: told.mail.to(ANA) and told.mail.to(BEN))
        told.apply(ingestion("purchases", more=ben_too))
        told.home.run("load", "purchases", "--day", YESTERDAY)
        service.until(lambda: len(told.mail.to(ANA)) > 1 and len(told.mail.to(BEN)) > 1)
        time.sleep(3)
    assert told.subjects() == told.subjects(BEN) == [
        f"[Millrace] purchases: {YESTERDAY} failed",
        f"[Millrace] Recovered: purchases: {YESTERDAY}"]
    failed, recovered = told.mail.to(ANA)
    texts = parts(failed)
    assert 'kindd" not found' in texts["text/plain"] and "Next: " in texts["text/plain"]
    assert "kindd&quot; not found" in texts["text/html"]
    assert failed["To"] == ANA and failed["From"] == "Millrace <millrace@example.com>"
    assert failed["Auto-Submitted"] == "auto-generated"
    assert failed["References"] == recovered["References"]
    assert failed["Message-ID"] != recovered["Message-ID"]
    assert told.mail.to(BEN)[0]["Message-ID"] != failed["Message-ID"]


def test_many_ingestions_that_one_outage_hits_are_two_mails(told):
    names = [f"source{i}" for i in range(12)]
    for name in names:
        told.write(name)
    told.apply(*map(ingestion, names))
    away = told.home.warehouse.with_name("away")
    told.home.warehouse.rename(away)
    assert len(told.due(code=4)) == 12
    for _ in range(3):
        told.later(hours=20)
        assert len(told.due(code=4)) == 12
    away.rename(told.home.warehouse)
    told.later(hours=20)
    assert {one["result"] for one in told.due()} == {"loaded"}
    told.later()
    told.due()
    assert told.subjects() == ["[Millrace] 12 ingestions of lake failed",
                               "[Millrace] Recovered: 12 ingestions of lake"]


def test_a_backfill_is_one_mail_at_its_end(told):
    days = [YESTERDAY - datetime.timedelta(days=i) for i in range(365)]
    told.engine.sql(f"""copy (select timestamp '{days[-1]} 01:00:00' + interval (i) day as ts,
        'user' || i as user_id, 'purchase' as kind from range(364) r(i))
        to '{told.home.warehouse}/purchases.parquet' (format parquet)""")
    told.apply(ingestion("purchases").replace("hour = 0", 'mode = "api"'))
    port = free_port()
    key = told.home.json("key", "create", "--type", "console")["key"]
    with Serving(told.home, "--listen", f"127.0.0.1:{port}") as service:
        service.until(lambda: asked_for_a_backfill(port, key, days[-1], days[0]))
        service.until(lambda: told.mail.to(ANA), seconds=150)
        time.sleep(2)
    assert told.subjects() == ["[Millrace] purchases: the backfill of 365 days is done"]
    text = parts(told.mail.to(ANA)[0])["text/plain"]
    assert "364 succeeded, 1 without data, 0 failed." in text
    assert f"* purchases 364 days, {days[-1]} to {days[1]}: succeeded, 364 rows" in text


def asked_for_a_backfill(port, key, first, last):
    return reply_of(port, "/console/v1/ingestion/backfill", {
        "type": "files", "dataset": "Events", "source": "purchases",
        "datestamp_start": str(first), "datestamp_end": str(last)}, {"STATSIG-API-KEY": key})


def reply_of(port, path, body=None, headers=None):
    """None while the service does not listen yet; what it refuses is an error."""
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body and json.dumps(body).encode(),
        {"Content-Type": "application/json", **(headers or {})})
    try:
        return urllib.request.urlopen(call)
    except urllib.error.HTTPError as refused:
        raise AssertionError(refused.read()) from refused
    except urllib.error.URLError:
        return None


def test_whoever_set_an_ingestion_up_through_the_api_hears_of_it(told):
    told.write("purchases")
    told.apply()
    subprocess.run(told.home.command("user", "create", EVE, "--role", "editor", "--grant",
                                     "connection.use:lake"), input=EVES, text=True, check=True)
    port = free_port()
    with Serving(told.home, "--listen", f"127.0.0.1:{port}") as service:
        service.until(lambda: reply_of(port, "/healthz"))
        session = reply_of(port, "/api/v1/session", {"email": EVE, "password": EVES})
        eve = {"X-CSRF-Token": json.load(session)["data"]["csrf_token"],
               "Cookie": session.headers["Set-Cookie"].split(";")[0]}
        assert reply_of(port, "/console/v1/ingestion", {
            "type": "files", "dataset": "Events", "source_name": "mine", "query": BROKEN,
            "enabled": True, "schedule_mode": "api", "column_mapping": {
                "event_name": "kind", "timestamp": "ts", "ids": {"userID": "user_id"}}}, eve)
        assert reply_of(port, "/v1/mark_data_ready_dwh", {
            "type": "events", "datestamps": str(YESTERDAY), "sources": ["mine"]}, eve)
        service.until(lambda: told.mail.to(EVE) and told.mail.to(ANA))
    assert told.subjects(EVE) == told.subjects() == [f"[Millrace] mine: {YESTERDAY} failed"]


def test_what_was_accepted_but_not_recorded_is_sent_again_under_the_same_id(told):
    told.write("purchases")
    told.apply(ingestion("purchases", query=BROKEN))
    service = Serving(told.home)
    with service:
        told.mail.before_reply = lambda _mail: os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait(30)
    told.mail.before_reply = None
    assert len(told.mail.to(ANA)) == 1
    assert [note["state"] for note in told.notes()] == ["waits"]
    told.later()
    with Serving(told.home) as again:
        again.until(lambda: len(told.mail.to(ANA)) == 2)
        again.until(lambda: told.notes()[0]["state"] == "sent")
    first, second = told.mail.to(ANA)
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_string() == second.as_string()
    assert told.notes()[0]["id"] in first["Message-ID"]


def test_a_mail_server_that_is_down_stops_no_load_and_loses_no_mail(told):
    told.mail.stop()
    told.write("visits")
    told.apply(ingestion("purchases", query=BROKEN), ingestion("visits"))
    assert {one["ingestion"]: one["result"] for one in told.due(code=4)} == {
        "purchases": "failed", "visits": "loaded"}
    waiting, = told.notes()
    assert (waiting["state"], waiting["tries"]) == ("waits", 1)
    assert "sending mail over 127.0.0.1" in waiting["error"]
    told.mail.start()
    told.due()
    assert not told.mail.mails
    told.later(hours=0.1)
    told.due()
    assert len(told.subjects()) == 1
    sent, = told.notes()
    assert (sent["state"], sent["tries"], sent["id"]) == ("sent", 2, waiting["id"])


def test_a_mailbox_that_is_not_there_is_given_up_and_a_wrong_password_is_not(told, monkeypatch):
    told.write("purchases")
    told.apply(ingestion("purchases", query=BROKEN, more=f"""
[ingestion.purchases.notify]
subscribers = ["{BEN}"]"""))
    told.mail.unknown = {BEN}
    told.due(code=4)
    assert {note["target"]: note["state"] for note in told.notes()} == {
        ANA: "sent", BEN: "given up"}
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    said = told.home.run("notify", "test", code=1).stdout
    assert "failed" in said and "wrong" not in said


def test_no_mail_goes_to_a_server_without_tls(told, tmp_path):
    told.mail.stop()
    plain = MailServer(tmp_path, starttls=False).start()
    try:
        told.mail = plain
        told.configure()
        assert "STARTTLS" in told.home.run("notify", "test", code=1).stdout
        assert not plain.mails
    finally:
        plain.stop()


def test_a_password_that_is_missing_keeps_mail_waiting_and_the_service_working(told, monkeypatch):
    monkeypatch.delenv("SMTP_PASSWORD")
    told.write("visits")
    told.apply(ingestion("purchases", query=BROKEN), ingestion("visits"))
    told.due(code=4)
    assert "SMTP_PASSWORD, which is not set" in told.notes()[0]["error"]
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    told.later(hours=0.1)
    told.due()
    assert len(told.subjects()) == 1


def test_the_digest_counts_all_three_outcomes_once_a_day(told):
    told.write("purchases")
    told.apply(ingestion("purchases"), ingestion("visits", deadline="00:00"),
               ingestion("broken", query=BROKEN))
    told.write("visits", day=TODAY)
    told.due(code=4)
    assert sorted(told.subjects()) == [f"[Millrace] broken: {YESTERDAY} failed",
                                       f"[Millrace] visits: {YESTERDAY} has no data"]
    told.mail.mails.clear()
    told.configure(notify='digest = "00:00"\ngather_seconds = 0')
    assert told.due() == []
    assert told.mail.mails == []  # Up to now is old news: the first digest comes tomorrow.
    pretend_digests_ended_yesterday(told.home)
    told.due()
    told.due()
    assert told.subjects() == ["[Millrace] 1 succeeded, 1 without data, 1 failed"]
    text = parts(told.mail.to(ANA)[0])["text/plain"]
    listed = re.findall(r"^\* (\w+) \S+: (.*)$", text, re.M)
    assert listed == [("broken", "failed"), ("visits", "succeeded, no data"),
                      ("purchases", "succeeded, 10 rows")]


def pretend_digests_ended_yesterday(home):
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute("update digest set until = until - 86400000000")


def test_neither_rows_nor_secrets_are_in_a_message(told, database):
    database.sql("create table purchases (ts timestamptz, user_id text, amount text);"
                 f"insert into purchases values ('{YESTERDAY} 11:30', 'u1', 'row-value-4711')")
    definition = ingestion(
        "purchases", query="select *, amount::int as kind from purchases").replace("lake", "shop")
    told.home.apply(database.connection() + definition)
    told.due(code=4)
    mail, = told.mail.to(ANA)
    assert "invalid input syntax for type integer" in mail.as_string().replace("=\n", "")
    outbox = told.notes()[0]["title"] + mail.as_string()
    for secret in "row-value-4711", PASSWORD, "secret":
        assert secret not in outbox
    told.home.apply(database.connection() + definition
                    + "[ingestion.purchases.notify]\ninclude_rows = true\n")
    with_rows(told)
    assert "row-value-4711" in parts(told.mail.to(ANA)[-1])["text/plain"]


def with_rows(told):
    """The day fails again, after everybody forgot the first time."""
    with sqlite3.connect(told.home.path / "catalog.db") as catalog:
        catalog.execute("update incident set closed_at = 0")
    told.later(hours=24)
    told.due(code=4)


def test_definitions_with_people_survive_export_and_apply(told):
    told.apply(ingestion("purchases", more=f"""
[ingestion.purchases.notify]
subscribers = ["{BEN}", "{ANA}"]
slack = ["#shop"]
include_rows = true""").replace("enabled = true", f'enabled = true\nowner = "{BEN}"'))
    exported = told.home.run("export").stdout
    assert f'owner = "{BEN}"' in exported and f'subscribers = ["{BEN}", "{ANA}"]' in exported
    assert "Nothing to change" in told.home.apply(exported).stdout
    said = told.home.apply(exported.replace(f'owner = "{BEN}"', 'owner = "a@b, c@d"'), code=1)
    assert '"a@b, c@d" is no e-mail address' in said.stderr
    changed = told.home.run("plan", told.home.path / "definitions.toml", code=1)
    assert "is no e-mail address" in changed.stderr
