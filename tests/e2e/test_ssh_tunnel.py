"""PostgreSQL and Redshift behind an SSH server: a real sshd that forwards to one place only."""
import pathlib
import signal
import subprocess

import pytest

from servers.postgres import wait_until

DAY = ("--day", "2026-11-02")

PURCHASES = """
create table purchases (ts timestamptz, user_id text, kind text);
insert into purchases select timestamptz '2026-11-02 00:00+00' + i * interval '1 hour',
  'user' || i, 'purchase' from generate_series(0, 23) i;
"""

INGESTION = """
[ingestion.purchases]
connection = "shop"
dataset = "events"
query = "QUERY"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
"""


@pytest.fixture(params=["postgres", "redshift"])
def shop(request, home, database, sshd, monkeypatch):
    """A home that reaches its database through sshd; `connect` changes how."""
    database.with_redshift_names().sql(PURCHASES)
    monkeypatch.setenv("SSH_KEY", sshd.key())
    monkeypatch.setenv("TMPDIR", str(home.path.parent))
    home.init()

    def connect(query="select * from purchases", **settings):
        home.apply(database.connection(kind=request.param, **{**sshd.settings(), **settings})
                   + INGESTION.replace("QUERY", query))

    home.connect = connect
    connect()
    yield home
    assert not tunnels(sshd)
    assert not list(home.path.parent.glob("millrace-*")), "a private key was left behind"


def tunnels(sshd):
    """Processes of ours that talk to this sshd."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:  # it has just ended
            continue
        if words[0].endswith("ssh") and str(sshd.port) in words:
            found.append(path.parent.name)
    return found


def failure(home):
    [outcome] = home.json("load", "purchases", *DAY, code=1)
    error = outcome["error"]
    assert error["code"] == "ssh_failed" or error["code"] == "unreachable", error
    return error


def test_days_are_loaded_and_checked_through_the_tunnel_and_nothing_stays(shop, sshd):
    before = sshd.log().count("Accepted publickey")
    shop.run("load", "purchases", *DAY)
    [found] = shop.json("check", "purchases")
    assert (found["changed"], found["by"]) == (False, "fingerprint")
    assert shop.rows("select count(*) as n from events") == [{"n": 24}]
    assert sshd.log().count("Accepted publickey") == before + 2  # one a session, not a connection


def test_the_probe_names_the_tunnel_and_checks_the_certificate_of_the_server_behind_it(
        shop, postgres):
    shop.connect(host="localhost", sslmode="verify-full", sslrootcert=postgres.certificate)
    steps = {s["name"]: s for s in shop.json("connection", "test", "shop")["steps"]}
    assert list(steps)[:3] == ["tunnel", "reach", "encrypt"]
    assert steps["tunnel"]["detail"] == "through 127.0.0.1"
    assert "certificate checked against" in steps["encrypt"]["detail"]


def test_a_key_in_a_file_of_the_home_works_too(shop, sshd):
    secrets = shop.path / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "tunnel").write_text(sshd.key())
    shop.connect(ssh_key="file:secrets/tunnel")
    shop.run("load", "purchases", *DAY)


def test_a_key_that_the_server_does_not_know_says_what_to_check(shop, sshd, monkeypatch):
    monkeypatch.setenv("SSH_KEY", sshd.key("other_key"))
    error = failure(shop)
    assert error["fault"] == "misconfigured"
    assert "opening an SSH tunnel through 127.0.0.1 failed" in error["message"]
    assert "Permission denied (publickey)" in error["message"]
    assert "Check ssh_user, and that ssh_key is the private half" in error["advice"]
    assert "PRIVATE KEY" not in str(error)


def test_something_that_is_no_key_is_said(shop, monkeypatch):
    monkeypatch.setenv("SSH_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"
                                  "-----END OPENSSH PRIVATE KEY-----")
    error = failure(shop)
    assert "must be a whole private key" in error["advice"]


def test_a_host_key_that_differs_is_refused_with_how_to_accept_the_right_one(shop, sshd):
    shop.connect(ssh_known_hosts=sshd.folder / "other_hosts")
    error = failure(shop)
    assert error["fault"] == "misconfigured"
    assert "Host key verification failed" in error["message"]
    assert "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!; " in error["message"]
    assert "@" not in error["message"]
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in error["advice"]
    assert "set ssh_known_hosts to that file" in error["advice"]


def test_an_unknown_host_key_is_refused_and_not_learned(shop, tmp_path):
    nobody = tmp_path / "nobody"
    nobody.touch()
    shop.connect(ssh_known_hosts=nobody)
    assert "ssh-keyscan" in failure(shop)["advice"]
    assert nobody.read_text() == ""


def test_a_target_that_the_server_does_not_forward_to_is_named(shop):
    shop.connect(port=9)
    error = failure(shop)
    assert "connecting to 127.0.0.1:9 through 127.0.0.1 failed" in error["message"]
    assert "administratively prohibited" in error["message"]
    assert "127.0.0.1:9" in error["advice"] and "forward" in error["advice"]


def test_an_ssh_server_that_does_not_answer_may_be_tried_again(shop):
    shop.connect(ssh_port=9)
    error = failure(shop)
    assert error["fault"] == "unavailable" and "Connection refused" in error["message"]


def test_a_wrong_password_behind_the_tunnel_is_not_blamed_on_the_tunnel(shop, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    [outcome] = shop.json("load", "purchases", *DAY, code=1)
    assert outcome["error"]["code"] == "wrong_password"
    assert "hunter2" not in str(outcome)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_load_that_is_ended_takes_its_tunnel_with_it(shop, sshd, database, how):
    shop.connect(query="select p.* from purchases p, (select pg_sleep(30)) as waited")
    load = subprocess.Popen(shop.command("load", "purchases", *DAY), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    assert wait_until(lambda: any("pg_sleep" in text for text in database.running()))
    assert tunnels(sshd)
    load.send_signal(how)
    load.wait(timeout=10)
    assert wait_until(lambda: not tunnels(sshd), seconds=5)
