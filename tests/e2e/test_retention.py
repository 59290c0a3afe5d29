"""What was kept for long enough goes: superseded versions, and rejected rows of all versions."""
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import EVENTS

DAY = ("purchases", "--day", "2026-11-01")
LIMITS = '[ingestion.purchases.limits]\nmax_rejected = "90%"\n'


def write(home, engine, amount):
    """Ten events, two of which have no id."""
    engine.sql(f"""copy (select timestamp '2026-11-01 00:00:00' + interval (i) minute as ts,
        case when i > 1 then 'u' end as user_id, null::varchar as device_id, 'purchase' as kind,
        {amount} as amount, 'p' as page from range(10) r(i))
        to '{home.warehouse}/day1.parquet' (format parquet)""")


@pytest.fixture
def shop(home, engine):
    """A day with a superseded version and a current one, each with two rejected rows."""
    home.init()
    home.apply(home.connect_files() + EVENTS + LIMITS)
    for amount in (1, 2):
        write(home, engine, amount)
        home.run("load", *DAY)
    return home


def keep(home, **days):
    with open(home.path / "millrace.toml", "a", encoding="utf-8") as file:
        file.write("\n[retention]\n" + "".join(f"{k}_days = {v}\n" for k, v in days.items()))


def days_later(home, days):
    """Moves the past back: tests cannot wait for days."""
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        for column in ("published_at", "superseded_at"):
            catalog.execute(f"update version set {column} = {column} - ?", (days * 86_400_000_000,))


def removed(home):
    return len(home.json("sweep")["removed"])


def test_versions_and_rejected_rows_are_kept_for_thirty_days(shop):
    days_later(shop, 29)
    assert removed(shop) == 0
    assert len(shop.json("quarantine", *DAY)) == 2
    days_later(shop, 2)
    # The old version's file and its rejected rows; the current one's rejected rows.
    assert removed(shop) == 3
    assert [version["swept"] for version in shop.json("history", *DAY)] == [False, True]
    assert shop.rows("select sum(value) as v from events") == [{"v": 16}]
    said = shop.run("quarantine", *DAY, code=1).stderr
    assert "the 2 rejected rows of purchases 2026-11-01 are gone" in said
    assert "millrace load purchases --day 2026-11-01" in said
    assert "are gone" in shop.run("quarantine", *DAY, "--replay", code=1).stderr
    proof = shop.json("certificate", *DAY)
    assert (proof["read"], proof["loaded"], proof["rejected_by_reason"]) == (10, 8, {"no_id": 2})
    shop.run("rebuild-catalog")
    assert "are gone" in shop.run("quarantine", *DAY, code=1).stderr
    shop.run("apply", shop.path / "definitions.toml")
    shop.run("load", *DAY)
    assert len(shop.json("quarantine", *DAY)) == 2


def test_the_configuration_says_for_how_long(shop):
    keep(shop, versions=60, quarantine=7)
    days_later(shop, 8)
    assert removed(shop) == 2
    assert shop.run("undo", *DAY)
    assert shop.rows("select sum(value) as v from events") == [{"v": 8}]


def test_what_other_writers_would_not_keep_cannot_be_asked_for(shop):
    keep(shop, versions=91)
    said = shop.run("sweep", code=1).stderr
    assert '"versions_days" must be from 1 to 90, not 91' in said and "millrace.toml" in said


def test_the_service_sweeps_by_itself(shop):
    days_later(shop, 31)
    service = subprocess.Popen(shop.command("serve", "--every", 1, "--listen", "none"),
                               stderr=subprocess.PIPE, text=True)
    try:
        quarantines = shop.path / "store" / "default" / "quarantine"
        end = time.monotonic() + 30
        while list(quarantines.rglob("*.parquet")):
            assert service.poll() is None and time.monotonic() < end
            time.sleep(0.2)
        time.sleep(1)
        service.send_signal(signal.SIGTERM)
        log = service.communicate(timeout=30)[1]
    finally:
        service.kill()
    assert "swept files=3" in log
    assert shop.rows("select sum(value) as v from events") == [{"v": 16}]
