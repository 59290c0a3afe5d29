"""A real PostgreSQL of the test session, and databases in it: one for each test that asks."""
import contextlib
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import psycopg

from servers.ports import free_port

HERE = pathlib.Path(__file__).parent
SCRIPT = HERE / "postgres.sh"


def wait_until(condition, seconds=10):
    """True as soon as condition() is; false when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class PostgresServer:
    """Runs between `start` and `stop`. Roles: millrace_admin, and reader who may only read."""

    def __init__(self):
        # The server runs as another user, who must be able to enter the folder.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-pg-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.certificate = self.folder / "server.crt"
        self.other_certificate = self.folder / "other.crt"
        self._numbers = itertools.count(1)

    def start(self):
        subprocess.run([SCRIPT, "start", self.folder, str(self.port)], check=True, timeout=60)
        return self

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.folder, "immediate"], check=True, timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def admin(self, database="postgres", **words):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="millrace_admin",
                               password="secret", dbname=database, autocommit=True, **words)

    def create_database(self):
        database = Database(self, f"shop{os.getpid()}_{next(self._numbers)}")
        with self.admin() as admin:
            # By name and without a checkpoint: a database takes some ten milliseconds.
            admin.execute(f"create database {database.name} strategy wal_log")
        return database

    @contextlib.contextmanager
    def showing_the_other_certificate(self):
        """The server answers as db.example.com for as long as this lasts."""
        with self.admin() as admin:
            for what, suffix in ("cert", "crt"), ("key", "key"):
                admin.execute(f"alter system set ssl_{what}_file = '{self.folder}/other.{suffix}'")
            self._reload(admin, self.other_certificate)
            try:
                yield
            finally:
                admin.execute("alter system reset all")
                self._reload(admin, self.certificate)

    def _reload(self, admin, certificate):
        admin.execute("select pg_reload_conf()")
        assert wait_until(lambda: self._shows(certificate))

    def _shows(self, certificate):
        try:
            self.admin(sslmode="verify-ca", sslrootcert=str(certificate)).close()
            return True
        except psycopg.OperationalError:
            return False

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")


class Database:
    """One database of the server; `sql` runs as its owner."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self._connection = None

    def sql(self, text, *values):
        """The rows of the last statement, or nothing where it has none."""
        if self._connection is None:
            self._connection = self.server.admin(self.name)
        cursor = self._connection.execute(text, values or None)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []

    def with_redshift_names(self):
        self.sql((HERE / "redshift_names.sql").read_text())
        return self

    def running(self, role="reader"):
        """Texts of the statements that the role runs at this moment."""
        return [row[0] for row in self.sql(
            "select query from pg_stat_activity where usename = %s and state <> 'idle' "
            "and datname = %s", role, self.name)]

    def sessions(self, role="reader"):
        return self.sql("select count(*) from pg_stat_activity where usename = %s "
                        "and datname = %s", role, self.name)[0][0]

    def drop(self):
        if self._connection is not None:
            self._connection.close()
        with self.server.admin() as admin:
            admin.execute(f"drop database {self.name} with (force)")

    def settings(self, **changed):
        """The settings of a connection to it as `reader`; None leaves one out."""
        settings = {"host": "127.0.0.1", "port": self.server.port, "database": self.name,
                    "user": "reader", "password": "env:SHOP_PASSWORD", **changed}
        return {key: value for key, value in settings.items() if value is not None}

    def connection(self, name="shop", kind="postgres", **changed):
        """That connection as TOML."""
        lines = [f'[connection.{name}]', f'kind = "{kind}"']
        lines += [f'{key} = "{value}"' if isinstance(value, (str, pathlib.Path))
                  else f"{key} = {value}" for key, value in self.settings(**changed).items()]
        return "\n".join(lines) + "\n"
