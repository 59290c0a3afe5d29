"""`--server URL`: the same commands at another machine, with a key, in the same words."""
import concurrent.futures
import time

import pytest

from called_service import PASSWORD, SESSION, Service, add, days_ago, make_key, unlimited
from elsewhere import Elsewhere
from servers.smtp import certificate

pytestmark = pytest.mark.one_shop

DAY = days_ago(1)


@pytest.fixture(scope="module")
def shop_of_module(shop_of_module):
    shop_of_module.run("load", "purchases", "--from", days_ago(2), "--to", DAY)
    shop_of_module.run("load", "purchases", "--day", DAY)
    return shop_of_module


@pytest.fixture(scope="module")
def key_of_module(shop_of_module):
    return unlimited(shop_of_module, "console", "--description", "ana's laptop")


@pytest.fixture
def elsewhere(service, key, tmp_path):
    return Elsewhere(service, key, tmp_path)


@pytest.mark.parametrize("command, code", [
    ("days purchases", 0), (f"days purchases --from {DAY}", 0), ("days visits", 3),
    ("days nothing", 3), (f"history purchases --day {DAY}", 0),
    (f"certificate purchases --day {DAY}", 0), (f"diff purchases --day {DAY}", 0),
    ("run list", 0), ("run list --limit 1", 0), ("run show nothing", 3), ("schedule", 0),
    ("usage", 0), ("export", 0), ("export lake", 0), ("ingestion list", 0),
    ("ingestion show purchases", 0), ("connection kinds s3", 0),
    ("connection list", 0), ("connection show lake", 0), ("connection test lake", 0),
    ("connection tables lake", 0), ("connection columns lake purchases*.parquet", 0),
    (f"sample purchases --day {DAY} --rows 3", 0), (f"validate visits --day {DAY}", 0),
    (f"quarantine purchases --day {DAY}", 3), (f"quarantine nothing --day {DAY}", 3),
    ("check nothing", 3), ("retry purchases", 3), (f"release purchases --day {DAY}", 3)])
@pytest.mark.parametrize("form", [[], ["--json"], ["--json", "--progress"]])
def test_a_command_says_the_same_from_elsewhere(shop, elsewhere, command, code, form):
    there = elsewhere.run(*form, *command.split(), code=code)
    here = shop.run(*form, *command.split(), code=code)
    assert there.stdout == here.stdout and there.stdout + there.stderr
    # Its own progress is told only by the process that shows it.
    assert there.stderr == here.stderr or "--progress" in form


def test_the_warehouse_is_asked_from_elsewhere(elsewhere):
    # By the fingerprint or the token, which depends on who asked before.
    assert "0 of 2 days changed" in elsewhere.run("check", "purchases").stdout


@pytest.mark.parametrize("sql, code", [
    ("select day, ingestion, count(*) as n, sum(value) from events group by all order by all", 0),
    ("select * from events order by ts, unit_userID limit 5", 0), ("select 1 where false", 0),
    ("select i from range(1200) r(i)", 0), ("select nothing from events", 1),
    ("select * from read_text('/etc/passwd')", 1), ("select 1; select 2", 1),
    ("copy (select 1) to '/tmp/x'", 1)])
@pytest.mark.parametrize("form", [[], ["--json"], ["--json", "--progress"]])
def test_a_query_gives_the_same_from_elsewhere(shop, elsewhere, sql, code, form):
    there = elsewhere.run(*form, "query", sql, code=code)
    here = shop.run(*form, "query", sql, code=code)
    assert (there.stdout, there.stderr) == (here.stdout, here.stderr) and here.stdout + here.stderr


def test_a_file_of_sql_lies_where_it_is_typed(shop, service, key, elsewhere):
    (elsewhere.folder / "count.sql").write_text("select count(*) as n from events")
    assert elsewhere.json("query", "count.sql") == shop.rows("select count(*) as n from events")
    (shop.path / "there.sql").write_text("select 1 as secret")
    done = service.ask("POST", "/api/v1/commands", key, {
        "command": "query", "arguments": {"SQL": [str(shop.path / "there.sql")]}}).json["data"]
    assert done["exit_code"] == 1 and "secret" not in done["answer"]
    rows = elsewhere.json("sample", "--connection", "lake", "--query", "select 7 as seven")
    assert rows["rows"] == [{"seven": 7}]
    assert "seven" in elsewhere.run("map", "--connection", "lake", "--dataset", "events",
                                    "--query", "select 7 as seven").stdout


def test_a_large_answer_is_refused_whole(elsewhere):
    many = "select repeat('x', 1000) as x from range(20000)"
    for form in (["--json"], ["--json", "--progress"]):
        done = elsewhere.run(*form, "query", many, code=1)
        assert "larger than 16.0 MB" in done.stderr and "xxx" not in done.stdout
    assert "The first 1,000 rows" in elsewhere.run("query", many).stdout


def test_an_endless_query_is_ended_and_others_wait_their_turn(elsewhere):
    endless = "select count(*) from range(1000000000000) as r(i) where hash(i) = 7"
    with concurrent.futures.ThreadPoolExecutor() as callers:
        first = callers.submit(elsewhere.run, "query", endless, code=1)
        time.sleep(1)
        elsewhere.run("days", "purchases")
        busy = elsewhere.run("query", "select 1", code=1)
        assert "answered 429: Rows are being read for somebody else" in busy.stderr
        assert "query was ended: it took longer" in first.result().stderr
    assert elsewhere.json("query", "select 1 as one") == [{"one": 1}]


def test_a_day_is_asked_for_and_waited_for(shop, elsewhere):
    asked = elsewhere.run("--json", "trigger", "visits", "--day", DAY)
    assert '"result": "asked"' in asked.stdout
    done = elsewhere.run("trigger", "visits", "--day", days_ago(2), "--wait", "--timeout", "40s")
    assert done.stdout == f"visits {days_ago(2)}: loaded\n"
    shown = elsewhere.run("--json", "trigger", "visits", "--day", days_ago(3), "--wait").stdout
    assert '"result": "loaded"' in shown and '"rows": 10' in shown
    (shop.warehouse / f"visits-{days_ago(3)}.parquet").write_text("no parquet")
    failed = elsewhere.run("trigger", "visits", "--day", days_ago(3), "--wait", code=4)
    assert f"visits {days_ago(3)}: failed, " in failed.stdout
    unknown = elsewhere.run("--json", "trigger", "visit", "--day", DAY, "--wait", code=3)
    assert '"code": "unknown_ingestion"' in unknown.stdout and "visits" in unknown.stderr
    elsewhere.run("trigger", "visits", "--day", DAY, "--wait", "--timeout", "soon", code=2)


def test_changes_are_in_the_audit_log_as_the_keys(shop, elsewhere, service):
    assert "is paused" in elsewhere.run("pause", "purchases", "--why", "a move").stdout
    assert "a move" in shop.run("schedule", "purchases").stdout
    elsewhere.run("resume", "purchases")
    assert "is version" in elsewhere.run("undo", "purchases", "--day", DAY).stdout
    elsewhere.run("release", "purchases", "--day", DAY)
    log = service.ask("GET", "/console/v1/audit_logs", elsewhere.key).json["data"]
    mine = [entry["actionType"] for entry in log if "ana's laptop" in str(entry)]
    assert mine[:4] == ["day_release", "day_undo", "ingestion_resume", "ingestion_pause"]


def test_keys_people_and_test_messages_need_a_key_that_may_see_keys(shop, elsewhere):
    refused = elsewhere.run("key", "list", code=1)
    assert "answered 403" in refused.stderr and "can_access_keys" in refused.stderr
    admin = make_key(shop, "console", "--scope", "omni_read_write", "can_access_keys")
    made = elsewhere.json("key", "create", "--type", "secret", "--description", "job", key=admin)
    assert made["key"].startswith("secret-")
    assert made["id"] in {one["id"] for one in elsewhere.json("key", "list", key=admin)}
    assert elsewhere.json("key", "deactivate", made["id"], key=admin)["status"] == "deactivated"
    wrong = elsewhere.run("key", "create", "--type", "secret", "--scope", "omni_read_only",
                          key=admin, code=1)
    assert "A secret key has no scopes" in wrong.stderr
    elsewhere.run("user", "create", "far@example.com", "--role", "viewer", key=admin,
                  typed=PASSWORD + "\n")
    assert "far@example.com" in elsewhere.run("user", "list", key=admin).stdout
    assert "notify" in elsewhere.run("notify", "test", key=admin, code=1).stderr


def test_what_the_key_may_not_do_is_refused(shop, elsewhere):
    reader = make_key(shop, "console", "--scope", "omni_read_only")
    assert "purchases" not in elsewhere.run("days", "purchases", key=reader).stderr
    refused = elsewhere.run("pause", "purchases", key=reader, code=1)
    assert "answered 403" in refused.stderr and "omni_read_write" in refused.stderr
    secret = make_key(shop, "secret")
    assert "answered 401" in elsewhere.run("days", "purchases", key=secret, code=1).stderr
    assert "answered 401" in elsewhere.run("days", "purchases", key="console-x", code=1).stderr


def test_people_need_the_grants_that_the_command_needs(shop, service):
    add(shop, "editor@example.com", "editor")
    entered = service.ask("POST", SESSION, None, {
        "email": "editor@example.com", "password": PASSWORD})
    headers = {"Cookie": entered.headers["set-cookie"].split(";")[0],
               "X-CSRF-Token": entered.json["data"]["csrf_token"]}

    def status(command, **arguments):
        return service.ask("POST", "/api/v1/commands", None, {
            "command": command, "arguments": {name: [value] for name, value in arguments.items()}},
            headers).status
    assert status("days", NAME="purchases") == 200
    assert status("check", NAME="purchases") == 403
    assert status("quarantine", NAME="purchases", day=DAY) == 403
    assert status("query", SQL="select 1") == 403
    assert status("sample", connection="lake", query="select 1") == 403
    assert status("connection tables", NAME="lake") == 403
    assert status("connection show", NAME="lake") == 200
    assert status("secret set", NAME="lake.password") == 403


@pytest.mark.parametrize("arguments, said", [
    (["load", "purchases"], "load has no form with --server"),
    (["secret", "remove", "x"], "secret remove has no form with --server"),
    (["secret", "set", "x"], "no value for x came"),
    (["ingestion", "remove", "visits"], "ingestion remove has no form with --server"),
    (["quarantine", "purchases", "--day", DAY, "--export", "x.csv"], "no --export with --server"),
    (["quarantine", "purchases", "--day", DAY, "--replay"], "no --replay with --server"),
    (["quarantine", "purchases", "--day", DAY, "--rows", "10001"], "at most 10000 rows"),
    (["quarantine", "purchases", "--day", DAY, "--rows", "x"], "no number above zero"),
    (["--home", "/tmp", "days", "purchases"], "two places"),
    (["days"], "days needs NAME"),
])
def test_what_has_no_remote_form_says_so(elsewhere, arguments, said):
    assert said in elsewhere.run(*arguments, code=2).stderr


def test_a_caller_without_our_program_gets_no_further(service, key):
    def refusal(command, **arguments):
        reply = service.ask("POST", "/api/v1/commands", key, {
            "command": command, "arguments": arguments})
        assert reply.status == 400, reply.text
        return reply.json["message"]
    for command in ("load", "serve", "secret remove", "nothing", "days purchases"):
        assert "no command" in refusal(command, NAME=["purchases"])
    for option in ("export", "replay", "wait", "as"):
        assert f"no --{option}" in refusal("quarantine", **{
            "NAME": ["purchases"], "day": [DAY], option: ["/tmp/x"]})
    done = service.ask("POST", "/api/v1/commands", key, {
        "command": "days", "arguments": {"NAME": ["purchases"], "home": ["/tmp"]}}).json["data"]
    assert done["exit_code"] == 2 and "no option --home" in done["notes"]
    done = service.ask("POST", "/api/v1/commands", key, {
        "command": "days", "arguments": None, "json": None, "progress": None}).json["data"]
    assert done["exit_code"] == 2 and "needs NAME" in done["notes"]


def test_the_key_goes_nowhere_in_clear_text_and_is_never_shown(elsewhere):
    for url in ("http://millrace.example.com", "http://localhost.example.com", "example.com"):
        done = elsewhere.run("days", "purchases", url=url, code=2)
        assert "in clear text" in done.stderr and elsewhere.key not in done.stderr
    assert "MILLRACE_KEY is not set" in elsewhere.run("days", "purchases", key="", code=2).stderr
    gone = elsewhere.run("days", "purchases", url="http://127.0.0.1:9", code=1)
    assert "could not ask http://127.0.0.1:9" in gone.stderr and "millrace serve" in gone.stderr


def test_a_server_with_tls_is_verified(home, engine, tmp_path):
    home.init()
    crt, key_file = certificate(tmp_path)
    toml = home.path / "millrace.toml"
    toml.write_text(toml.read_text()
                    + f'\n[server]\ntls_certificate = "{crt}"\ntls_key = "{key_file}"\n')
    key = make_key(home)
    with Service(home) as service:
        caller = Elsewhere(service, key, tmp_path)
        url = caller.url.replace("http", "https")
        assert "certificate" in caller.run("run", "list", url=url, code=1).stderr
        known = caller.run("run", "list", url=url, code=3, MILLRACE_CA_FILE=str(crt))
        assert known.stdout == "Nothing has run yet\n"
