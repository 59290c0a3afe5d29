"""Admins let people in, change what they may do and see them out; each has a wish of their own."""
import pytest

from called_service import PASSWORD, SESSION, Browser, add, make_key

USERS = "/api/v1/users"
ANA = "ana@example.com"


def user(service, key, email=ANA):
    return service.ask("GET", f"{USERS}/{email}", key).json["data"]


def test_a_key_that_may_see_keys_lets_people_in_changes_them_and_sees_them_out(service, key):
    made = service.ask("POST", USERS, key, {
        "email": "Ana@Example.com", "password": PASSWORD, "role": "editor",
        "grants": ["connection.use:lake"]})
    assert made.status == 201, made.text
    ana = made.json["data"]
    assert ana == {"id": ana["id"], "email": ANA, "role": "editor",
                   "grants": ["connection.use:lake"], "status": "active", "slack_direct": False}
    assert service.ask("GET", USERS, key).json["data"] == [ana]
    assert user(service, key) == user(service, key, ana["id"]) == ana
    browser = Browser(service, ANA)
    path = f"{USERS}/{ana['id']}"
    assert service.ask("PATCH", path, key, {"role": "viewer"}).json["data"] == {
        **ana, "role": "viewer", "grants": []}
    assert browser.ask("GET", SESSION).json["data"]["role"] == "viewer"
    assert service.ask("PATCH", path, key, {"password": "another one entirely"}).status == 200
    assert browser.ask("GET", SESSION).status == 401
    browser = Browser(service, ANA, "another one entirely")
    assert service.ask("PATCH", path, key, {"status": "deactivated"}).status == 200
    assert browser.ask("GET", SESSION).status == 401
    assert user(service, key)["status"] == "deactivated"
    assert service.ask("PATCH", path, key, {"status": "active"}).status == 200
    Browser(service, ANA, "another one entirely")
    logged = service.ask("GET", "/console/v1/audit_logs?actionType=user_update", key)
    assert [set(one["changes"]) for one in logged.json["data"]] == [
        {"active"}, {"active"}, {"role", "grants"}]
    everything = service.ask("GET", "/console/v1/audit_logs", key).text
    assert "user_password" in everything and "argon2" not in everything


@pytest.mark.parametrize("wrong, said", [
    ({"role": "owner"}, "role"),
    ({"grants": ["connection.drop:lake"]}, "there is no grant connection.drop:lake"),
    ({"role": "viewer", "grants": ["rows.read:lake"]}, "viewers have no grants"),
    ({"password": "short"}, "at least 10 characters"),
    ({"email": "nobody"}, "nobody is no e-mail address")])
def test_what_is_wrong_with_a_user_is_said(service, key, wrong, said):
    right = {"email": ANA, "password": PASSWORD, "role": "editor"}
    refused = service.ask("POST", USERS, key, {**right, **wrong})
    assert refused.status == 400 and said in refused.json["message"], refused.text
    assert service.ask("POST", USERS, key, right).status == 201
    taken = service.ask("POST", USERS, key, right)
    assert taken.status == 409 and "there is a user ana@example.com" in taken.json["message"]
    if "email" not in wrong:
        refused = service.ask("PATCH", f"{USERS}/{ANA}", key, wrong)
        assert refused.status == 400 and said in refused.json["message"], refused.text


def test_only_admins_and_keys_that_may_see_keys_reach_users(shop, service):
    calls = [("GET", USERS, None), ("GET", f"{USERS}/{ANA}", None),
             ("PATCH", f"{USERS}/{ANA}", {"slack_direct": False}),
             ("POST", USERS, {"email": "new@example.com", "password": PASSWORD, "role": "admin"})]
    add(shop, ANA, "admin")
    for role in ("viewer", "editor"):
        add(shop, f"{role}@example.com", role)
        browser = Browser(service, f"{role}@example.com")
        assert [browser.ask(*call).status for call in calls] == [403] * 4
    key = make_key(shop, "console", "--scope", "omni_read_write")
    assert {service.ask(method, path, key, body).status for method, path, body in calls} == {403}
    admin = Browser(service, ANA)
    assert [admin.ask(*call, token=False).status for call in calls] == [200, 200, 403, 403]
    assert [admin.ask(*call).status for call in calls] == [200, 200, 200, 201]
    assert admin.ask("GET", f"{USERS}/eve@example.com").status == 404


def test_the_last_active_admin_stays_one(shop, service, key):
    add(shop, ANA, "admin")
    add(shop, "leaver@example.com", "admin")
    shop.run("user", "deactivate", "leaver@example.com")
    for change in ({"role": "editor"}, {"status": "deactivated"}):
        refused = service.ask("PATCH", f"{USERS}/{ANA}", key, change)
        assert refused.status == 409 and "the only active admin" in refused.json["message"]
    for command in (("change", ANA, "--role", "viewer"), ("deactivate", ANA)):
        assert "Make another user an admin first" in shop.run("user", *command, code=1).stderr
    shop.run("user", "activate", "Leaver@example.com")
    assert Browser(service, ANA).ask("PATCH", f"{USERS}/{ANA}", {"role": "viewer"}).status == 200
    assert user(service, key)["role"] == "viewer"


def test_a_person_switches_direct_messages_on_and_nothing_else(shop, service, key):
    add(shop, ANA, "viewer")
    ana = Browser(service, ANA)
    assert ana.ask("GET", SESSION).json["data"]["slack_direct"] is False
    on = {"slack_direct": True, "role": "admin", "email": "eve@example.com"}
    assert ana.ask("PATCH", SESSION, on, token=False).status == 403
    changed = ana.ask("PATCH", SESSION, on)
    assert changed.status == 200, changed.text
    assert changed.json["data"] == user(service, key) == ana.ask("GET", SESSION).json["data"]
    assert (user(service, key)["slack_direct"], user(service, key)["role"]) == (True, "viewer")
    assert ana.ask("PATCH", SESSION, {"slack_direct": "yes"}).status == 400
    assert service.ask("PATCH", SESSION, key, on).status == 404
    assert service.ask("PATCH", SESSION, None, on).status == 401
    assert shop.json("user", "list")[0]["slack_direct"] is True
    shop.run("user", "change", ANA, "--slack-direct", "off")
    assert ana.ask("GET", SESSION).json["data"]["slack_direct"] is False
