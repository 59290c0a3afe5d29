"""A home of its own for each test, driven through the built binary as a person would."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MILLRACE_BUILD", ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "tools"))

from engine_sql import Engine  # noqa: E402


@pytest.fixture(scope="session")
def engine():
    return Engine(str(BUILD / "lib" / "millrace" / "libduckdb.so"))


class Home:
    def __init__(self, path):
        self.path = path
        self.warehouse = path.parent / (path.name + "-warehouse")
        self.warehouse.mkdir()

    def command(self, *arguments):
        return [str(BUILD / "millrace"), "--home", str(self.path), *map(str, arguments)]

    def run(self, *arguments, code=0, env=None):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        told = f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == code, told
        return done

    def json(self, *arguments, code=0):
        return json.loads(self.run("--json", *arguments, code=code).stdout)

    def init(self, zone="UTC", unit_types="userID,stableID"):
        self.run("init", "--zone", zone, "--unit-types", unit_types,
                 "--files-root", self.warehouse)

    def apply(self, toml, code=0):
        (self.path / "definitions.toml").write_text(toml)
        return self.run("apply", self.path / "definitions.toml", code=code)

    def connect_files(self):
        return f'[connection.lake]\nkind = "files"\npath = "{self.warehouse}"\n'

    def rows(self, sql):
        return self.json("query", sql)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def shop(home, engine):
    """Ten events on each of three days of November 2026, as one Parquet file a day."""
    home.init()
    for day in (1, 2, 3):
        write_day(engine, home.warehouse, day)
    home.apply(home.connect_files() + EVENTS)
    return home


def write_day(engine, folder, day, where="true", amount="i * 1.5"):
    engine.sql(f"""copy (select timestamp '2026-11-0{day} 00:00:00' + interval (i) hour as ts,
        'user' || i as user_id, 'device' || i as device_id, 'purchase' as kind,
        {amount} as amount, 'page' || (i % 3) as page
        from range(10) r(i) where {where}) to '{folder}/day{day}.parquet' (format parquet)""")


EVENTS = """
[ingestion.purchases]
connection = "lake"
dataset = "events"
query = "select * from '*.parquet'"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id", stableID = "device_id" }
event_value = "amount"
metadata = { page = "page" }
"""
