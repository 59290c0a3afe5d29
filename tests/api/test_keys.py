"""Who may call what, and how often."""
import sqlite3

import pytest

from called_service import make_key, unlimited

pytestmark = pytest.mark.one_shop

LIST = "/console/v1/ingestion/runs"


def test_a_key_is_shown_once_and_only_its_digest_is_kept(shop):
    key = make_key(shop, "console", "--description", "for the tests")
    assert key.startswith("console-") and len(key) == len("console-") + 32
    listed = [one for one in shop.json("key", "list") if one["description"] == "for the tests"]
    assert listed[0]["key"] == key[:12] + "…" and listed[0]["status"] == "active"
    assert "last_used_at" not in listed[0]
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        assert key not in "\n".join(catalog.iterdump())


def test_only_an_active_console_key_opens_the_console(shop, service):
    key = make_key(shop)
    assert service.ask("GET", LIST, key).status == 200
    assert any(one.get("last_used_at") for one in shop.json("key", "list"))
    for wrong in (None, "console-nonsense", "console-\xe9", make_key(shop, "secret"),
                  make_key(shop, "client")):
        reply = service.ask("GET", LIST, wrong)
        assert reply.status == 401
        assert reply.json["message"].startswith(
            "This endpoint only accepts an active CONSOLE key. Key: ")
    found = [one["id"] for one in shop.json("key", "list") if key.startswith(one["key"][:-1])]
    shop.run("key", "deactivate", found[0])
    assert service.ask("GET", LIST, key).status == 401


def test_the_header_counts_in_any_case(shop, service):
    key = make_key(shop)
    for name in ("STATSIG-API-KEY", "statsig-api-key", "Statsig-Api-Key"):
        assert service.ask("GET", LIST, headers={name: key}).status == 200


def test_a_client_key_may_not_say_that_data_is_ready(shop, service):
    reply = service.ask("POST", "/v1/mark_data_ready_dwh", make_key(shop, "client"), {})
    assert reply.status == 401
    assert service.ask("POST", "/v1/mark_data_ready_dwh", make_key(shop, "secret"),
                       {}).status == 400


def test_a_key_that_only_reads_may_not_change_anything(shop, service):
    key = make_key(shop, "console", "--scope", "omni_read_only")
    assert service.ask("GET", LIST, key).status == 200
    reply = service.ask("POST", "/v1/mark_data_ready_dwh", key, {})
    assert (reply.status, reply.json["message"][:18]) == (403, "Forbidden resource")


def test_the_101st_request_in_ten_seconds_is_refused_and_says_when(shop, service):
    key = make_key(shop)
    assert {service.ask("GET", LIST, key).status for _ in range(100)} == {200}
    reply = service.ask("GET", LIST, key)
    assert reply.status == 429 and 1 <= int(reply.headers["retry-after"]) <= 10
    assert (reply.headers["ratelimit-limit"], reply.headers["ratelimit-remaining"]) == ("100", "0")
    assert service.ask("GET", LIST, make_key(shop)).status == 200


def test_limits_are_set_per_key_and_zero_is_none(shop, service):
    few = make_key(shop, "console", "--per-10s", "2")
    assert [service.ask("GET", LIST, few).status for _ in range(3)] == [200, 200, 429]
    free = unlimited(shop)
    assert {service.ask("GET", LIST, free).status for _ in range(150)} == {200}
    said = shop.run("key", "create", "--type", "console", "--per-10s", "x", code=2).stderr
    assert "--per-10s x is no number of requests" in said
