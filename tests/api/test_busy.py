"""Slow warehouses and many who sign in leave threads for health, calls and reads."""
import concurrent.futures
import time

import pytest

from called_service import PASSWORD, SESSION, Service, add, days_ago, made, unlimited, write_day

SLOW = "select *, pg_sleep(12)::text as s from a"


@pytest.fixture
def slow(home, engine, database):
    database.sql(f"""create table a as select timestamptz '{days_ago(1)} 16:00Z' as ts,
                     'u' as user_id, 'k' as kind, 1.0 as amount; grant select on a to public""")
    shop = made(home, engine)
    file = shop.path / "definitions.toml"
    shop.apply(file.read_text() + database.connection())
    return shop


def quick(service, path, key=None, method="GET", body=None):
    began = time.monotonic()
    reply = service.ask(method, path, key, body)
    assert time.monotonic() - began < 2, path
    return reply.status


def test_slow_questions_leave_threads_for_everything_else(slow, engine):
    key = unlimited(slow)
    write_day(engine, slow, "purchases", days_ago(1))
    with Service(slow) as service, concurrent.futures.ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(service.ask, "POST", "/api/v1/connections/shop/sample", key,
                                {"query": SLOW, "day": days_ago(1)}) for _ in range(8)]
        time.sleep(2)
        assert {quick(service, path) for path in ("/healthz", "/readyz", "/metrics")} == {200}
        assert quick(service, "/v1/mark_data_ready_dwh", key, "POST",
                     {"datestamps": days_ago(1), "type": "events"}) == 202
        assert quick(service, "/api/v1/ingestions/purchases/days", key) == 200
        assert quick(service, f"/console/v1/ingestion/status?startDate={days_ago(2)}"
                              f"&endDate={days_ago(0)}", key) == 200
        replies = [one.result() for one in asked]
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 5 and {reply.status for reply in replies} == {200, 429}
    assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
    assert "Warehouses are being asked for others" in refused[0].json["message"]


def test_many_who_sign_in_leave_threads_for_everything_else(slow):
    key = unlimited(slow)
    add(slow, "viewer@example.com", "viewer")
    wrong = {"email": "nobody@example.com", "password": "not this one"}
    with Service(slow) as service, concurrent.futures.ThreadPoolExecutor(30) as callers:
        asked = [callers.submit(service.ask, "POST", SESSION, None, wrong) for _ in range(30)]
        assert {quick(service, path) for path in ("/healthz", "/readyz")} == {200}
        assert quick(service, "/api/v1/ingestions/purchases/days", key) == 200
        replies = [one.result() for one in asked]
        assert {reply.status for reply in replies} == {401, 429}
        refused = [reply for reply in replies if reply.status == 429]
        assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
        assert len(refused) >= 10
        time.sleep(10)
        sound = {"email": "viewer@example.com", "password": PASSWORD}
        assert service.ask("POST", SESSION, None, sound).status == 200
