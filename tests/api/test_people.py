"""People sign in with a password; roles and grants say what they may do; projects are apart."""
import sqlite3

import pytest

from called_service import PASSWORD, SESSION, Browser, Service, add, days_ago, made, unlimited
from home import Home

pytestmark = pytest.mark.one_shop

DAY = days_ago(1)


@pytest.fixture(scope="module")
def shop_of_module(shop_of_module):
    shop_of_module.run("load", "purchases", "--day", DAY)
    return shop_of_module


def test_a_password_is_kept_as_argon2id_and_never_shown(shop):
    add(shop, "Kept@Example.com", "editor")
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        dump = "\n".join(catalog.iterdump())
    assert PASSWORD not in dump and "$argon2id$" in dump
    listed = shop.run("user", "list")
    assert "kept@example.com" in listed.stdout and "argon2" not in listed.stdout
    assert "at least 10 characters" in add(
        shop, "short@example.com", "viewer", password="short", code=1).stderr
    assert "already" in add(shop, "kept@example.com", "viewer", code=1).stderr


def test_a_session_needs_its_cookie_and_for_changes_its_token(shop, service):
    add(shop, "session@example.com", "editor")
    browser = Browser(service, "session@example.com")
    set_cookie = browser.entered.headers["set-cookie"]
    assert "HttpOnly" in set_cookie and "SameSite=Strict" in set_cookie
    assert browser.ask("GET", SESSION).json["data"]["email"] == "session@example.com"
    assert service.ask("GET", SESSION).status == 401
    unit = {"name": "sessionID"}
    refused = browser.ask("POST", "/console/v1/unit_id_types", unit, token=False)
    assert refused.status == 403 and "X-CSRF-Token" in refused.json["message"]
    assert browser.ask("POST", "/console/v1/unit_id_types", unit).status == 201
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        dump = "\n".join(catalog.iterdump())
    assert browser.cookie.split("=")[1] not in dump and browser.token not in dump
    assert browser.ask("DELETE", SESSION).status == 200
    assert browser.ask("GET", SESSION).status == 401


def test_roles_and_grants_say_who_may_do_what(shop, service):
    add(shop, "viewer@example.com", "viewer")
    add(shop, "editor@example.com", "editor")
    add(shop, "granted@example.com", "editor", "connection.use:lake", "rows.read:lake")
    add(shop, "admin@example.com", "admin")
    asked = {
        "look": ("GET", "/api/v1/ingestions/purchases/days"),
        "change": ("PATCH", "/console/v1/unit_id_types/userID", {"description": "x"}),
        "test": ("POST", "/api/v1/connections/lake/test", {}),
        "sample": ("POST", "/api/v1/connections/lake/sample",
                   {"query": f"select * from 'purchases-{DAY}.parquet'", "day": DAY}),
        "rows": ("GET", f"/api/v1/ingestions/purchases/quarantine?day={DAY}"),
        "events": ("GET", "/console/v1/events"),
        "keys": ("GET", "/console/v1/keys"),
    }
    wanted = {
        "viewer": {"look": 200, "change": 403, "test": 403, "sample": 403, "rows": 403,
                   "events": 403, "keys": 403},
        # 409: allowed, and told that millrace.toml owns this unit type.
        "editor": {"look": 200, "change": 409, "test": 403, "sample": 403, "rows": 403,
                   "events": 403, "keys": 403},
        "granted": {"look": 200, "change": 409, "test": 200, "sample": 200, "rows": 200,
                    "events": 200, "keys": 403},
        "admin": {"look": 200, "change": 409, "test": 200, "sample": 200, "rows": 200,
                  "events": 200, "keys": 200},
    }
    for role, statuses in wanted.items():
        browser = Browser(service, f"{role}@example.com")
        assert {what: browser.ask(*call).status for what, call in asked.items()} == statuses, role
    assert "viewers have no grants" in add(
        shop, "x@example.com", "viewer", "rows.read:lake", code=1).stderr


def test_five_wrong_passwords_lock_a_user_out_until_somebody_ends_it(shop, service):
    add(shop, "locked@example.com", "editor")
    wrong = {"email": "locked@example.com", "password": "not this one"}
    assert [service.ask("POST", SESSION, None, wrong).status for _ in range(5)] == [401] * 5
    right = service.ask("POST", SESSION, None, {**wrong, "password": PASSWORD})
    assert right.status == 429 and 800 < int(right.headers["retry-after"]) <= 900
    unknown = service.ask("POST", SESSION, None, {**wrong, "email": "nobody@example.com"})
    assert (unknown.status, unknown.json["message"]) == (401, "E-mail address or password is wrong")
    shop.run("user", "change", "locked@example.com", "--role", "viewer")
    assert Browser(service, "locked@example.com").ask("GET", SESSION).json["data"]["role"] == \
        "viewer"


def test_who_is_deactivated_is_out_at_once(shop, service):
    add(shop, "leaver@example.com", "editor")
    browser = Browser(service, "leaver@example.com")
    assert browser.ask("GET", SESSION).status == 200
    shop.run("user", "deactivate", "leaver@example.com")
    assert browser.ask("GET", SESSION).status == 401
    assert service.ask("POST", SESSION, None, {
        "email": "leaver@example.com", "password": PASSWORD}).status == 401


def test_nothing_of_one_project_reaches_another(shop, service, engine, tmp_path):
    other = made(Home(tmp_path / "other"), engine)
    other.run("load", "purchases", "--day", DAY)
    add(other, "other@example.com", "admin")
    key = unlimited(shop, "console", "--scope", "omni_read_write", "can_access_keys")
    with Service(other) as beside:
        theirs = Browser(beside, "other@example.com")
        their_key = unlimited(other)
        for path in ("/console/v1/ingestion/runs", "/console/v1/keys", "/api/v1/users",
                     "/api/v1/ingestions", "/console/v1/events"):
            assert beside.ask("GET", path, key).status == 401
            assert service.ask("GET", path, their_key).status == 401
            assert service.ask("GET", path, headers={"Cookie": theirs.cookie}).status == 401
        asked = {"command": "query", "arguments": {"SQL": ["select * from events"]}}
        assert beside.ask("POST", "/api/v1/commands", key, asked).status == 401
        assert service.ask("POST", "/api/v1/commands", their_key, asked).status == 401
        assert service.ask("POST", SESSION, None, {
            "email": "other@example.com", "password": PASSWORD}).status == 401
        started, = beside.ask("POST", "/v1/mark_data_ready_dwh", their_key, {
            "datestamps": days_ago(2), "type": "events", "sources": ["purchases"]}).json["runs"]
        assert service.ask(
            "GET", "/console/v1/ingestion/runs/" + started["runID"], key).status == 404
    # Their store and their warehouse's folder, by a path in a query or in a connection.
    stolen = next(other.path.rglob("*.parquet"))
    for path in (stolen, other.warehouse / f"purchases-{DAY}.parquet"):
        for written in (path, f"{shop.warehouse}/../{path.relative_to(tmp_path)}"):
            reply = service.ask("POST", "/api/v1/connections/lake/sample", key, {
                "query": f"select * from '{written}'", "day": DAY})
            assert reply.status == 400 and "user1" not in reply.text, reply.text
        query = f"select * from read_parquet('{path}')"
        assert "user1" not in shop.run("query", query, code=1).stdout
        there = service.ask("POST", "/api/v1/commands", key, {
            "command": "query", "arguments": {"SQL": [query]}}).json["data"]
        assert there["exit_code"] == 1 and "user1" not in str(there)
    made_ = service.ask("POST", "/api/v1/connections", key, {
        "name": "theirs", "kind": "files", "settings": {"path": str(other.warehouse)}})
    assert made_.status == 400 and "outside the allowed folders" in made_.json["message"]
    sent = service.ask("POST", "/api/v1/commands", key, {
        "command": "apply", "arguments": {"PATH": ["set"]}, "files": [{
            "name": "set/theirs.toml",
            "text": f'[connection.theirs]\nkind = "files"\npath = "{other.warehouse}"\n'}]})
    assert sent.json["data"]["exit_code"] == 1
    assert "outside the allowed folders" in sent.json["data"]["notes"]
