"""A home of its own for each test, driven through the built binary as a person would."""
import datetime
import json
import os
import pathlib
import sqlite3
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("MILLRACE_BUILD", ROOT / "build" / "release"))

# A zone in which the tests began around noon, and its day: none of them sees a midnight.
BEGAN = datetime.datetime.now(datetime.timezone.utc)
NOON = datetime.timezone(datetime.timedelta(hours=12 - BEGAN.hour))
NOON_ZONE = f"UTC{12 - BEGAN.hour:+d}" if BEGAN.hour != 12 else "UTC"
TODAY = BEGAN.astimezone(NOON).date()


def days_ago(count):
    return str(TODAY - datetime.timedelta(days=count))


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

    def days_pass(self, days):
        """Moves what happened to days back in time: tests cannot wait for them."""
        with sqlite3.connect(self.path / "catalog.db") as catalog:
            for column, table in (("first_ended_at", "day"), ("changed_at", "day"),
                                  ("checked_at", "day"), ("loaded_at", "day"),
                                  ("published_at", "version")):
                catalog.execute(f"update {table} set {column} = {column} - ?",
                                (days * 86_400_000_000,))
