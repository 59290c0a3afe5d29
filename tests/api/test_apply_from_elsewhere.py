"""`plan` and `apply` with `--server`: files of another machine define what a service loads."""
import json
import shutil
import time

import pytest

from called_service import (INGESTION, PASSWORD, SESSION, add, days_ago, make_key, unlimited,
                            write_day)
from elsewhere import Elsewhere

pytestmark = pytest.mark.one_shop

DAY = days_ago(1)
SOURCE = INGESTION.format(name="clicks")


@pytest.fixture(scope="module")
def shop_of_module(shop_of_module, engine):
    write_day(engine, shop_of_module, "clicks", DAY)
    return shop_of_module


@pytest.fixture(scope="module")
def key_of_module(shop_of_module):
    return unlimited(shop_of_module, "console", "--description", "ana's laptop")


@pytest.fixture
def elsewhere(service, key, shop, tmp_path):
    caller = Elsewhere(service, key, tmp_path)
    yield caller
    for one in caller.json("ingestion", "list"):
        if "file://" in one["managed_by"]:
            shop.run("ingestion", "remove", one["name"])
    for one in caller.json("connection", "list"):
        if "file://" in one["managed_by"]:
            shop.run("connection", "remove", one["name"])


def owners(elsewhere):
    return {one["name"]: one["managed_by"] for one in elsewhere.json("ingestion", "list")}


def postgres(name="db", host="h", password="secret:db.password"):
    return (f'[connection.{name}]\nkind = "postgres"\nhost = "{host}"\ndatabase = "d"\n'
            f'user = "u"\npassword = "{password}"\n')


def test_a_folder_is_the_same_set_from_every_machine(elsewhere, shop, service, key):
    elsewhere.write("one/team/deep/sql/clicks.sql", "select * from 'clicks*.parquet'\n")
    elsewhere.write("one/team/deep/clicks.toml", SOURCE.replace(
        "query = \"select * from 'clicks*.parquet'\"", 'query_file = "sql/clicks.sql"'))
    shutil.copytree(elsewhere.folder / "one/team", elsewhere.folder / "two/team")
    (elsewhere.folder / "two/team/deep/clicks.toml").write_text(SOURCE)

    planned = elsewhere.run("plan", "one/team").stdout
    assert planned == shop.run("plan", elsewhere.folder / "one/team").stdout
    assert "ingestion clicks" in planned and "clicks" not in owners(elsewhere)
    assert "Applied: 1 ingestion" in elsewhere.run("apply", "one/team/").stdout
    assert owners(elsewhere)["clicks"] == "file://team/deep/clicks.toml"
    assert elsewhere.json("plan", "two/team") == []
    assert elsewhere.json("apply", "one/team/deep", "--as", "team/deep") == {
        "changes": [], "rebuilt": []}
    elsewhere.run("trigger", "clicks", "--day", DAY, "--wait", "--timeout", "40s")
    assert elsewhere.json("query", "select count(*) as n from events") == [{"n": 10}]

    reply = service.ask("PATCH", "/console/v1/ingestion", key, {
        "type": "files", "dataset": "Events", "source_name": "clicks", "enabled": False})
    assert reply.status == 409 and "//team/deep/clicks.toml" in reply.json["message"]
    log = service.ask("GET", "/console/v1/audit_logs", key).json["data"]
    assert any("clicks" in str(entry) and "ana's laptop" in str(entry) for entry in log)


def test_a_set_owns_only_what_it_made(elsewhere, shop):
    elsewhere.write("set/clicks.toml", SOURCE + SOURCE.replace("clicks]", "more]").replace(
        "clicks.map", "more.map").replace("clicks.sch", "more.sch"))
    elsewhere.run("apply", "set")
    # Neither another set, nor the home's own files, nor somebody who calls a set like those.
    elsewhere.write("other/clicks.toml", SOURCE.replace("amount", "user_id"))
    taken = elsewhere.run("apply", "other", code=1).stderr
    assert "ingestion clicks is managed by the set set/clicks.toml, not by the set other" in taken
    elsewhere.write("x/definitions.toml", INGESTION.format(name="visits").replace(
        '"amount"', '"user_id"'))
    taken = elsewhere.run("apply", "x/definitions.toml", "--as", ".", code=1).stderr
    assert "cannot be the name of a set" in taken
    taken = elsewhere.run("apply", "x/definitions.toml", code=1).stderr
    assert ("ingestion visits is managed by definitions.toml, not by the set x/definitions.toml"
            in taken)
    everything = shop.run("plan", shop.path, "--prune").stdout
    assert "clicks" not in everything and "Nothing to change" in everything

    elsewhere.write("set/clicks.toml", SOURCE)
    assert "--prune removes it" in elsewhere.run("apply", "set").stdout
    assert "more" in owners(elsewhere)
    assert "- remove ingestion more" in elsewhere.run("apply", "set", "--prune").stdout
    assert {"clicks", "visits"} < owners(elsewhere).keys() and "more" not in owners(elsewhere)


def test_a_set_may_have_a_name_at_the_machine_of_the_home_too(elsewhere, shop):
    elsewhere.write("a/clicks.toml", SOURCE)
    shop.run("apply", elsewhere.folder / "a", "--as", "warehouse")
    assert owners(elsewhere)["clicks"] == "file://warehouse/clicks.toml"
    elsewhere.write("b/clicks.toml", SOURCE.replace("amount", "user_id"))
    assert elsewhere.json("apply", "b", "--as", "warehouse")["changes"][0]["what"] == "change"


def test_days_of_the_definition_before_are_asked_for_again(elsewhere, shop):
    elsewhere.write("set/clicks.toml", SOURCE)
    elsewhere.run("apply", "set")
    elsewhere.run("trigger", "clicks", "--day", DAY, "--wait", "--timeout", "40s")
    elsewhere.write("set/clicks.toml", SOURCE.replace("clicks*", "click*"))
    asked = elsewhere.json("apply", "set", "--rebuild", "all")["rebuilt"]
    assert [(one["name"], one["asked"]) for one in asked] == [("clicks", 1)]
    until = time.monotonic() + 30
    while (day := elsewhere.json("run", "show", asked[0]["run"])[0]).get("ended_at") is None:
        assert time.monotonic() < until
    assert (day["trigger"], day["status"], day["rows"]) == ("backfill", "loaded", 10)
    assert elsewhere.json("plan", "set") == []


def test_what_dbt_built_here_is_loaded_there(elsewhere):
    reads = SOURCE.replace("select *", "with built as (select *").replace(
        "parquet'", "parquet') select * from built")
    elsewhere.write("set/clicks.toml", reads + reads.replace("clicks", "more").replace(
        "built", "broken"))
    elsewhere.run("apply", "set")

    def built(*models):
        path = elsewhere.write("target/run_results.json", json.dumps({"results": [
            {"unique_id": f"model.shop.{name}", "status": status,
             "relation_name": f'"d"."s"."{name}"', "compiled_code": "x" * 2_000_000}
            for name, status in models]}))
        return ["trigger", "--dbt-results", path, "--day", DAY, "--wait", "--timeout", "40s"]
    done = elsewhere.run(*built(("built", "success"), ("broken", "error")))
    assert done.stdout == f"clicks {DAY}: loaded\n"
    assert "more is not asked for: model.shop.broken did not succeed" in done.stderr
    both = elsewhere.json(*built(("built", "success"), ("broken", "success")), code=4)
    assert {one["ingestion"]: one["result"] for one in both} == {
        "clicks": "loaded", "more": "failed"}  # It has no files.
    none = elsewhere.run(*built(("other", "success")), code=3)
    assert none.stdout == "No enabled ingestion reads a model of that run\n"
    assert elsewhere.json(*built(("other", "success")), code=3) == []
    (elsewhere.folder / "x.json").write_text("{}")
    wrong = elsewhere.run("trigger", "--dbt-results", "x.json", "--day", DAY, code=1).stderr
    assert "these are no results of dbt" in wrong and "where: x.json" in wrong


@pytest.mark.parametrize("text, said", [
    (SOURCE.replace("timestamp =", "timestmap ="),
     ('unknown key "timestmap"', "where: //set/x.toml:9:1", 'did you mean "timestamp"')),
    (SOURCE + "[", ("where: //set/x.toml:1",)),
    (SOURCE.replace("query =", "query_file ="), ("there is no file ", "where: //set/x.toml:6:14")),
    ('[project]\nzone = "UTC"\n', ("[project] is server configuration", "//set/x.toml:1:2")),
    ('[server]\nlisten = "0.0.0.0:1"\n', ("[server] is server configuration",)),
    (postgres(password="env:SHOP_PASSWORD"), ("refers to a secret of this machine",
                                              "millrace secret set db.password", "x.toml:6:12")),
    (postgres(password="file:secrets/master.key"), ("millrace secret set db.password",)),
    (postgres(password="hunter2"), ("clear text",)),
    ('[connection.etc]\nkind = "files"\npath = "/etc"\n', ("/etc",)),
    (SOURCE.replace('"lake"', '"pond"'), ("connection pond, which does not exist",
                                          "where: //set/x.toml:3:14")),
])
def test_what_is_wrong_is_said_as_at_home(elsewhere, text, said):
    elsewhere.write("set/x.toml", text)
    for command in ("plan", "apply"):
        done = elsewhere.run(command, "set", code=3 if "pond" in text else 1)
        assert all(words in done.stderr for words in said), done.stderr
        assert "hunter2" not in done.stderr
    assert "clicks" not in owners(elsewhere)


def test_a_secret_is_set_from_elsewhere_and_shown_to_nobody(elsewhere, shop, service, database):
    elsewhere.write("set/db.toml", postgres())
    elsewhere.run("apply", "set")
    assert "secret db.password" in elsewhere.run("connection", "test", "db", code=1).stderr
    elsewhere.write("set/db.toml", database.connection("db", password="secret:db.password"))
    elsewhere.run("apply", "set")
    assert "is set" in elsewhere.run("secret", "set", "db.password", typed="secret\n").stdout
    assert "ok  log in" in elsewhere.run("connection", "test", "db", code=1).stdout  # No tables.
    log = service.ask("GET", "/console/v1/audit_logs", elsewhere.key).json["data"]
    assert any("the secret db.password is set" in str(one) and "ana's laptop" in str(one)
               for one in log)
    elsewhere.run("secret", "set", "db.password", typed="hunter2\n")
    assert "hunter2" not in str(log) + "".join(service.log)
    assert b"hunter2" not in (shop.path / "catalog.db").read_bytes()
    shop.run("secret", "remove", "db.password")


def test_a_kept_secret_follows_no_file_to_another_server(elsewhere, shop):
    elsewhere.write("set/db.toml", postgres())
    elsewhere.run("apply", "set")
    elsewhere.run("secret", "set", "db.password", typed="hunter2")
    elsewhere.run("apply", "set")  # Nothing changes.
    for name, host in (("db", "evil.example.com"), ("mine", "h")):
        elsewhere.write("set/db.toml", postgres(name, host))
        refused = elsewhere.run("apply", "set", code=1).stderr
        assert "the secret db.password was kept before" in refused
        assert f"secret:{name}.password2" in refused and "//set/db.toml" in refused
    elsewhere.write("set/db.toml", postgres("db", "other", "secret:db.password2"))
    elsewhere.run("apply", "set")
    shop.run("secret", "remove", "db.password")


def test_who_may_look_may_plan_and_who_may_change_may_apply(elsewhere, shop, service):
    elsewhere.write("set/clicks.toml", SOURCE)
    reader = make_key(shop, "console", "--scope", "omni_read_only")
    assert "ingestion clicks" in elsewhere.run("plan", "set", key=reader).stdout
    refused = elsewhere.run("apply", "set", key=reader, code=1).stderr
    assert "answered 403" in refused and "omni_read_write" in refused

    def applied_by(email, role, *grants):
        add(shop, email, role, *grants)
        entered = service.ask("POST", SESSION, None, {"email": email, "password": PASSWORD})
        return service.ask("POST", "/api/v1/commands", None, {
            "command": "apply", "arguments": {"PATH": ["set"]},
            "files": [{"name": "set/clicks.toml", "text": SOURCE}]}, {
                "Cookie": entered.headers["set-cookie"].split(";")[0],
                "X-CSRF-Token": entered.json["data"]["csrf_token"]})
    assert applied_by("viewer@example.com", "viewer").status == 403
    refused = applied_by("editor@example.com", "editor", "connection.use:other")
    assert refused.status == 403 and "connection.use:lake" in refused.json["message"]
    assert "clicks" not in owners(elsewhere)
    done = applied_by("lake@example.com", "editor", "connection.use:lake")
    assert done.json["data"]["exit_code"] == 0, done.text
    log = service.ask("GET", "/console/v1/audit_logs", elsewhere.key).json["data"]
    assert any("clicks" in str(one) and "lake@example.com" in str(one) for one in log)


def test_a_caller_without_our_program_gets_no_further(service, key):
    def refusal(path, files):
        reply = service.ask("POST", "/api/v1/commands", key, {
            "command": "apply", "arguments": {"PATH": path}, "files": files})
        assert reply.status == 400, reply.text
        return reply.json["message"]
    one = {"name": "set/a.toml", "text": SOURCE}
    for path, files in ((["set"], None), (["set"], []), ([], [one]), (["a", "b"], [one])):
        assert "needs a PATH" in refusal(path, files)
    for path, name in (("set", "other/a.toml"), ("set", "set/../a.toml"), ("set", "settle/a.toml"),
                       ("/", "/a.toml"), ("", "a.toml"), ("..", "../a.toml"), ("a//b", "a//b/c"),
                       ("set", "set/\n.toml")):
        assert "does not lie in the set" in refusal([path], [{**one, "name": name}])
    done = service.ask("POST", "/api/v1/commands", key, {
        "command": "apply", "arguments": {"PATH": ["set"]}, "files": [{
            "name": "set/a.toml",
            "text": SOURCE.replace("query =", "query_file =").replace("select * from ", "/etc/")}]})
    assert "there is no file /etc/" in done.json["data"]["notes"]


def test_what_is_too_large_is_refused_with_what_to_do(elsewhere):
    elsewhere.write("set/large.toml", "#" * (1 << 20) + "\n" + SOURCE)
    refused = elsewhere.run("apply", "set", code=1).stderr
    assert "answered 413: The body is larger than 1048576 bytes" in refused
    assert "applied one by one" in refused
