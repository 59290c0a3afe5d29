"""What `connection test` says about the way to a PostgreSQL, step by step."""
import contextlib
import socket
import time

import pytest


@pytest.fixture(params=["postgres", "redshift"])
def probe(request, home, database):
    """The report's steps by name, for a connection with these settings."""
    database.with_redshift_names().sql("create table purchases (id int)")
    home.init()

    def steps(code=0, **settings):
        home.apply(database.connection(kind=request.param, **settings))
        report = home.json("connection", "test", "shop", code=code)
        return {step["name"]: step for step in report["steps"]}

    return steps


def test_every_step_passes_and_the_role_is_seen_to_be_read_only(probe):
    steps = probe()
    assert list(steps) == ["reach", "encrypt", "log in", "read only", "list tables"]
    assert all(step["ok"] for step in steps.values())
    assert "may write to no table" in steps["read only"]["detail"]
    assert "PostgreSQL 15." in steps["log in"]["detail"]


def test_on_loopback_the_default_is_prefer_and_says_so(probe):
    detail = probe()["encrypt"]["detail"]
    assert "TLSv1.3" in detail and "certificate not checked" in detail
    assert "sslmode=prefer, the default on loopback and Unix sockets" in detail


def test_verify_full_against_the_right_authority_is_checked_and_says_against_what(probe, postgres):
    detail = probe(sslmode="verify-full", sslrootcert=postgres.certificate)["encrypt"]["detail"]
    assert f"certificate checked against {postgres.certificate}" in detail
    assert "sslmode=verify-full, as set" in detail


def test_verify_full_without_an_authority_asks_the_systems_which_does_not_know_this_server(probe):
    steps = probe(code=1, sslmode="verify-full")
    assert steps["reach"]["ok"] and not steps["encrypt"]["ok"]
    assert "certificate verify failed" in steps["encrypt"]["detail"]
    assert 'sslrootcert = "/path/to/ca.pem"' in steps["encrypt"]["advice"]


def test_disabled_encryption_is_said(probe):
    said = probe(sslmode="disable")["encrypt"]["detail"]
    assert said == "not encrypted (sslmode=disable, as set)"


def test_the_unix_socket_works_and_is_not_encrypted(probe, postgres):
    assert probe(host=postgres.folder)["encrypt"]["detail"].startswith("not encrypted")


def test_a_role_that_may_write_is_told_that_it_need_not(probe, database):
    database.sql("grant insert on purchases to reader")
    step = probe()["read only"]
    assert step["ok"] and "the role may write to 1 table" in step["detail"]
    assert "SELECT alone would be safer" in step["advice"]


def test_a_role_that_may_read_nothing_is_told_what_to_ask_for(probe, database):
    # Redshift has this view among its own, where browsing does not look.
    database.sql("revoke select on stv_recents from public")
    database.sql("create role blind login password 'secret'")
    try:
        step = probe(code=1, user="blind")["list tables"]
    finally:
        database.sql("drop role blind")
    assert not step["ok"] and f"blind may read no table of {database.name}" in step["detail"]
    assert 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "blind"' in step["advice"]


@pytest.mark.parametrize("settings, step, words", [
    ({"password": "env:HOME"}, "log in", "password authentication failed"),
    ({"port": 9}, "reach", "Connection refused"),
    ({"host": "db.invalid"}, "reach", "could not translate host name"),
    ({"database": "nothing"}, "log in", 'database "nothing" does not exist'),
])
def test_the_step_that_fails_is_the_last_one_and_has_advice(probe, settings, step, words):
    steps = probe(code=1, **settings)
    assert list(steps)[-1] == step and not steps[step]["ok"]
    assert words in steps[step]["detail"] and steps[step]["advice"]


@contextlib.contextmanager
def server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_says_nothing_is_given_up_after_the_connect_timeout(probe):
    with server_that_says_nothing() as port:
        asked = time.monotonic()
        step = probe(code=1, port=port, connect_timeout=1)["reach"]
    assert time.monotonic() - asked < 4
    assert "timeout expired" in step["detail"]
    assert f"no firewall drops the way to 127.0.0.1:{port}" in step["advice"]


def test_server_parameters_can_be_set_while_connecting(probe, home, database):
    database.sql("create schema sales; create table sales.only_here as select 7 as found")
    probe(options="-c search_path=sales")
    sampled = home.json("sample", "--connection", "shop", "--query", "select * from only_here")
    assert sampled["rows"] == [{"found": 7}]
