"""Many at once, nonsense of every kind, and a service that is told to stop in the middle."""
import concurrent.futures
import json
import pathlib
import random
import re
import signal
import socket
import time

import pytest

from called_service import INGESTION, Service, days_ago, unlimited, write_day

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
READY = "/v1/mark_data_ready_dwh"
NONSENSE = [None, "", "null", 0, -1, 1.5, 10**30, True, [], {}, [[]], ["x", None], {"a": {"b": []}},
            "2026-11-01", "Events", "files", "\x00", "a\x00b", "é" * 300, "'; drop table load; --",
            "../../etc/passwd", "x" * 5000, {"": ""}]
NAMES = ["type", "dataset", "source_name", "query", "column_mapping", "enabled", "datestamps",
         "sources", "source", "timestamp", "datestamp_start", "datestamp_end", "description",
         "scopes", "scheduled_hour_pst", "connection", "schedule_mode", "page", "limit",
         "startDate", "endDate", "start_date", "end_date", "event_name", "status"]


@pytest.fixture(scope="module")
def shop(shop_of_module):
    return shop_of_module


@pytest.fixture(scope="module")
def service(service_of_module):
    return service_of_module


@pytest.fixture(scope="module")
def key(shop):
    return unlimited(shop, "console", "--scope", "omni_read_write", "can_access_keys")


def test_twenty_callers_at_once_start_one_load_and_those_with_one_key_get_one_answer(
        shop, service, key):
    body = {"datestamps": days_ago(1), "type": "events", "sources": ["purchases"]}

    def call(number):
        named = {"Idempotency-Key": "same"} if number % 2 else {}
        return service.ask("POST", READY, key, body, named)

    with concurrent.futures.ThreadPoolExecutor(20) as callers:
        replies = list(callers.map(call, range(20)))
    assert {reply.text for reply in replies if reply.headers.get("idempotent-replay")} <= {
        replies[1].text}
    assert {reply.status for reply in replies} <= {202, 429}
    service.wait_for(f"/console/v1/ingestion/runs/{replies[1].json['runs'][0]['runID']}", key,
                     lambda reply: reply["data"]["latestStatus"] == "download_complete")
    assert len({run["runID"] for reply in replies if reply.status == 202
                for run in reply.json["runs"]}) <= 2
    assert shop.rows("select count(*) as n from events") == [{"n": 10}]


def routes():
    found = re.findall(r"^\| `(GET|POST|PATCH|DELETE) (\S+)` \|", REFERENCE.read_text(), re.M)
    assert len(found) > 20
    return found


@pytest.mark.parametrize("method, path", routes())
def test_no_nonsense_is_answered_with_a_server_error(service, key, method, path):
    dice = random.Random(method + path)
    sound = {"type": "files", "dataset": "Events", "source_name": "no such source"}
    for _ in range(40):
        body = {**sound, **{dice.choice(NAMES): dice.choice(NONSENSE) for _ in range(3)}}
        query = "&".join(f"{dice.choice(NAMES)}={dice.choice(['', '0', 'x', '2026-11-01', '%00'])}"
                         for _ in range(3))
        where = path.replace("{id}", dice.choice(["x", "%00", "..", "%F0%9F", "a b".replace(
            " ", "%20")]))
        reply = service.ask(method, f"{where}?{query}", key, None if method == "GET" else body)
        assert reply.status < 500, (body, query, reply.text)
        if reply.status >= 400:
            assert reply.json["status"] == reply.status and reply.json["message"]
        if method == "POST" and path.endswith("/keys"):
            break


def test_a_request_without_a_key_gets_401_from_every_route_but_health(service):
    for method, path in routes():
        reply = service.ask(method, path, body=None if method == "GET" else {})
        assert reply.status == (200 if path in ("/healthz", "/readyz") else 401), path


def test_told_to_stop_it_finishes_the_load_and_says_that_it_is_not_ready(home, engine):
    home.init()
    write_day(engine, home, "purchases", days_ago(1), rows=1_400_000)
    home.apply(home.connect_files() + INGESTION.format(name="purchases").replace(
        "minute", "millisecond"))
    key = unlimited(home)
    service = Service(home)
    service.ask("POST", READY, key, {"datestamps": days_ago(1), "type": "events"})
    status = (f"/console/v1/ingestion/status?startDate={days_ago(1)}&endDate={days_ago(-1)}"
              "&limit=1")
    service.wait_for(status, key, lambda reply: reply["data"][0]["status"] == "IMPORT_STARTED")
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    reply = service.ask("GET", "/readyz")
    assert (reply.status, reply.json["message"]) == (503, "The service is about to stop")
    assert service.process.wait(60) == 0
    assert home.json("days", "purchases")[0]["status"] == "succeeded"


def test_an_address_in_use_or_none_at_all_is_said_at_once(home):
    home.init()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        said = home.run("serve", "--listen", taken, code=1).stderr
    assert f"could not listen at {taken}" in said and "Name another with --listen" in said
    assert "is no address to listen at" in home.run("serve", "--listen", "here", code=1).stderr


def test_the_address_may_stand_in_the_home(home):
    home.init()
    with open(home.path / "millrace.toml", "a") as toml:
        toml.write('\n[server]\nlisten = "127.0.0.1:0"\n')
    service = Service(home, listen=None)
    assert service.ask("GET", "/healthz").json == json.loads('{"status": "ok"}')
    assert service.stop() == 0


def test_a_call_does_not_wait_for_a_long_backfill(home, engine):
    home.init()
    write_day(engine, home, "purchases", days_ago(1))
    home.apply(home.connect_files() + INGESTION.format(name="purchases"))
    key = unlimited(home)
    service = Service(home)
    began = time.monotonic()
    reply = service.ask("POST", "/console/v1/ingestion/backfill", key, {
        "datestamp_start": days_ago(3000), "datestamp_end": days_ago(2), "type": "files",
        "dataset": "Events"})
    assert reply.status == 200 and time.monotonic() - began < 5
    service.ask("POST", READY, key, {"datestamps": days_ago(1), "type": "events"})
    service.wait_for("/console/v1/ingestion/runs", key, lambda reply: reply["data"][0]["trigger"]
                     == "api" and reply["data"][0]["latestStatus"] == "download_complete", 30)
    backfill = service.ask("GET", f"/console/v1/ingestion/runs/{reply.json['data']['runID']}", key)
    assert backfill.json["data"]["latestStatus"] != "download_complete"
    assert service.stop() == 0
