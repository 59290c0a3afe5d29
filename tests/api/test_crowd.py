"""Many at once, nonsense of every kind, and a service that is told to stop in the middle."""
import concurrent.futures
import json
import pathlib
import random
import re
import signal
import socket
import time
import urllib.parse

import pytest

from called_service import INGESTION, Service, unlimited, write_day
from home import NOON_ZONE, days_ago

pytestmark = pytest.mark.one_shop

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
READY = "/v1/mark_data_ready_dwh"
NONSENSE = [None, "", "null", 0, -1, 1.5, 10**30, True, [], {}, [[]], ["x", None], {"a": {"b": []}},
            "2026-11-01", "Events", "files", "\x00", "a\x00b", "é" * 300, "'; drop table load; --",
            "../../etc/passwd", "x" * 5000, {"": ""}]
SOUND = {
    READY: {"type": "events", "datestamps": [days_ago(1)], "sources": ["purchases"]},
    "/v1/mark_data_ready": {"type": "metrics", "timestamp": 1_700_000_000},
    "/console/v1/ingestion": {
        "type": "files", "dataset": "Events", "source_name": "Web", "enabled": False,
        "query": "select * from 'visits*.parquet'", "connection": "lake", "schedule_mode": "api",
        "column_mapping": {"event_name": "kind", "timestamp": "ts", "ids": {"userID": "user_id"}}},
    "/console/v1/ingestion/schedule": {"dataset": "Events", "scheduled_hour_pst": 10},
    "/console/v1/ingestion/backfill": {
        "type": "files", "dataset": "Events", "source": ["visits"], "datestamp_start": days_ago(2),
        "datestamp_end": days_ago(1)},
    "/console/v1/keys": {"type": "SERVER", "description": "job", "scopes": []}}
PARAMETERS = {"type": "files", "dataset": "Events", "source_name": "Web", "startDate": days_ago(9),
              "endDate": days_ago(1), "start_date": days_ago(9), "end_date": days_ago(1),
              "event_name": "purchase", "status": "ERROR", "page": "1", "limit": "5"}


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
    """What each takes, and who may call it; streams, which do not end, have tests of their own."""
    sections = [part for part in REFERENCE.read_text().split("\n### ")[1:]
                if "`text/event-stream`" not in part]
    found = [re.match(r"`(GET|POST|PATCH|DELETE) (\S+)`\n\n.* \*(\w+)\*\n", part).groups()
             for part in sections]
    assert len(found) > 60
    return found


@pytest.mark.parametrize("method, path", [(method, path) for method, path, _ in routes()])
def test_a_sound_request_with_one_part_of_nonsense_is_never_a_server_error(
        service, key, method, path):
    dice = random.Random(method + path)
    sound = SOUND.get(path, {"description": "other", "scopes": []})
    for name, nonsense in [(name, one) for name in sound for one in NONSENSE]:
        body = None if method in ("GET", "DELETE") else {**sound, name: nonsense}
        query = {**PARAMETERS, dice.choice(list(PARAMETERS)): str(dice.choice(NONSENSE))[:500]}
        where = path.replace("{id}", dice.choice(["x", "%00", "..", "%F0%9F", "a%20b", "a%2Fb"]))
        reply = service.ask(method, where + "?" + urllib.parse.urlencode(query), key, body)
        assert reply.status < 500, f"{body} {query} {reply.text} {service.log[-3:]}"
        if reply.status >= 400:
            assert reply.json["status"] == reply.status and reply.json["message"]


def test_a_request_without_a_key_gets_401_from_every_route_but_the_open_ones(service):
    for method, path, who in routes():
        reply = service.ask(method, path, body=None if method == "GET" else {})
        assert (reply.status == 401) == (who != "anyone"), (path, reply.text)
        assert reply.status < 500
    assert {path for _, path, who in routes() if who == "anyone"} == {
        "/healthz", "/readyz", "/metrics", "/docs", "/docs/{id}",
        "/docs/howto/{id}", "/docs/reference/{id}", "/docs/decisions/{id}",
        "/openapi.json", "/api/v1/session", "/api/v1/session/oidc",
        "/api/v1/session/oidc/callback"}


def test_told_to_stop_it_finishes_the_load_and_says_that_it_is_not_ready(home, engine):
    home.init(NOON_ZONE)
    write_day(engine, home, "purchases", days_ago(1), rows=1_400_000)
    home.apply(home.connect_files() + INGESTION.format(name="purchases").replace(
        "minute", "millisecond"))
    key = unlimited(home)
    with Service(home) as service:
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
    home.init(NOON_ZONE)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        said = home.run("serve", "--listen", taken, code=1).stderr
    assert f"could not listen at {taken}" in said and "Name another with --listen" in said
    assert "is no address to listen at" in home.run("serve", "--listen", "here", code=1).stderr


def test_the_address_may_stand_in_the_home(home):
    home.init(NOON_ZONE)
    with open(home.path / "millrace.toml", "a") as toml:
        toml.write('\n[server]\nlisten = "127.0.0.1:0"\n')
    with Service(home, listen=None) as service:
        assert service.ask("GET", "/healthz").json == json.loads('{"status": "ok"}')
        assert service.stop() == 0


def test_a_call_does_not_wait_for_a_long_backfill(home, engine):
    home.init(NOON_ZONE)
    write_day(engine, home, "purchases", days_ago(1))
    home.apply(home.connect_files() + INGESTION.format(name="purchases"))
    key = unlimited(home)
    with Service(home) as service:
        began = time.monotonic()
        reply = service.ask("POST", "/console/v1/ingestion/backfill", key, {
            "datestamp_start": days_ago(3000), "datestamp_end": days_ago(2), "type": "files",
            "dataset": "Events"})
        assert reply.status == 200 and time.monotonic() - began < 5
        fill = f"/console/v1/ingestion/runs/{reply.json['data']['runID']}"
        service.wait_for(
            fill, key, lambda reply: reply["data"]["latestStatus"] == "download_started")
        service.ask("POST", READY, key, {"datestamps": days_ago(1), "type": "events"})
        listed = service.wait_for("/console/v1/ingestion/runs", key, lambda reply: (
            reply["data"][0]["trigger"], reply["data"][0]["latestStatus"]) == (
                "api", "download_complete"), 30).json["data"]
        times = {step["status"]: step["statusTimestamp"] for step in listed[0]["runHistory"]}
        days = service.ask("GET", fill, key).json["data"]["granularHistory"][0]["statusByDate"]
        ended = [date["statuses"][0]["statusTimestamp"] for date in days
                 if date["statuses"][0]["status"] == "download_complete"]
        meanwhile = [at for at in ended if times["enqueued"] < at < times["started"]]
        assert len(meanwhile) <= 31 and len(ended) < 2999
        assert service.stop() == 0
