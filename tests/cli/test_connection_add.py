"""`connection add`: asks for what is missing, tests it, and only then writes anything."""
import stat

import pytest

from home import BUILD
from screen import Screen

SETTINGS = ("host=127.0.0.1", "database=shop", "user=reader")


@pytest.fixture
def made(home):
    home.init()
    return home


@pytest.fixture
def server(postgres, database):
    """PostgreSQL with a database that has something to read."""
    database.sql("create table purchases(ts timestamptz, user_id text)")
    return [f"port={postgres.port}", f"database={database.name}"]


def written(home):
    return sorted(str(path.relative_to(home.path)) for folder in ("connections", "secrets")
                  for path in (home.path / folder).glob("*"))


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_asks_for_what_is_missing_and_keeps_the_secret_for_its_owner(made, server):
    screen = Screen(made.command("connection", "add", "postgres", "shop", "--set",
                                 *server))
    screen.until("Unix socket): ").type("127.0.0.1").until("nothing else): ").type("reader")
    screen.until("password (Its password; Enter for none): ").type("secret").end()
    assert screen.code == 0, screen.text
    assert "secret\r\n" not in screen.text  # what is typed for a secret is not shown
    assert "ssh_key" not in screen.text  # nobody asked for a tunnel
    assert "Added shop (PostgreSQL)" in screen.text
    secret = made.path / "secrets/shop.password"
    assert (secret.read_text(), mode_of(secret), mode_of(secret.parent)) == ("secret", 0o600, 0o700)
    toml = (made.path / "connections/shop.toml").read_text()
    assert 'password = "file:secrets/shop.password"' in toml and '"secret"' not in toml
    made.run("connection", "test", "shop")
    assert made.json("connection", "show", "shop")["managed_by"] == "file:connections/shop.toml"


def test_ctrl_c_at_a_question_ends_at_once_and_what_is_typed_is_shown_again(made):
    asks = " ".join(made.command("connection", "add", "postgres", "shop", "--set", *SETTINGS))
    screen = Screen(["/bin/sh", "-c", f"trap : INT; {asks}; echo ended with $?; stty -a"])
    screen.until("Enter for none): ").interrupt().end(seconds=10)
    assert "ended with 130" in screen.text
    assert " echo " in screen.text.replace("\r\n", " ") and " -echo " not in screen.text
    assert written(made) == []


def test_a_secret_that_is_given_becomes_a_reference_too(made, server):
    made.run("connection", "add", "postgres", "shop", "--set", *SETTINGS[:1], *SETTINGS[2:],
             *server, "password=secret")
    assert written(made) == ["connections/shop.toml", "secrets/shop.password"]
    assert "file:secrets/shop.password" in made.run("connection", "show", "shop").stdout


@pytest.mark.parametrize("given, words", [
    (["postgres", "a/b", "--set", *SETTINGS], '"a/b" cannot be the name of a connection'),
    (["postgres", "../up", "--set", *SETTINGS], '"../up" cannot be the name of a connection'),
    (["postgres", "shop", "--set", "host=h"], "database is missing"),
    (["postgres", "shop", "--set", "hots=h"], 'did you mean "host"?'),
    (["postgres", "shop", "--set", "host"], "--set takes KEY=VALUE, not host"),
    (["postgres", "shop", "--set", *SETTINGS, "port=1", "password=x"], "reach failed"),
    (["files", "lake", "--set", "path=/etc"], "outside the allowed folders"),
    (["mysql", "shop"], "there is no kind of connection named mysql"),
])
def test_what_is_refused_or_fails_its_test_leaves_no_file(made, given, words):
    code = {"--set takes": 2, "there is no kind": 3}.get(words[:len("--set takes")],
                                                         3 if given[0] == "mysql" else 1)
    refused = made.run("connection", "add", *given, code=code)
    assert words in refused.stderr and "what to do: " in refused.stderr
    assert written(made) == [] and made.json("connection", "list") == []


def test_why_a_test_failed_is_said_once(made):
    given = ("connection", "add", "postgres", "shop", "--set", *SETTINGS, "port=1", "password=x")
    refused = made.run(*given, code=1)
    shown = refused.stdout + refused.stderr
    assert "not added: reach failed" in shown and shown.count("127.0.0.1:1 as reader") == 1
    error = made.json(*given, code=1)["error"]
    assert "127.0.0.1:1 as reader" in error["message"] and "--no-test" in error["advice"]


def test_a_name_that_is_taken_is_refused_and_the_first_one_stays(made):
    made.run("connection", "add", "files", "lake", "--set", f"path={made.warehouse}")
    before = (made.path / "connections/lake.toml").read_text()
    taken = made.run("connection", "add", "postgres", "lake", "--no-test", "--set", *SETTINGS,
                     code=1)
    assert "there is a connection lake already" in taken.stderr
    assert (made.path / "connections/lake.toml").read_text() == before


def test_untested_it_is_added_as_it_is_and_removed_with_its_secret(made):
    made.run("connection", "add", "postgres", "shop", "--no-test", "--set", *SETTINGS, "password=x")
    assert written(made) == ["connections/shop.toml", "secrets/shop.password"]
    made.run("connection", "remove", "shop")
    assert written(made) == [] and made.json("connection", "list") == []


def test_a_connection_that_an_ingestion_uses_stays(shop):
    refused = shop.run("connection", "remove", "lake", code=1)
    assert "uses connection lake" in refused.stderr
    assert "millrace ingestion remove" in refused.stderr
    assert shop.json("connection", "show", "lake")["kind"] == "files"


def test_init_asks_for_zone_unit_types_and_owner_where_it_can(tmp_path):
    screen = Screen([str(BUILD / "millrace"), "--home", str(tmp_path / "home"), "init"])
    screen.until("time zone").type("Europe/Berlin").until("Unit types").type("")
    screen.until("Who hears of days").type("ana@example.com").end()
    assert screen.code == 0, screen.text
    toml = (tmp_path / "home/millrace.toml").read_text()
    assert 'zone = "Europe/Berlin"' in toml and '["userID", "stableID"]' in toml
    assert 'owner = "ana@example.com"' in toml


def test_init_with_zone_and_unit_types_asks_for_nothing(tmp_path):
    home = tmp_path / "home"
    screen = Screen([str(BUILD / "millrace"), "--home", str(home), "init", "--zone", "UTC-8",
                     "--unit-types", "userID"]).end(seconds=10)
    assert screen.code == 0 and "Made " in screen.text, screen.text
