"""The journey of a day, through the built binary: load, check, reload, undo, query."""
import os
import subprocess

import pytest

from conftest import EVENTS, write_day
from home import NOON_ZONE, days_ago

RANGE = ("--from", "2026-11-01", "--to", "2026-11-03")


def test_loaded_days_are_queryable_and_their_certificates_add_up(shop):
    outcomes = shop.json("load", "purchases", *RANGE)
    assert [o["status"] for o in outcomes] == ["loaded"] * 3
    for outcome in outcomes:
        proof = outcome["certificate"]
        assert proof["read"] == proof["loaded"] == proof["source_count"] == 10
    assert shop.rows("select count(*) as n, sum(value) as total from events") == [
        {"n": 30, "total": 202.5}]
    assert shop.rows("select event_name, unit_userID, metadata->>'page' as page from events "
                     "where day = '2026-11-02' order by ts limit 1") == [
        {"event_name": "purchase", "unit_userID": "user0", "page": "page0"}]


def test_an_equal_count_edit_is_found_by_its_fingerprint_and_nothing_else_is(shop, engine):
    shop.run("load", "purchases", *RANGE)
    assert not any(r["changed"] for r in shop.json("check", "purchases"))
    write_day(engine, shop.warehouse, 2, amount="i * 2.0")
    found = shop.json("check", "purchases")
    assert [(r["day"], r["by"]) for r in found if r["changed"]] == [("2026-11-02", "fingerprint")]
    shop.run("check", "purchases", "--exit-code", code=5)


def test_a_changed_count_is_found_without_a_fingerprint(shop, engine):
    shop.run("load", "purchases", *RANGE)
    write_day(engine, shop.warehouse, 3, where="i < 9")
    found = [r for r in shop.json("check", "purchases") if r["changed"]]
    assert [(r["day"], r["by"], r["rows_then"], r["rows_now"]) for r in found] == [
        ("2026-11-03", "count", 10, 9)]


def test_a_day_that_a_person_took_back_is_held_also_when_its_next_load_fails(shop):
    day = ("purchases", "--day", "2026-11-02")
    shop.run("load", *day)
    shop.run("load", *day)
    shop.run("undo", *day)
    (shop.warehouse / "day2.parquet").write_text("broken")
    assert shop.run("load", *day, code=1)
    [row] = shop.json("days", "purchases")
    assert row["status"] == "held" and "not whole" in row["error"]["advice"]


def test_a_day_has_the_instants_of_the_zone_that_it_was_loaded_by(shop):
    shop.run("load", "purchases", "--day", "2026-11-02")
    [before] = shop.json("days", "purchases")
    settings = shop.path / "millrace.toml"
    settings.write_text(settings.read_text().replace('zone = "UTC"', 'zone = "Asia/Tokyo"'))
    [after] = shop.json("days", "purchases")
    assert 'Asia/Tokyo' in settings.read_text()
    assert (after["start"], after["end"]) == (before["start"], before["end"])


def test_a_reload_replaces_the_day_and_undo_brings_the_old_one_back(shop, engine):
    shop.run("load", "purchases", *RANGE)
    write_day(engine, shop.warehouse, 2, amount="100")
    shop.run("load", "purchases", "--day", "2026-11-02")
    day_two = "select sum(value) as total from events where day = '2026-11-02'"
    assert shop.rows(day_two) == [{"total": 1000.0}]
    assert {d["what"] for d in shop.json("diff", "purchases", "--day", "2026-11-02")} >= {
        "sum of value", "fingerprint before"}
    shop.run("undo", "purchases", "--day", "2026-11-02")
    assert shop.rows(day_two) == [{"total": 67.5}]
    days = {d["day"]: d for d in shop.json("days", "purchases")}
    assert days["2026-11-02"]["status"] == "held"
    shop.run("release", "purchases", "--day", "2026-11-02")
    assert shop.json("days", "purchases")[1]["status"] == "succeeded"
    assert len(shop.json("history", "purchases", "--day", "2026-11-02")) == 2


@pytest.fixture
def lately(home, engine):
    """Ten events on each of the last twenty days, of a zone in which it is about noon."""
    home.init(zone=NOON_ZONE)
    engine.sql(f"""copy (
        select date '{days_ago(0)}' - d::int + interval (i + 8) hour as ts,
        'user' || i as user_id, 'device' || i as device_id, 'purchase' as kind,
        i * 1.5 as amount, 'page' as page from range(10) r(i), range(20) s(d))
        to '{home.warehouse}/all.parquet' (format parquet)""")
    home.apply(home.connect_files() + EVENTS.replace(
        'timestamp = "ts"', f'timestamp = "ts"\ntimestamp_zone = "{NOON_ZONE}"'))
    return home


def test_a_check_of_the_last_days_asks_of_these_alone(lately):
    lately.run("load", "purchases", "--from", days_ago(4), "--to", days_ago(1))
    for count in 1, 3:
        checked = lately.json("check", "purchases", "--last", count)
        assert [(c["day"], c["changed"], c["by"]) for c in checked] == [
            (days_ago(back), False, "fingerprint") for back in range(count, 0, -1)]


def test_a_zone_that_was_changed_but_not_applied_is_said(lately):
    toml = lately.path / "millrace.toml"
    toml.write_text(toml.read_text().replace(f'"{NOON_ZONE}"', '"Asia/Kathmandu"'))
    said = lately.run("load", "purchases", "--day", days_ago(2)).stderr
    assert f"those of {NOON_ZONE}" in said and "millrace.toml says Asia/Kathmandu now" in said
    assert "`millrace apply`" in said
    lately.run("apply", lately.path / "definitions.toml")
    assert "Kathmandu" not in lately.run("load", "purchases", "--day", days_ago(2)).stderr


def test_a_day_that_has_not_begun_is_refused_and_today_is_provisional(lately):
    for days in ("--day", "2999-01-01"), ("--from", days_ago(1), "--to", days_ago(-1)):
        refused = lately.run("load", "purchases", *days, code=1).stderr
        assert f"{days[-1]} has not begun in {NOON_ZONE}, where it is {days_ago(0)}" in refused
        assert "what to do: Load it when it is over" in refused
        assert "not over yet" not in refused
    lately.run("days", "purchases", code=3)
    lately.run("load", "purchases", "--day", days_ago(0))
    assert [d["status"] for d in lately.json("days", "purchases")] == ["provisional"]


def test_apply_loads_the_stale_days_of_the_window_again_and_leaves_older_ones(lately):
    lately.run("load", "purchases", "--from", days_ago(16), "--to", days_ago(0))
    definitions = lately.path / "definitions.toml"
    definitions.write_text(definitions.read_text().replace('page = "page"', 'where = "page"'))
    done = lately.json("apply", definitions, "--rebuild", "window")
    assert done["rebuilt"] == [{"name": "purchases", "loaded": 15, "held": 0, "failed": 0}]
    stale = [d["day"] for d in lately.json("days", "purchases") if d["stale"]]
    assert stale == [days_ago(16), days_ago(15)]


def test_a_day_without_rows_succeeds_without_data(shop):
    shop.run("load", "purchases", "--day", "2026-11-09")
    assert shop.json("days", "purchases")[0]["status"] == "succeeded, no data"


def test_a_day_that_shrinks_by_half_is_held_until_a_person_accepts(shop, engine):
    shop.run("load", "purchases", *RANGE)
    write_day(engine, shop.warehouse, 1, where="i < 2")
    said = shop.run("load", "purchases", "--day", "2026-11-01", code=4).stderr
    assert "publish it with `millrace load purchases --day 2026-11-01 --accept`" in said
    count = "select count(*) as n from events where day = '2026-11-01'"
    assert shop.rows(count) == [{"n": 10}]
    shop.run("load", "purchases", "--day", "2026-11-01", "--accept")
    assert shop.rows(count) == [{"n": 2}]


def test_a_snapshot_is_loaded_for_the_latest_day_alone(shop):
    shop.apply(shop.connect_files() + """
[ingestion.people]
connection = "lake"
dataset = "entity_properties"
query = "select distinct user_id, page from '*.parquet'"
[ingestion.people.mapping]
ids = { userID = "user_id" }
properties = "*"
""")
    for days in (("--day", "2026-11-01"), RANGE):
        said = shop.run("load", "people", *days, code=1).stderr
        assert "neither a mapped time nor a day placeholder" in said and "{{day}}" in said
    shop.run("load", "people")
    assert shop.rows("select count(*) as n from entity_properties") == [{"n": 10}]


def test_a_day_that_moves_while_it_is_read_is_published_with_what_was_seen_before(shop, engine):
    file = shop.warehouse / "long.parquet"
    for amount, into in ("i", file), ("i + 1", shop.path / "edited.parquet"):
        engine.sql(f"""copy (select timestamp '2026-11-05' + i * interval '20 ms' as ts,
            'u' || i % 1000 as user_id, 'd' as device_id, 'purchase' as kind,
            {amount} as amount, 'p' || i as page from range(3_000_000) r(i))
            to '{into}' (format parquet)""")
    day = ("--day", "2026-11-05")
    load = subprocess.Popen(shop.command("--json", "--progress", "load", "purchases", *day),
                            stdout=subprocess.PIPE, text=True)
    assert any('"read"' in line for line in load.stdout)
    os.replace(shop.path / "edited.parquet", file)
    load.communicate(timeout=120)
    assert load.returncode == 0
    assert "moved during read" in shop.run("days", "purchases").stdout
    proof = shop.json("certificate", "purchases", *day)
    assert proof["read"] == 3_000_000 and proof["before"] != proof["after"]
    # It must show at the next check, whichever of the two was read.
    assert [row["changed"] for row in shop.json("check", "purchases")] == [True]


def test_a_query_by_chance_on_files_is_not_repeatable_at_any_load(shop):
    by_chance = EVENTS.replace("select *", "select *, random() as luck")
    shop.apply(shop.connect_files() + by_chance.replace('page = "page"',
                                                        'page = "page", luck = "luck"'))
    for _ in range(3):
        [outcome] = shop.json("load", "purchases", "--day", "2026-11-02")
        assert "not repeatable: luck differs" in outcome["note"]
        [row] = shop.json("days", "purchases")
        assert "not repeatable" in shop.run("days", "purchases").stdout
        assert "moved" not in str(row)
    assert not shop.json("check", "purchases")[0]["changed"]


def test_a_loaded_query_that_becomes_one_by_chance_is_not_repeatable(shop):
    shop.run("load", "purchases", "--day", "2026-11-02")
    shop.apply(shop.connect_files() + EVENTS.replace("select *", "select *, random() as luck")
               .replace('page = "page"', 'page = "page", luck = "luck"'))
    [outcome] = shop.json("load", "purchases", "--day", "2026-11-02")
    assert "not repeatable: luck differs" in outcome["note"]


def test_resuming_a_range_loads_only_what_is_missing(shop):
    shop.run("load", "purchases", "--day", "2026-11-02")
    outcomes = shop.json("load", "purchases", *RANGE, "--missing")
    assert [o["day"] for o in outcomes] == ["2026-11-01", "2026-11-03"]
    assert "Nothing to load" in shop.run("load", "purchases", *RANGE, "--missing").stdout


def test_a_changed_definition_makes_days_stale_and_not_changed(shop):
    shop.run("load", "purchases", *RANGE)
    shop.apply(shop.connect_files() + EVENTS.replace('page = "page"', 'where = "page"'))
    assert all(d["stale"] for d in shop.json("days", "purchases"))
    assert not any(r["changed"] for r in shop.json("check", "purchases"))
    assert len(shop.json("load", "purchases", "--stale")) == 3
    assert shop.rows("select distinct metadata->>'where' is not null as there from events") == [
        {"there": True}]


def test_an_export_applied_again_is_an_empty_plan(shop):
    exported = shop.run("export").stdout
    (shop.path / "definitions.toml").write_text(exported)
    assert "Nothing to change" in shop.run("plan", shop.path / "definitions.toml").stdout


def test_a_first_load_of_unusual_volume_succeeds_with_a_warning(home, engine):
    home.init()
    rows = {2: 10, 9: 12, 16: 10, 23: 11, 30: 60}  # Five Sundays of August 2026.
    for day, count in rows.items():
        engine.sql(f"""copy (select timestamp '2026-08-{day:02}' + interval (i) minute as ts,
            'u' || i as user_id, 'd' || i as device_id, 'purchase' as kind, 1.5 as amount,
            'p' as page from range({count}) r(i)) to '{home.warehouse}/{day:02}.parquet'
            (format parquet)""")
    home.apply(home.connect_files() + EVENTS)
    for day in rows:
        [outcome] = home.json("load", "purchases", "--day", f"2026-08-{day:02}")
        assert outcome["status"] == "loaded"
    assert outcome["note"] == "unusual volume: 60 rows, where the last four such weekdays had 10"
    assert "unusual volume" in home.run("days", "purchases", "--from", "2026-08-30").stdout
    home.run("load", "purchases", "--day", "2026-08-30")  # A second look is no first load.
    assert "unusual volume" not in home.run("days", "purchases").stdout
