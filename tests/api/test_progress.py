"""GET /api/v1/progress: runs and days as they begin, move on and end, as server-sent events."""
import contextlib
import http.client
import json
import re
import signal
import socket
import time

import pytest

from home import ROOT, days_ago

PROGRESS = "/api/v1/progress"


class Watched:
    """One stream, read as it comes."""

    def __init__(self, service, key, last_id=None):
        self.connection = http.client.HTTPConnection(service.host, int(service.port), timeout=20)
        self.connection.request("GET", PROGRESS, headers={
            "STATSIG-API-KEY": key, **({"Last-Event-ID": last_id} if last_id else {})})
        self.reply = self.connection.getresponse()
        assert self.reply.status == 200, self.reply.read()
        assert self.reply.headers["Content-Type"] == "text/event-stream"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The response holds the socket, too.
        self.reply.close()
        self.connection.close()

    def __iter__(self):
        """(event, id, data)"""
        fields = {}
        for line in self.reply:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif fields:
                if "data" in fields:
                    yield fields["event"], fields["id"], json.loads(fields["data"])
                fields = {}

    def until(self, event):
        seen = []
        for one in self:
            seen.append(one)
            if one[0] == event:
                return seen
        raise AssertionError(f"over before {event}: {seen}")


@pytest.fixture
def large(shop, engine):
    """A day that takes a second or two."""
    day = days_ago(1)
    engine.sql(f"""copy (select timestamp '{day} 00:00:00' + interval (i * 20) millisecond as ts,
        'user' || i % 100000 as user_id, 'purchase' as kind, i * 1.0 as amount
        from range(3000000) r(i))
        to '{shop.warehouse}/purchases-{day}.parquet' (format parquet)""")


def trigger(shop, name="purchases", ago=1):
    return shop.json("trigger", name, "--day", days_ago(ago))["run"]


def test_a_load_is_told_from_its_beginning_to_its_end(shop, service, key, large):
    with Watched(service, key) as watched:
        events = iter(watched)
        assert next(events)[0] == "running"
        trigger(shop)
        seen = watched.until("run_ended")
    kinds = [event for event, _, _ in seen]
    assert kinds[:2] == ["run_started", "day_started"]
    assert kinds[-2:] == ["day_ended", "run_ended"]
    assert set(kinds[2:-2]) == {"day_moved"}, "a load of seconds tells how far it is"
    of = dict(zip(kinds, (data for _, _, data in seen)))
    day = {"ingestion": "purchases", "day": days_ago(1), "trigger": "manual",
           "run": of["run_started"]["run"], "load": of["day_started"]["load"]}
    assert day.items() <= of["day_started"].items() and day.items() <= of["day_moved"].items()
    assert of["day_moved"]["rows_total"] == 3_000_000 and of["day_moved"]["stage"]
    moved = [data["rows"] for event, _, data in seen if event == "day_moved"]
    assert moved == sorted(moved) and moved[-1] > 0
    ended = of["day_ended"]
    assert (ended["status"], ended["rows"], ended["rejected"]) == ("loaded", 3_000_000, 0)
    assert (of["run_ended"]["days"], of["run_ended"]["failed"]) == (1, 0)


def test_what_another_process_does_is_told_too_and_how_it_failed(shop, service, key):
    with Watched(service, key) as watched:
        events = iter(watched)
        assert next(events)[2]["days"] == []
        shop.run("load", "purchases", "--from", days_ago(2), "--to", days_ago(1))
        seen = watched.until("run_ended")
        assert [event for event, _, _ in seen].count("day_ended") == 2
        assert {data["day"] for event, _, data in seen if event == "day_started"} == \
            {days_ago(1), days_ago(2)}
        for file in shop.warehouse.glob("visits-*"):
            file.write_text("no parquet")
        shop.run("load", "visits", "--day", days_ago(1), code=1)
        ended = watched.until("run_ended")
    failed = next(data for event, _, data in ended if event == "day_ended")
    assert failed["status"] == "failed" and failed["error"]["message"]
    assert ended[-1][2]["failed"] == 1


def test_who_was_cut_off_goes_on_where_it_was(shop, service, key):
    with Watched(service, key) as watched:
        first = next(iter(watched))
        shop.run("load", "purchases", "--day", days_ago(1))
        all_of_it = watched.until("run_ended")
    with Watched(service, key, last_id=all_of_it[1][1]) as again:
        assert again.until("run_ended") == all_of_it[2:]
    for unknown in ("", "nonsense", "1-1", first[1].split("-")[0] + "-999", first[1] + "x"):
        with Watched(service, key, last_id=unknown) as anew:
            assert next(iter(anew))[0] == "running"


def test_who_begins_to_watch_is_told_what_is_under_way(shop, service, key, large):
    run = trigger(shop)
    until = time.monotonic() + 10
    while "loading" not in shop.run("run", "show", run).stdout:
        assert time.monotonic() < until
    with Watched(service, key) as watched:
        under_way, = next(iter(watched))[2]["days"]
        assert (under_way["ingestion"], under_way["run"]) == ("purchases", run)
        assert watched.until("run_ended")[-1][2]["run"] == run


def test_it_needs_a_key_and_says_when_too_many_watch(shop, service, key):
    assert service.ask("GET", PROGRESS).status == 401
    assert service.ask("HEAD", PROGRESS, key).status == 200
    with contextlib.ExitStack() as all_of_them:
        for _ in range(32):
            all_of_them.enter_context(Watched(service, key))
        reply = service.ask("GET", PROGRESS, key)
        assert reply.status == 503 and "32 streams" in reply.json["message"]
        assert reply.headers["retry-after"]
    until = time.monotonic() + 5
    while True:  # The others have left, and that is noticed before anything is written to them.
        with contextlib.suppress(AssertionError), Watched(service, key) as watched:
            assert next(iter(watched))[0] == "running"
            return
        assert time.monotonic() < until


def test_a_reader_that_reads_nothing_keeps_no_load_waiting(shop, service, key, large):
    silent = socket.create_connection((service.host, int(service.port)), timeout=20)
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    silent.sendall(f"GET {PROGRESS} HTTP/1.0\r\nSTATSIG-API-KEY: {key}\r\n\r\n".encode())
    with Watched(service, key) as watched:
        for _ in range(3):
            trigger(shop)
            assert watched.until("run_ended")[-1][2]["failed"] == 0
    text = silent.recv(1 << 20).decode()
    assert "event: running" in text and "Transfer-Encoding" not in text
    silent.close()


def test_a_stream_ends_when_the_service_does_and_not_before_its_loads(shop, service, key, large):
    with Watched(service, key) as watched:
        events = iter(watched)
        next(events)
        trigger(shop)
        next(event for event in events if event[0] == "day_started")
        service.process.send_signal(signal.SIGTERM)
        last = [event for event, _, _ in watched]  # Until it is over, and not cut off.
        assert last[-2:] == ["day_ended", "run_ended"]
    assert service.process.wait(20) == 0


def test_the_page_lists_every_event(shop, service, key):
    with Watched(service, key) as watched:
        first = next(iter(watched))[0]
        shop.run("load", "purchases", "--day", days_ago(1))
        given = {first, "day_moved", *(event for event, _, _ in watched.until("run_ended"))}
    page = (ROOT / "docs/howto/watch-the-service.md").read_text()
    assert set(re.findall(r"^\| `([a-z]+(?:_[a-z]+)?)` \| `\{", page, re.M)) == given
