"""Ingestions do not wait for each other: one that hangs in its warehouse, a backfill, a call."""
import contextlib
import json
import subprocess
import time

import pytest

from called_service import INGESTION as IN_FILES
from called_service import METRICS, Service, unlimited, write_day
from home import NOON_ZONE, days_ago
from test_progress import Watched

READY = "/v1/mark_data_ready_dwh"
RUNS = "/console/v1/ingestion/runs"
BACKFILL = "/console/v1/ingestion/backfill"
NOTHING_FOUND = 3
DAILY = 'hour = 0\ndeadline = "23:59"'
CALLED = 'mode = "api"'
INGESTION = """
[ingestion.{name}]
connection = "shop"
dataset = "events"
enabled = true
query = "select * from {name}"
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "%s"
ids = {{ userID = "user_id" }}
event_value = "amount"
[ingestion.{name}.schedule]
{schedule}
""" % NOON_ZONE


@pytest.fixture
def shop(home, database):
    home.init(NOON_ZONE)
    home.database = database
    return home


def keep(home, **schedules):
    """An ingestion of a table of its own for each name."""
    for name in schedules:
        home.database.sql(f"""create table {name} as
            select timestamp '{days_ago(5)}' + i * interval '1 hour' as ts, 'u' || i as user_id,
                   'order' as kind, i * 1.5 as amount from generate_series(0, 119) i""")
    home.apply(home.database.connection() + "".join(
        INGESTION.format(name=name, schedule=schedule) for name, schedule in schedules.items()))


@contextlib.contextmanager
def locked(database, *tables):
    """Nobody can read these tables for as long as this lasts."""
    with database.server.admin(database.name) as other:
        other.autocommit = False
        for table in tables:
            other.execute(f"lock table {table} in access exclusive mode")
        yield
        other.rollback()


def status(home, name, day=days_ago(1)):
    """None until the service has begun its first round: the ingestion has no days until then."""
    asked = subprocess.run(home.command("--json", "days", name), capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=120)
    assert asked.returncode in (0, NOTHING_FOUND), asked.stderr
    return {row["day"]: row["status"] for row in json.loads(asked.stdout)}.get(day)


def wait(holds, seconds=20):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def call(service, key, name):
    reply = service.ask("POST", READY, key, {"datestamps": days_ago(1), "type": "events",
                                             "sources": [name]})
    assert reply.status == 202, reply.text
    return reply.json["runs"][0]["runID"]


def complete(reply):
    return reply["data"]["latestStatus"] == "download_complete"


def test_what_hangs_in_the_warehouse_holds_up_neither_another_load_nor_a_call(shop):
    keep(shop, hanging=DAILY, other=DAILY, called=CALLED)
    key = unlimited(shop)
    with locked(shop.database, "hanging"), Service(shop) as service:
        wait(lambda: status(shop, "hanging") == "loading" and status(shop, "other") == "succeeded")
        service.wait_for(f"{RUNS}/{call(service, key, 'called')}", key, complete, 10)
        listed = {tuple(sorted(run["ingestions"])): run for run in shop.json("run", "list")}
        assert listed[("called",)]["status"] == "succeeded"
        assert listed[("hanging", "other")]["under_way"] == 1
        shop.run("cancel", "hanging")
        assert status(shop, "hanging") == "failed" and status(shop, "other") == "succeeded"
        assert service.stop() == 0


def test_what_hangs_is_finished_when_it_can_be_although_the_service_was_told_to_stop(shop):
    keep(shop, hanging=DAILY)
    with locked(shop.database, "hanging"):
        service = Service(shop)
        wait(lambda: status(shop, "hanging") == "loading")
        service.process.terminate()
        time.sleep(1)
        assert service.process.poll() is None
    with service:
        assert service.process.wait(20) == 0
    assert status(shop, "hanging") == "succeeded"


def test_long_backfills_hold_up_neither_a_call_nor_the_daily_load(shop):
    keep(shop, old1=CALLED, old2=CALLED, old3=CALLED, daily=CALLED, called=CALLED)
    key = unlimited(shop)
    with locked(shop.database, "old1", "old2", "old3"), Service(shop) as service:
        for name in ("old1", "old2", "old3"):
            asked = service.ask("POST", BACKFILL, key, {
                "type": "postgres", "dataset": "Events", "source": [name],
                "datestamp_start": days_ago(5), "datestamp_end": days_ago(1)})
            assert asked.status == 200, asked.text
        wait(lambda: sum(run["status"] == "running" for run in shop.json("run", "list")) == 2)
        service.wait_for(f"{RUNS}/{call(service, key, 'called')}", key, complete, 10)
        shop.apply((shop.path / "definitions.toml").read_text().replace(
            "[ingestion.daily.schedule]\n" + CALLED, "[ingestion.daily.schedule]\n" + DAILY))
        wait(lambda: ("daily", "succeeded") in [
            (run["ingestion"], run["status"]) for run in shop.json("run", "list")], 30)


def test_a_backfill_of_single_days_reads_several_at_a_time(shop):
    keep(shop, old=CALLED)
    shop.apply((shop.path / "definitions.toml").read_text().replace(
        "select * from old", "select * from old where ts::date = {{day}}"))
    key = unlimited(shop)
    with Service(shop) as service:
        with locked(shop.database, "old"):
            asked = service.ask("POST", BACKFILL, key, {
                "type": "postgres", "dataset": "Events", "source": ["old"],
                "datestamp_start": days_ago(5), "datestamp_end": days_ago(1)})
            wait(lambda: len(shop.database.running()) == 2)
        service.wait_for(f"{RUNS}/{asked.json['data']['runID']}", key, complete)
        assert shop.rows("select count(*) as n from events") == [{"n": 120}]
        assert service.stop() == 0


def test_a_statement_that_takes_too_long_is_ended_and_the_day_says_so(shop):
    keep(shop, hanging=DAILY)
    with open(shop.path / "millrace.toml", "a") as toml:
        toml.write("\n[service]\nload_seconds = 2\n")
    with locked(shop.database, "hanging"), Service(shop) as service:
        service.when(r"load ended ingestion=hanging (.*)result=failed")
        [day] = shop.json("days", "hanging")
        assert day["error"]["code"] == "took_too_long", day
        assert "load_seconds under [service]" in day["error"]["advice"]
        wait(lambda: shop.database.running() == [])
        assert service.stop() == 0


def test_a_call_takes_its_day_out_of_a_backfill_that_has_not_come_to_it(home, engine):
    home.init(NOON_ZONE)
    write_day(engine, home, "purchases", days_ago(1))
    home.apply(home.connect_files() + IN_FILES.format(name="purchases"))
    key = unlimited(home)
    with Service(home) as service:
        asked = service.ask("POST", BACKFILL, key, {
            "datestamp_start": days_ago(3000), "datestamp_end": days_ago(1), "type": "files",
            "dataset": "Events"})
        fill = asked.json["data"]["runID"]
        service.wait_for(f"{RUNS}/{fill}", key,
                         lambda reply: reply["data"]["latestStatus"] == "download_started")
        run = call(service, key, "purchases")
        assert run != fill
        reply = service.wait_for(f"{RUNS}/{run}", key, complete, 10)
        assert reply.json["data"]["trigger"] == "api"
        assert home.rows("select count(*) as n from events") == [{"n": 10}]
        days = service.ask("GET", f"{RUNS}/{fill}", key).json["data"]["granularHistory"][0]
        statuses = {one["dateStamp"]: one["statuses"] for one in days["statusByDate"]}
        assert len(statuses) == 3000
        assert [one["status"] for one in statuses[days_ago(1)]] == ["download_complete", "enqueued"]
        waiting = [day for day, one in statuses.items() if one[0]["status"] == "enqueued"]
        assert len(waiting) > 1000
        assert service.stop() == 0


def test_sources_of_a_dataset_that_are_due_together_are_one_run(home, engine):
    home.init(NOON_ZONE)
    for name in ("purchases", "visits", "spend"):
        write_day(engine, home, name, days_ago(1))
    home.apply(home.connect_files() + "".join(
        part.replace('mode = "api"', DAILY)
        for part in (IN_FILES.format(name="purchases"), IN_FILES.format(name="visits"), METRICS)))
    key = unlimited(home)
    with Service(home) as service:
        listed = service.wait_for(RUNS, key, lambda reply: len(reply["data"]) == 2 and all(
            run["latestStatus"] == "download_complete" and len(run["granularHistory"]) == len(
                run["sources"]) for run in reply["data"]) and sum(
                    len(run["sources"]) for run in reply["data"]) == 3).json["data"]
        assert {run["trigger"] for run in listed} == {"scheduled"}
        assert sorted(run["sources"] for run in listed) == [["purchases", "visits"], ["spend"]]
        assert all(run["dateStamps"] == [days_ago(1)] for run in listed)
        assert service.stop() == 0
    events = [run for run in home.json("run", "list") if len(run["ingestions"]) == 2]
    assert [run["done"] for run in events] == [2], json.dumps(events)
    assert "purchases and 1 more" in home.run("run", "list").stdout


def test_a_run_of_several_sources_is_told_to_end_once_however_they_take_turns(home, engine):
    home.init(NOON_ZONE)
    names = ["first", "second", "third", "fourth", "fifth"]  # A disk is read by two at a time.
    for name in names:
        write_day(engine, home, name, days_ago(1))
    called = "".join(IN_FILES.format(name=name) for name in names)
    home.apply(home.connect_files() + called)
    with Service(home) as service, Watched(service, unlimited(home)) as watched:
        home.apply(home.connect_files() + called.replace(CALLED, DAILY))
        seen = watched.until("run_ended")
        assert service.stop() == 0
    kinds = [event for event, _, _ in seen]
    assert [kinds.count(kind) for kind in ("run_started", "day_started", "day_ended")] == [1, 5, 5]
    assert (seen[-1][2]["trigger"], seen[-1][2]["days"]) == ("scheduled", 5)
