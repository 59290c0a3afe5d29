"""A service with two ingestions that wait for calls, and callers with keys."""
import http.client
import json
import re
import signal
import subprocess
import threading
import time

from home import NOON_ZONE, days_ago

INGESTION = """
[ingestion.{name}]
connection = "lake"
dataset = "events"
enabled = true
query = "select * from '{name}*.parquet'"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "%s"
ids = {{ userID = "user_id" }}
event_value = "amount"
[ingestion.{name}.schedule]
mode = "api"
""" % NOON_ZONE

METRICS = """
[ingestion.spend]
connection = "lake"
dataset = "metrics"
enabled = true
query = "select * from 'spend*.parquet'"
[ingestion.spend.mapping]
date = "ds"
unit_id = "user_id"
id_type = { literal = "userID" }
metric_name = { literal = "spend" }
metric_value = "amount"
[ingestion.spend.schedule]
mode = "api"
"""


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = response.headers.get_all("Set-Cookie", [])
        self.text = response.read().decode()
        is_json = self.headers.get("content-type", "").startswith("application/json")
        self.json = json.loads(self.text) if self.text and is_json else None


class Service:
    """`millrace serve` on a free port; its log is read as it comes."""

    def __init__(self, home, listen="127.0.0.1:0"):
        self.home, self.log = home, []
        self.process = subprocess.Popen(
            home.command("serve", *(["--listen", listen] if listen else [])),
            stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read_log)
        self.reader.start()
        self.host, self.port = self.when(r"listening address=([\d.]+):(\d+)")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line)

    def when(self, pattern, seconds=20):
        """Waits for a line of the log; its groups."""
        until = time.monotonic() + seconds
        while True:
            found = re.search(pattern, "".join(self.log))
            if found:
                return found.groups()
            assert self.process.poll() is None and time.monotonic() < until, "".join(self.log)
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.reader.join()
        return self.process.returncode

    def ask(self, method, path, key=None, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=20)
        sent = dict(headers or {})
        if key:
            sent["STATSIG-API-KEY"] = key
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, sent)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def wait_for(self, path, key, holds, seconds=15):
        """The reply to a GET once it is as wanted."""
        until = time.monotonic() + seconds
        while True:
            reply = self.ask("GET", path, key)
            if holds(reply.json):
                return reply
            assert time.monotonic() < until, reply.text
            time.sleep(0.05)


def make_key(home, kind="console", *options):
    return home.json("key", "create", "--type", kind, *options)["key"]


def unlimited(home, kind="console", *options):
    return make_key(home, kind, "--per-10s", "0", "--per-15min", "0", *options)


PASSWORD = "correct horse battery"
SESSION = "/api/v1/session"


def add(home, email, role, *grants, password=PASSWORD, code=0):
    """A user."""
    done = subprocess.run(
        home.command("user", "create", email, "--role", role,
                     *(["--grant", *grants] if grants else [])),
        input=password + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


class Browser:
    """Keeps the cookie; sends the token with changes."""

    def __init__(self, service, email, password=PASSWORD):
        self.service = service
        self.entered = service.ask("POST", SESSION, None, {"email": email, "password": password})
        assert self.entered.status == 200, self.entered.text
        self.cookie = self.entered.headers["set-cookie"].split(";")[0]
        self.token = self.entered.json["data"]["csrf_token"]

    def ask(self, method, path, body=None, token=True):
        headers = {"Cookie": "other=1; " + self.cookie}
        if token and method != "GET":
            headers["X-CSRF-Token"] = self.token
        return self.service.ask(method, path, None, body, headers)


def write_day(engine, home, name, day, rows=10):
    engine.sql(f"""copy (select timestamp '{day} 00:00:00' + interval (i) minute as ts,
        'user' || i as user_id, 'purchase' as kind, i * 1.0 as amount, date '{day}' as ds
        from range({rows}) r(i)) to '{home.warehouse}/{name}-{day}.parquet' (format parquet)""")


def made(home, engine):
    home.init(NOON_ZONE)
    for name in ("purchases", "visits", "spend"):
        for ago in (1, 2, 3):
            write_day(engine, home, name, days_ago(ago))
    home.apply(home.connect_files() + INGESTION.format(name="purchases")
               + INGESTION.format(name="visits") + METRICS)
    return home


def running(home):
    with Service(home) as service:
        yield service
