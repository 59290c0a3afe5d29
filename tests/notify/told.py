"""A home whose owner has a mailbox, and what tests do to its warehouse and its catalog."""
import datetime
import sqlite3
import subprocess
import time

from home import NOON_ZONE, TODAY

YESTERDAY = TODAY - datetime.timedelta(days=1)
ANA, BEN, EVE = "ana@example.com", "ben@example.com", "eve@example.com"


def ingestion(name, deadline="23:59", more="", query=None):
    return f"""
[ingestion.{name}]
connection = "lake"
dataset = "events"
enabled = true
query = "{query or f"select * from '{name}*.parquet'"}"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "{NOON_ZONE}"
ids = {{ userID = "user_id" }}
[ingestion.{name}.schedule]
hour = 0
deadline = "{deadline}"
{more}
"""


class Told:
    """A home with a mail server."""

    def __init__(self, home, mail, engine):
        self.home, self.mail, self.engine = home, mail, engine

    def configure(self, tables="", notify='digest = "off"\ngather_seconds = 0'):
        file = self.home.path / "millrace.toml"
        text = file.read_text().split("\n[notify]")[0]
        if "owner" not in text:
            text = text.replace("[project]\n", f'[project]\nowner = "{ANA}"\n')
        file.write_text(f"{text}\n[notify]\n{notify}\n{self.mail.table()}{tables}")

    def write(self, name, day=YESTERDAY, rows=10, kind="'purchase'"):
        self.engine.sql(f"""copy (select timestamp '{day} 00:00:00' + interval (i) minute as ts,
            'user' || i as user_id, {kind} as kind from range({rows}) r(i))
            to '{self.home.warehouse}/{name}-{day}.parquet' (format parquet)""")

    def apply(self, *ingestions):
        self.home.apply(self.home.connect_files() + "".join(ingestions))

    def user(self, address, *wishes):
        subprocess.run(self.home.command("user", "create", address, "--role", "viewer"),
                       input="correct horse battery\n", text=True, capture_output=True, check=True)
        self.home.run("user", "change", address, *wishes)

    def due(self, code=0):
        return self.home.json("load", "--due", code=code)

    def later(self, hours=1):
        """Moves the past of failures and of the outbox back: tests cannot wait for hours."""
        with sqlite3.connect(self.home.path / "catalog.db") as catalog:
            shift = int(hours * 3_600_000_000)
            catalog.execute("update day set changed_at = changed_at - ?", (shift,))
            catalog.execute("update outbox set next_at = next_at - ?", (shift,))

    def notes(self, code=0):
        return self.home.json("notify", "list", code=code)

    def subjects(self, address=ANA):
        return self.mail.subjects(address)


class Serving:
    """`millrace serve`, and its log."""

    def __init__(self, home, *options):
        self.log = home.path.with_suffix(".log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                home.command("serve", "--every", 1, *(options or ("--listen", "none"))),
                stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def until(self, holds, seconds=30):
        end = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)
