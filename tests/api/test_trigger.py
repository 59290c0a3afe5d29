"""mark_data_ready: the load really runs, once, and the caller can see what became of it."""
import datetime
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest

from called_service import INGESTION, make_key, running, unlimited, write_day
from home import NOON, ROOT, days_ago

READY = "/v1/mark_data_ready_dwh"


def status_path(dataset="Events"):
    return (f"/console/v1/ingestion/status?startDate={days_ago(1)}&endDate={days_ago(-1)}"
            f"&dataset={dataset}")


def loaded(service, key, count, dataset="Events"):
    return service.wait_for(status_path(dataset), key, lambda reply: len(
        [row for row in reply["data"] if row["status"] == "IMPORT_SUCCESSFUL"]) == count)


def test_a_call_loads_the_day_of_every_source_and_its_status_shows_it(shop, service, key):
    reply = service.ask("POST", READY, key, {"datestamps": days_ago(1), "type": "events"})
    assert reply.status == 202
    assert reply.json["success"] is True
    assert [(run["source"], run["date"]) for run in reply.json["runs"]] == [
        ("purchases", days_ago(1)), ("visits", days_ago(1))]
    assert len({run["runID"] for run in reply.json["runs"]}) == 1
    began = time.monotonic()
    shown = service.ask("GET", status_path(), key).json["data"]
    assert {row["source_name"] for row in shown} == {"purchases", "visits"}
    assert time.monotonic() - began < 2
    loaded(service, key, 2)
    assert shop.rows("select count(*) as n from events") == [{"n": 20}]
    assert {load["trigger"] for load in shop.json("usage")} == {"api"}


def test_the_published_samples_headers_and_body_work_by_curl(shop, service, key):
    secret = make_key(shop, "secret")
    done = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", "--location", "--request", "POST",
         f"http://{service.host}:{service.port}{READY}",
         "--header", f"statsig-api-key: {secret}", "--header", "Content-Type: application/json",
         "--data-raw", json.dumps({"datestamps": days_ago(2), "type": "events",
                                   "sources": ["purchases"]})],
        capture_output=True, text=True, timeout=30)
    body, status = done.stdout.rsplit("\n", 1)
    assert status == "202" and json.loads(body)["runs"][0]["source"] == "purchases"
    loaded(service, key, 1)


def test_a_list_of_dates_loads_each_of_them_once(shop, service, key):
    dates = [days_ago(1), days_ago(3), days_ago(1)]
    reply = service.ask("POST", READY, key, {"datestamps": dates, "type": "Events",
                                             "sources": ["visits"]})
    assert [run["date"] for run in reply.json["runs"]] == [days_ago(3), days_ago(1)]
    loaded(service, key, 2)


def test_a_published_date_is_refused_for_two_hours_and_the_whole_list_with_it(shop, service, key):
    body = {"datestamps": days_ago(1), "type": "events", "sources": ["purchases"]}
    service.ask("POST", READY, key, body)
    loaded(service, key, 1)
    both = {**body, "datestamps": [days_ago(1), days_ago(2)]}
    reply = service.ask("POST", READY, key, both)
    assert reply.status == 429 and f"purchases {days_ago(1)};" in reply.json["message"]
    assert 7100 < int(reply.headers["retry-after"]) <= 7200
    time.sleep(0.5)
    assert shop.rows("select count(distinct day) as n from events") == [{"n": 1}]
    assert service.ask("POST", READY, key, {**body, "sources": ["visits"]}).status == 202


def test_a_day_that_is_called_before_it_is_over_may_be_called_again_and_is_loaded_for_good(
        shop, service, key, engine):
    write_day(engine, shop, "purchases", days_ago(0), rows=5)
    body = {"datestamps": days_ago(0), "type": "events", "sources": ["purchases"]}
    for count in (1, 2):
        assert service.ask("POST", READY, key, body).status == 202
        loaded(service, key, count)
    assert [row["status"] for row in shop.json("days", "purchases")] == ["provisional"]
    service.stop()
    # As if three days had passed: the tests' today is the day that the call was about.
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        for table in ("day", "version", "load"):
            catalog.execute(f"update {table} set day = ? where day = ?",
                            (days_ago(3), days_ago(0)))
    write_day(engine, shop, "purchases", days_ago(3), rows=12)
    done = shop.json("load", "--due")
    assert [(one["day"], one["trigger"], one["result"]) for one in done] == [
        (days_ago(3), "resync", "loaded")]
    assert [(row["status"], row["rows"]) for row in shop.json("days", "purchases")
            if row["day"] == days_ago(3)] == [("succeeded", 12)]
    assert shop.json("load", "--due") == []


def test_a_failed_or_empty_date_may_be_called_again_at_once(shop, service, key, engine):
    body = {"datestamps": days_ago(5), "type": "events", "sources": ["purchases"]}
    assert service.ask("POST", READY, key, body).status == 202
    service.wait_for(status_path(), key, lambda reply: "LOADED_EMPTY_DATA" in str(reply))
    write_day(engine, shop, "purchases", days_ago(5))
    assert service.ask("POST", READY, key, body).status == 202
    loaded(service, key, 1)


def test_a_call_for_a_day_that_waits_joins_it(shop, key):
    first = shop.json("trigger", "purchases", "--day", days_ago(1))
    again = shop.json("trigger", "purchases", "--day", days_ago(1))
    assert first["run"] == again["run"] and first["result"] == "asked"
    for service in running(shop):
        loaded(service, key, 1)
    assert len(shop.json("history", "purchases", "--day", days_ago(1))) == 1


def test_an_idempotency_key_gets_the_stored_answer_also_when_limited(shop, service, key):
    body = {"datestamps": days_ago(1), "type": "events", "sources": ["purchases"]}
    named = {"Idempotency-Key": "load-1"}
    first = service.ask("POST", READY, key, body, named)
    loaded(service, key, 1)
    assert service.ask("POST", READY, key, body).status == 429
    again = service.ask("POST", READY, key, body, named)
    assert (again.status, again.text) == (202, first.text)
    other = service.ask("POST", READY, key, {**body, "datestamps": days_ago(2)}, named)
    assert other.status == 422
    someone_else = service.ask("POST", READY, unlimited(shop), body, named)
    assert someone_else.status == 429


@pytest.mark.parametrize("body, said", [
    ({}, "datestamps is required"),
    ({"datestamps": "2026-11-20"}, "type is required"),
    ({"type": "events", "datestamps": 20261120}, "datestamps must be a string or a list"),
    ({"type": "events", "datestamps": ["2026-13-01"]}, "must be a date such as"),
    ({"type": "events", "datestamps": "2999-01-01"}, "has not begun yet"),
    ({"type": "events", "datestamps": "2026-11-01", "sources": ["nobody"]}, "nobody"),
    ({"type": "cheese", "datestamps": "2026-11-01"}, "there is no dataset cheese"),
    ({"type": "entity_properties", "datestamps": "2026-11-01"}, "API Triggered"),
    ([1, 2], "must be a JSON object"),
    (b'{"type": "events",', "not valid JSON"),
    (b'{"type": "\xff\xfe"}', "not valid JSON"),
    pytest.param(b"[" * 100_000, "not valid JSON", id="a hundred thousand brackets"),
])
def test_a_wrong_body_is_refused_with_the_reason(service_of_module, shop_of_module, body, said):
    key = unlimited(shop_of_module)
    reply = service_of_module.ask("POST", READY, key, body)
    assert reply.status == 400 and said in reply.json["message"], reply.text
    assert reply.json["status"] == 400


def test_a_timestamp_closes_the_days_before_it(shop, service, key):
    def mark(date, **more):
        at = datetime.datetime.fromisoformat(date).replace(tzinfo=NOON).timestamp()
        return service.ask("POST", "/v1/mark_data_ready", key,
                           {"timestamp": int(at) + 3600, "type": "metrics", **more})
    first = mark(days_ago(2))
    assert first.status == 202 and [r["date"] for r in first.json["runs"]] == [days_ago(3)]
    then = mark(days_ago(0))
    assert [r["date"] for r in then.json["runs"]] == [days_ago(2), days_ago(1)]
    assert "before that of an earlier call" in mark(days_ago(1)).json["message"]
    assert "must be metrics" in mark(days_ago(0), type="events").json["message"]
    assert "in the future" in mark(days_ago(-3)).json["message"]
    loaded(service, key, 3, "Metrics")


def test_trigger_waits_for_the_running_service(shop, service):
    done = shop.json("trigger", "purchases", "--day", days_ago(1), "--wait", "--timeout", "60s")
    assert (done["result"], done["rows"]) == ("loaded", 10)
    shop.apply(shop.connect_files() + INGESTION.format(name="purchases").replace(
        'timestamp = "ts"', 'timestamp = "nowhere"'))
    failed = shop.json("trigger", "purchases", "--day", days_ago(2), "--wait", code=4)
    assert failed["result"] == "failed" and "nowhere" in failed["error"]["message"]


def test_trigger_without_a_service_gives_up_waiting_and_stays_asked_for(shop):
    said = shop.run("trigger", "purchases", "--day", days_ago(1), "--wait", "--timeout", "1s",
                    code=1).stderr
    assert "See whether `millrace serve` runs" in said
    assert [one["result"] for one in shop.json("load", "--due")] == ["loaded"]


def test_a_killed_service_loses_nothing_that_was_asked_for(shop, key):
    for service in running(shop):
        service.ask("POST", READY, key, {"datestamps": [days_ago(1), days_ago(2), days_ago(3)],
                                         "type": "events"})
        service.process.kill()
    for service in running(shop):
        service.wait_for(status_path(), key, lambda _: shop.rows(
            "select count(*) as n from events") == [{"n": 60}], seconds=30)


def test_the_how_to_page_works_as_it_is_written(shop, service, key):
    page = (ROOT / "docs" / "howto" / "trigger.md").read_text()
    call = re.search(r"^curl .*?^```", page, re.M | re.S)[0].removesuffix("```")
    call = call.replace("127.0.0.1:8080", f"{service.host}:{service.port}").replace(
        "2026-11-20", days_ago(1))
    secret = make_key(shop, "secret")
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, timeout=30,
                          env={**os.environ, "KEY": secret})
    assert json.loads(done.stdout)["runs"][0]["source"] == "purchases", done
    loaded(service, key, 1)
    ask = re.search(r"^millrace trigger (.*)$", page, re.M)[1].replace("2026-11-20", days_ago(2))
    assert "purchases " in shop.run("trigger", *ask.split()).stdout
    assert shop.rows("select count(distinct day) as n from events") == [{"n": 2}]
