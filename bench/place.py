"""Where a bench works: a folder that is removed afterwards, the servers it asks, homes of ours."""
import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from contest import Failed, spend

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from servers.ports import free_port  # noqa: E402
from servers.postgres import PostgresServer  # noqa: E402
from servers.radosgw import ACCESS, SECRET, S3Server  # noqa: E402

PEERS = Path(__file__).resolve().parent / "peers"
CACHE = Path(os.environ.get("MILLRACE_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "millrace"))
DAY = "2026-11-20"


class Place:
    def __init__(self, build, s3=None):
        self.binary = build / "millrace"
        self.extensions = build / "lib/millrace/extensions"
        self.folder = Path(tempfile.mkdtemp(prefix="millrace-bench-"))
        self.s3, self.servers, self.homes = s3 or (), {}, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def postgres(self):
        if "postgres" not in self.servers:
            self.servers["postgres"] = Postgres()
        return self.servers["postgres"]

    @property
    def radosgw(self):
        if "radosgw" not in self.servers:
            self.servers["radosgw"] = Radosgw(*self.s3)
        return self.servers["radosgw"]

    def lake(self):
        """An empty folder for files of a warehouse."""
        folder = self.folder / "lake"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def home(self, toml, servers=(), env=None):
        self.homes += 1
        return Home(self.binary, self.folder / f"home{self.homes}", self.folder, toml, servers, env)

    def duckdb(self, sql, servers=(), extensions=()):
        """One statement in a DuckDB of its own, with its defaults, as the peer that it is."""
        return spend([sys.executable, PEERS / "duckdb_sql.py", sql,
                      *map(self.extension, extensions)], servers)

    def extension(self, name):
        folders = {"postgres_scanner": CACHE / "duckdb_extension_postgres_scanner-1.5.5"
                   / "duckdb_extension_postgres_scanner/extensions/v1.5.5"}
        return folders.get(name, self.extensions) / f"{name}.duckdb_extension"

    def rows(self, sql, extensions=()):
        return json.loads(self.duckdb(sql, extensions=extensions).text)


class Home:
    """A Millrace home with one definition file."""

    def __init__(self, binary, path, roots, toml, servers, env):
        self.command, self.path = [binary, "--home", path], path
        self.servers, self.env = servers, env
        self.run("init", "--zone", "UTC", "--unit-types", "userID,deviceID",
                 "--files-root", roots)
        (path / "definitions.toml").write_text(toml)
        self.run("apply", path / "definitions.toml")

    def run(self, *arguments, **how):
        return spend([*self.command, *arguments], self.servers, self.env, **how)

    def json(self, *arguments):
        return json.loads(self.run("--json", *arguments).text)

    def load(self, name, *days, **how):
        """Loads and returns the cost; a day that did not become current is a failure."""
        cost = self.run("--json", "load", name, *(days or ("--day", DAY)), **how)
        stages = {}
        for day in json.loads(cost.text):
            if day["status"] != "loaded":
                raise Failed(f"{name} {day['day']} is {day['status']}: {day.get('error')}")
            for stage, took in day["took_ms"].items():
                stages[stage] = stages.get(stage, 0) + took / 1000
        return replace(cost, stages=stages)

    def remove(self):
        shutil.rmtree(self.path)


class Postgres:
    """The server of the tests; TLS is off for everybody, so that nobody pays for it alone."""

    def __init__(self):
        self.server = PostgresServer().start()
        postmaster = (self.server.folder / "data/postmaster.pid").read_text()
        self.port, self.pids = self.server.port, [int(postmaster.split()[0])]
        self.env = {"BENCH_PASSWORD": "secret"}
        self.url = f"postgresql://reader:secret@127.0.0.1:{self.port}/shop"
        self.libpq = (f"host=127.0.0.1 port={self.port} dbname=shop user=reader password=secret "
                      "sslmode=disable")
        self.connection = f"""
[connection.shop]
kind = "postgres"
host = "127.0.0.1"
port = {self.port}
database = "shop"
user = "reader"
password = "env:BENCH_PASSWORD"
sslmode = "disable"
"""

    def stop(self):
        self.server.stop()

    def psql(self, sql, user="reader", **how):
        return spend(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", f"{self.libpq} user={user}",
                      "-c", sql], self.pids, **how)

    def make(self, *statements):
        for sql in statements:
            self.psql(sql, user="millrace_admin")

    def redshift_names(self):
        """What the redshift kind asks for that PostgreSQL lacks."""
        self.make("drop view if exists stv_recents",
                  "drop function if exists farmfingerprint64(text), farmfingerprint64(bytea)",
                  (ROOT / "tests/servers/redshift_names.sql").read_text())

    def copied(self, query):
        """What any reader pays at least: the rows leave the server and are thrown away."""
        return self.psql(f"copy ({query}) to stdout (format binary)", discard=True)


class Radosgw:
    """The S3 server of the tests, over memory: one of our own, or one that runs already."""

    def __init__(self, folder=None, port=None):
        self.owned = folder is None
        self.server = S3Server(port or free_port())
        if self.owned:
            self.server.start()
        else:
            self.server.folder = folder
        self.pids = [int(file.read_text()) for file in Path(self.server.folder, "pid").iterdir()]
        self.env = {"BENCH_SECRET": SECRET}
        self.bucket = f"bench{os.getpid()}"
        self.secret = f"""create secret (type s3, key_id '{ACCESS}', secret '{SECRET}',
            endpoint '127.0.0.1:{self.server.port}', url_style 'path', use_ssl false)"""
        settings = self.server.settings(bucket=self.bucket, secret_access_key="env:BENCH_SECRET")
        self.connection = '[connection.bucket]\nkind = "s3"\n' + "".join(
            f'{name} = "{value}"\n' for name, value in settings.items())

    def stop(self):
        if self.owned:
            self.server.stop()

    def upload(self, files):
        client = self.server.client()
        client.create_bucket(Bucket=self.bucket)
        for file in files:
            client.upload_file(str(file), self.bucket, file.name)
