"""A test server for each kind of connection: where the suite puts its table, and how it asks what
still runs there. A new kind needs an entry in STANDS, or the whole suite fails for it."""
import json
import pathlib
import subprocess
import time

import deltalake
import pyarrow.parquet
import pytest

from home import BUILD
from servers.databricks import HELD
from servers.postgres import wait_until

COLUMNS = {"id": "bigint", "ts": "timestamptz", "kind": "text", "user_id": "text",
           "amount": "decimal(12, 2)", "note": "text"}


def described_kinds():
    """What `connection kinds` says, by kind."""
    said = subprocess.run([BUILD / "millrace", "--json", "connection", "kinds"], check=True,
                          capture_output=True, text=True, timeout=30).stdout
    return {kind["kind"]: kind for kind in json.loads(said)}


def literal(value):
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def select(rows):
    """These rows as SQL that every product here reads."""
    columns = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in COLUMNS.items())
    values = ", ".join("(" + ", ".join(literal(row[name]) for name in COLUMNS) + ")"
                       for row in rows)
    return f"select {columns} from (values {values}) as t({', '.join(COLUMNS)})"


class Stand:
    """What the suite needs of a kind's server."""

    table = listed = "events"  # how a query names the table, and how browsing does
    secret = None  # the setting that holds the password, and the value of a wrong one
    slow = "select e.* from events e, (select pg_sleep(60)) as waited"
    writes = ["delete from events", "drop table events", "truncate events",
              "with gone as (delete from events returning *) select * from gone"]

    def connection(self, **changed):
        """TOML of `[connection.shop]`."""
        raise NotImplementedError

    def put(self, rows):
        """The table holds these rows and no others."""
        raise NotImplementedError

    def count(self):
        """Rows in the table, counted without Millrace."""
        raise NotImplementedError

    def running(self):
        """Statements of ours that the server is busy with."""
        raise NotImplementedError

    def wait_until_busy(self):
        """Returns when the slow query has been running for a moment."""
        assert wait_until(self.running)


class PostgresStand(Stand):
    kind = "postgres"
    secret = "password"

    def __init__(self, request):
        self.database = request.getfixturevalue("database_of_module")
        names = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self.database.sql(f"create table if not exists events ({names})")

    def connection(self, **changed):
        return self.database.connection(kind=self.kind, **changed)

    def put(self, rows):
        self.database.sql(f"begin; delete from events; insert into events {select(rows)}; commit")

    def count(self):
        return self.database.sql("select count(*) from events")[0][0]

    def running(self):
        return self.database.running()


class RedshiftStand(PostgresStand):
    """PostgreSQL's wire with Redshift's names; the service itself cannot be had."""

    kind = "redshift"

    def __init__(self, request):
        super().__init__(request)
        if not self.database.sql("select 1 from pg_proc where proname = 'farmfingerprint64'"):
            self.database.with_redshift_names()


class FilesStand(Stand):
    table, listed = "'events/*.parquet'", "events/part.parquet"
    # Without end, so that only a stop ends it.
    slow = ("select e.* from 'events/*.parquet' e, range(1000000000000) r(i) "
            "where hash(r.i) = 1 and e.id >= 0")
    writes = ["copy (select 1) to 'events/more.parquet'", "create table t as select 1",
              "attach 'events/other.db'", "insert into events values (1)"]

    def __init__(self, request):
        self.engine = request.getfixturevalue("engine")
        self.folder = pathlib.Path(request.getfixturevalue("tmp_path_factory").mktemp("lake"))
        (self.folder / "events").mkdir()

    def connection(self, **changed):
        lines = {"path": self.folder, **changed}
        return '[connection.shop]\nkind = "files"\n' + "".join(
            f'{key} = "{value}"\n' for key, value in lines.items())

    def put(self, rows):
        new = self.folder / "new.part"
        self.engine.sql(f"copy ({select(rows)}) to '{new}' (format parquet)")
        new.rename(self.folder / "events" / "part.parquet")

    def count(self):
        [file] = (self.folder / "events").iterdir()
        return int(self.engine.sql(f"select count(*) from '{file}'")[0][0])

    def running(self):
        return []  # there is no server: the worker is all that runs

    def wait_until_busy(self):
        time.sleep(0.7)


class S3Stand(FilesStand):
    secret = "secret_access_key"
    writes = ["copy (select 1) to 's3://conformance/events/more.parquet'", *FilesStand.writes[1:]]

    def __init__(self, request):
        super().__init__(request)
        self.server = request.getfixturevalue("s3_server")
        self.client = request.getfixturevalue("s3")
        self.client.create_bucket(Bucket="conformance")

    def connection(self, **changed):
        lines = self.server.settings(bucket="conformance", **changed)
        return '[connection.shop]\nkind = "s3"\n' + "".join(
            f'{key} = "{value}"\n' for key, value in lines.items())

    def put(self, rows):
        super().put(rows)
        self.client.upload_file(str(self.folder / "events" / "part.parquet"), "conformance",
                                "events/part.parquet")

    def count(self):
        keys = [entry["Key"] for entry in
                self.client.list_objects_v2(Bucket="conformance")["Contents"]]
        assert keys == ["events/part.parquet"]
        return super().count()


class DatabricksStand(Stand):
    """minilake; the service itself cannot be had."""

    secret = "token"
    slow = f"select * from events where 'held' = {HELD}"
    writes = ["delete from events", "drop table events", "truncate table events",
              "insert into events select * from events"]

    def __init__(self, request):
        self.server = request.getfixturevalue("databricks")
        names = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self.server.sql(f"create or replace table events ({names})")

    def connection(self, **changed):
        return self.server.connection(**changed)

    def put(self, rows):
        self.server.sql("delete from events")
        self.server.sql(f"insert into events {select(rows)}")

    def count(self):
        return self.server.sql("select count(*) from events")[0][0]

    def running(self):
        return [text for text in self.server.running() if "/* millrace" in text]


class DeltaSharingStand(FilesStand):
    """The protocol over real Delta tables; the vendor's own server cannot be had."""

    table, listed = "'retail.shop.events'", "retail.shop.events"
    secret = "profile"
    slow = ("select e.* from 'retail.shop.events' e, range(1000000000000) r(i) "
            "where hash(r.i) = 1 and e.id >= 0")
    writes = ["copy (select 1) to 'retail.shop.events'", *FilesStand.writes[1:]]

    def __init__(self, request):
        super().__init__(request)
        self.server = request.getfixturevalue("sharing")

    def connection(self, **changed):
        return self.server.connection(**changed)

    def put(self, rows):
        super().put(rows)
        self.server.write(self.listed, pyarrow.parquet.read_table(
            self.folder / "events" / "part.parquet"))

    def count(self):
        table = deltalake.DeltaTable(str(self.server.path(self.listed)))
        return table.to_pyarrow_table().num_rows


STANDS = {"files": FilesStand, "s3": S3Stand, "postgres": PostgresStand,
          "redshift": RedshiftStand, "databricks": DatabricksStand,
          "delta_sharing": DeltaSharingStand}


def stand_for(kind, request):
    if kind not in STANDS:
        pytest.fail(f"the kind {kind} has no test server: add one to STANDS in {__file__}")
    return STANDS[kind](request)
