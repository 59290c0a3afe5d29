"""Readers that are not ours agree with ours: delta-rs, DuckDB's delta extension, Trino."""
import pathlib
import socket
import sys

import duckdb
import pytest
from conftest import EVENTS, write_day
from deltalake import DeltaTable, QueryBuilder, write_deltalake

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
import trino as trino_server  # noqa: E402

RANGE = ("--from", "2026-11-01", "--to", "2026-11-03")
QUESTION = """select count(*) as n, sum(value) as total, count({unit}) as units,
    count(distinct day) as days, max(event_name) as name from {table}"""


@pytest.fixture(scope="session")
def trino(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trino")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        trino_server.start(folder, port)
        yield port
    finally:
        trino_server.stop(folder)


@pytest.fixture(scope="session")
def delta_extension():
    wheel = trino_server.CACHE / "duckdb_extension_delta-1.5.5"
    connection = duckdb.connect()
    connection.execute(f"load '{next(wheel.rglob('delta.duckdb_extension'))}'")
    return connection


class Readers:
    """The same question to every reader."""

    def __init__(self, home, trino, extension):
        self.home, self.trino, self.extension = home, trino, extension
        self.folder = home.path / "store" / "default" / "events"

    def ours(self, unit):
        row = self.home.rows(QUESTION.format(table="events", unit=unit))[0]
        return row["n"], row["total"], row["units"], row["days"], row["name"]

    def delta_rs(self, unit):
        builder = QueryBuilder().register("events", DeltaTable(str(self.folder)))
        question = QUESTION.format(table="events", unit=f'"{unit}"')
        answer = builder.execute(question).read_all()
        return duckdb.connect().execute("select * from answer").fetchone()

    def duckdb_delta(self, unit):
        table = f"delta_scan('{self.folder}')"
        return self.extension.execute(QUESTION.format(table=table, unit=unit)).fetchone()

    def trino_476(self, unit):
        trino_server.table(self.trino, "events", self.folder)
        question = QUESTION.format(table="lake.tests.events", unit=unit)
        return tuple(trino_server.query(self.trino, question)[0])

    def agree(self, *expected, unit="unit_userID"):
        assert self.ours(unit) == expected
        assert self.delta_rs(unit) == expected
        assert self.duckdb_delta(unit) == expected
        assert self.trino_476(unit) == expected


@pytest.fixture
def readers(shop, trino, delta_extension):
    shop.run("load", "purchases", *RANGE)
    return Readers(shop, trino, delta_extension)


def add_unit_type(home):
    """A third unit type, mapped; the next load of a day has its column."""
    configuration = home.path / "millrace.toml"
    text = configuration.read_text()
    assert '"stableID"' in text
    configuration.write_text(text.replace('"stableID"', '"stableID", "companyID"'))
    home.apply(home.connect_files() + EVENTS.replace(
        'stableID = "device_id"', 'stableID = "device_id", companyID = "kind"'))


def test_all_readers_agree_after_loads_a_reload_a_new_unit_type_and_an_undo(readers, engine):
    home = readers.home
    readers.agree(30, 202.5, 30, 3, "purchase")

    write_day(engine, home.warehouse, 2, amount="100")
    home.run("load", "purchases", "--day", "2026-11-02")
    readers.agree(30, 1135.0, 30, 3, "purchase")

    add_unit_type(home)
    write_day(engine, home.warehouse, 3, amount="1")
    home.run("load", "purchases", "--day", "2026-11-03")
    readers.agree(30, 1077.5, 10, 3, "purchase", unit="unit_companyID")

    home.run("undo", "purchases", "--day", "2026-11-02")
    readers.agree(30, 145.0, 10, 3, "purchase", unit="unit_companyID")


def test_readers_see_days_and_instants_as_we_do(readers):
    sql = "select count(*) as n from {} where day = date '2026-11-02' and ts >= {}"
    assert readers.home.rows(
        sql.format("events", "timestamptz '2026-11-02 05:00:00+00'")) == [{"n": 5}]
    assert readers.extension.execute(
        sql.format(f"delta_scan('{readers.folder}')",
                   "timestamptz '2026-11-02 05:00:00+00'")).fetchone() == (5,)
    trino_server.table(readers.trino, "events", readers.folder)
    assert trino_server.query(readers.trino, sql.format(
        "lake.tests.events", "timestamp '2026-11-02 05:00:00 UTC'")) == [[5]]


def test_a_checkpoint_is_read_by_all_when_the_commits_before_it_are_gone(readers, engine):
    home = readers.home
    log = readers.folder / "_delta_log"
    write_day(engine, home.warehouse, 1, amount="100")
    home.run("load", "purchases", "--day", "2026-11-01")
    new, old = [v["id"] for v in home.json("history", "purchases", "--day", "2026-11-01")]
    for turn in range(100):
        if list(log.glob("*.checkpoint.parquet")):
            break
        home.run("undo", "purchases", "--day", "2026-11-01", "--to", (old, new)[turn % 2])
    checkpoint = next(log.glob("*.checkpoint.parquet")).name.split(".")[0]
    for commit in log.glob("*.json"):
        if commit.stem <= checkpoint:
            commit.unlink()
    total = home.rows("select sum(value) as total from events")[0]["total"]
    readers.agree(30, total, 30, 3, "purchase")


def test_a_foreign_vacuum_is_noticed_told_once_and_survived(readers, engine):
    home = readers.home
    write_day(engine, home.warehouse, 2, amount="100")
    home.run("load", "purchases", "--day", "2026-11-02")
    with pytest.raises(Exception, match="(?i)retention"):
        DeltaTable(str(readers.folder)).vacuum(retention_hours=0, dry_run=False)
    deleted = DeltaTable(str(readers.folder)).vacuum(
        retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert len(deleted) == 1

    write_day(engine, home.warehouse, 3, amount="1")
    told = home.run("load", "purchases", "--day", "2026-11-03").stderr
    assert "VACUUM START" in told and "VACUUM END" in told
    readers.agree(30, 1077.5, 30, 3, "purchase")
    write_day(engine, home.warehouse, 3, amount="2")
    assert "VACUUM" not in home.run("load", "purchases", "--day", "2026-11-03").stderr

    refused = home.run("undo", "purchases", "--day", "2026-11-02", code=3)
    assert "gone" in refused.stderr


def test_a_foreign_optimize_and_append_are_noticed_and_undone(readers, engine):
    home = readers.home
    table = DeltaTable(str(readers.folder))
    write_deltalake(table, duckdb.sql(
        f"from delta_scan('{readers.folder}') limit 5", connection=readers.extension).arrow(),
        mode="append")
    table = DeltaTable(str(readers.folder))
    assert table.optimize.compact()["numFilesRemoved"] >= 2
    assert readers.delta_rs("unit_userID")[0] == 35

    write_day(engine, home.warehouse, 3, amount="1")
    told = home.run("load", "purchases", "--day", "2026-11-03").stderr
    assert "OPTIMIZE" in told and "WRITE" in told
    readers.agree(30, 145.0, 30, 3, "purchase")
