"""Days that load themselves: what is due is done once, and a stopped service loses nothing."""
import datetime
import signal
import sqlite3
import subprocess
import time

from conftest import EVENTS
from home import NOON_ZONE, TODAY, days_ago

YESTERDAY = TODAY - datetime.timedelta(days=1)

DAILY = """
[ingestion.purchases.schedule]
hour = 0
deadline = "%s"
"""
NOON_EVENTS = EVENTS + f'timestamp_zone = "{NOON_ZONE}"\n'


def enabled(deadline):
    return NOON_EVENTS.replace('dataset = "events"', 'dataset = "events"\nenabled = true') \
        + DAILY % deadline


def write_yesterday(home, engine, amount="i * 1.5"):
    engine.sql(f"""copy (select timestamp '{YESTERDAY} 00:00:00' + interval (i) hour as ts,
        'user' || i as user_id, 'device' || i as device_id, 'purchase' as kind,
        {amount} as amount, 'page' as page from range(10) r(i))
        to '{home.warehouse}/yesterday.parquet' (format parquet)""")


def make(home, engine, deadline="23:59"):
    home.init(NOON_ZONE)
    write_yesterday(home, engine)
    home.apply(home.connect_files() + enabled(deadline))


def due(home, code=0):
    return [(one["day"], one["what"], one["trigger"], one["result"])
            for one in home.json("load", "--due", code=code)]


def test_yesterday_is_loaded_once_when_it_is_due(home, engine):
    make(home, engine)
    assert due(home) == [(str(YESTERDAY), "load", "scheduled", "loaded")]
    assert home.rows("select count(*) as n from events") == [{"n": 10}]
    assert due(home) == []
    assert "1 ingestion kept current; the next day is loaded at" in home.run("load", "--due").stdout


def test_a_day_without_rows_waits_for_the_deadline_and_then_has_no_data(home, engine):
    make(home, engine)
    engine.sql(f"copy (select * from '{home.warehouse}/yesterday.parquet' where false) "
               f"to '{home.warehouse}/empty.parquet' (format parquet)")
    (home.warehouse / "yesterday.parquet").unlink()
    assert due(home) == [(str(YESTERDAY), "load", "scheduled", "waiting")]
    assert home.json("days", "purchases")[0]["status"] == "waiting"
    assert due(home) == []
    home.apply(home.connect_files() + enabled("00:00"))
    assert due(home) == [(str(YESTERDAY), "load", "scheduled", "empty")]
    assert home.json("days", "purchases")[0]["status"] == "succeeded, no data"


def test_a_day_waits_until_the_warehouse_says_that_it_is_ready(home, engine):
    make(home, engine)
    gate = """ready = [{ sql = "select count(*) = 20 from '*.parquet' where ts::date = {{day}}" }]
"""
    home.apply(home.connect_files() + enabled("23:59") + gate)
    assert due(home) == [(str(YESTERDAY), "load", "scheduled", "waiting")]
    remark = home.run("days", "purchases").stdout
    assert "the day is not ready" in remark and "says false" in remark
    home.apply(home.connect_files() + enabled("00:00") + gate)
    assert due(home, code=4) == [(str(YESTERDAY), "load", "scheduled", "failed")]
    assert home.rows("select count(*) as n from events") == [{"n": 0}]
    home.apply(home.connect_files() + enabled("00:00") + gate.replace("20", "10"))
    home.run("load", "purchases", "--day", YESTERDAY)
    assert 'ready = [{ sql = "select count' in home.run("export").stdout


def test_a_change_is_found_at_its_age_and_loaded(home, engine):
    make(home, engine)
    due(home)
    home.days_pass(2)
    write_yesterday(home, engine, amount="i * 2.5")
    assert due(home) == [(str(YESTERDAY), "check", "resync", "changed"),
                         (str(YESTERDAY), "load", "resync", "loaded")]
    assert home.rows("select sum(value) as v from events") == [{"v": 112.5}]
    assert due(home) == []


def write_day(home, engine, ago, rows=10):
    engine.sql(f"""copy (select timestamp '{days_ago(ago)} 00:00:00' + interval (i) minute as ts,
        'user' || i as user_id, 'device' || i as device_id, 'purchase' as kind,
        i * 1.5 as amount, 'page' as page from range({rows}) r(i))
        to '{home.warehouse}/day{ago}.parquet' (format parquet)""")


def loads(*ago):
    return [(days_ago(one), "load", "scheduled", "loaded") for one in ago]


def test_a_day_that_was_left_out_is_shown_and_loaded_and_none_before_the_first(home, engine):
    home.init(NOON_ZONE)
    for ago in range(1, 6):
        write_day(home, engine, ago)
    home.apply(home.connect_files() + enabled("23:59"))
    for ago in (4, 2):
        home.run("load", "purchases", "--day", days_ago(ago))
    assert [(row["day"], row["status"]) for row in home.json("days", "purchases")] == [
        (days_ago(4), "succeeded"), (days_ago(3), "missing"), (days_ago(2), "succeeded"),
        (days_ago(1), "missing")]
    assert due(home) == loads(3, 1)
    assert {row["status"] for row in home.json("days", "purchases")} == {"succeeded"}
    assert due(home) == []


def test_a_backfilled_day_is_followed_up_by_its_age_however_old_it_is(home, engine):
    home.init(NOON_ZONE)
    for ago in (1, 20, 400):
        write_day(home, engine, ago)
    home.apply(home.connect_files() + enabled("23:59").replace("hour = 0", 'hour = 0\nmode = "api"')
               + "[ingestion.purchases.follow_up]\nages = [2, 31]\n")
    for ago in (1, 20, 400):
        home.run("load", "purchases", "--day", days_ago(ago))
    assert due(home) == []
    for days, rows in (2, 13), (29, 17):
        home.days_pass(days)
        for ago in (20, 400):
            write_day(home, engine, ago, rows)
        checks = [(days_ago(ago), "check", "resync", "changed") for ago in (400, 20)]
        assert due(home)[:3] == [*checks[:2], (days_ago(1), "check", "resync", "unchanged")]
        assert [row["rows"] for row in home.json("days", "purchases")
                if row["status"] != "missing"] == [rows, rows, 10]
        assert due(home) == []


def test_a_reload_whose_source_moved_is_looked_at_again_at_any_age(home, engine):
    make(home, engine)
    due(home)
    home.days_pass(5)
    home.run("load", "purchases", "--day", YESTERDAY)
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute("update day set flags = 2, loaded_at = loaded_at - 3600000000")
        catalog.execute("""update version set flags = 2, published_at = published_at - 3600000000
                           where id = (select current from day)""")
    assert due(home) == [(str(YESTERDAY), "load", "resync", "loaded")]
    assert due(home) == []


def test_what_a_person_took_back_stays_and_its_difference_is_known(home, engine):
    make(home, engine)
    due(home)
    write_yesterday(home, engine, amount="i * 2.5")
    home.run("load", "purchases", "--day", YESTERDAY)
    home.run("undo", "purchases", "--day", YESTERDAY)
    home.days_pass(2)
    assert due(home) == [(str(YESTERDAY), "check", "resync", "changed")]
    assert home.json("days", "purchases")[0]["status"] == "held"
    assert home.rows("select sum(value) as v from events") == [{"v": 67.5}]


def test_what_nobody_enabled_does_nothing_and_says_how(home, engine):
    home.init(NOON_ZONE)
    write_yesterday(home, engine)
    home.apply(home.connect_files() + NOON_EVENTS)
    assert "no ingestion is enabled: write `enabled = true`" in home.run("load", "--due").stdout


def until(service, holds):
    end = time.monotonic() + 30
    while not holds():
        assert service.poll() is None and time.monotonic() < end
        time.sleep(0.2)


def test_the_service_loads_what_is_due_whenever_it_is(home, engine):
    home.init(NOON_ZONE)
    write_yesterday(home, engine)
    home.apply(home.connect_files() + NOON_EVENTS)
    service = subprocess.Popen(home.command("serve", "--every", 1, "--listen", "none"),
                               stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(2.5)
        assert service.poll() is None
        home.apply(home.connect_files() + enabled("23:59"))
        until(service, lambda: home.rows("select 1 as one from events limit 1"))
        home.run("load", "purchases", "--day", YESTERDAY)  # A person may work beside it.
        home.days_pass(2)
        write_yesterday(home, engine, amount="i * 2.5")
        until(service, lambda: home.rows("select sum(value) as v from events") == [{"v": 112.5}])
        service.send_signal(signal.SIGTERM)
        log = service.communicate(timeout=30)[1]
    finally:
        service.kill()
    assert service.returncode == 0, log
    assert f"load ended ingestion=purchases day={YESTERDAY} trigger=scheduled result=loaded" in log
    assert f"check ended ingestion=purchases day={YESTERDAY} trigger=resync result=changed" in log
    assert "stopped: what had begun was finished" in log


def test_mode_hourly_loads_today_again_and_again_as_provisional(home, engine):
    def write_today(rows):
        engine.sql(f"""copy (select timestamp '{TODAY} 00:00:00' + interval (i) minute as ts,
            'user' || i as user_id, 'device' || i as device_id, 'purchase' as kind,
            i * 1.5 as amount, 'page' as page from range({rows}) r(i))
            to '{home.warehouse}/today.parquet' (format parquet)""")

    make(home, engine)
    write_today(5)
    home.apply(home.connect_files() + enabled("23:59").replace(
        "hour = 0", 'mode = "hourly"\nevery_hours = 2'))
    both = [(str(YESTERDAY), "load", "scheduled", "loaded"),
            (str(TODAY), "load", "scheduled", "loaded")]
    assert due(home) == both
    assert [(day["day"], day["rows"], day["status"]) for day in home.json("days", "purchases")] \
        == [(str(YESTERDAY), 10, "succeeded"), (str(TODAY), 5, "provisional")]
    assert due(home) == []
    write_today(7)
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        for column, table in (("changed_at", "day"), ("loaded_at", "day"),
                              ("published_at", "version")):
            catalog.execute(f"update {table} set {column} = {column} - ? where day = ?",
                            (2 * 3_600_000_000, str(TODAY)))
    assert due(home) == both[1:]
    assert home.rows("select count(*) as n from events") == [{"n": 17}]
    assert home.json("days", "purchases")[-1]["status"] == "provisional"
    assert len(home.json("history", "purchases", "--day", TODAY)) == 2


def test_a_schedule_survives_export_and_apply(home, engine):
    make(home, engine)
    exported = home.run("export").stdout
    assert "enabled = true" in exported and 'deadline = "23:59"' in exported
    assert "Nothing to change" in home.apply(exported).stdout
    said = home.apply(exported.replace("hour = 0", "hour = 24"), code=1).stderr
    assert '"hour" must be from 0 to 23, not 24' in said
