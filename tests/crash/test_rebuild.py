"""The catalog is lost; the records in the store bring it back."""
import json
import re
import shutil

import pytest
from crash_home import INGESTION, day_name
from crash_points import go_on

OTHERS = """
[ingestion.revenue]
connection = "lake"
dataset = "metrics"
query = "select *, cast(ts as date) as ds from 'day*.parquet' where user_id <> 'user9'"
[ingestion.revenue.mapping]
date = "ds"
units = { userID = "user_id" }
metrics = { revenue = "amount" }

[ingestion.strict]
connection = "lake"
dataset = "events"
query = "select nullif(user_id, 'user3') as u, * from 'day*.parquet'"
[ingestion.strict.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "u" }
[ingestion.strict.limits]
max_rejected = "20%"

[ingestion.old]
connection = "lake"
dataset = "events"
query = "select * from 'day*.parquet'"
[ingestion.old.mapping]
event_name = "kind"
timestamp = "ts"
ids = { stableID = "user_id" }
"""


def told(home):
    """All that people can ask about the days."""
    answers = {"ingestions": home.json("ingestion", "list")}
    for ingestion in ("purchases", "revenue", "strict", "old"):
        for row in answers.setdefault(ingestion, home.json("days", ingestion)):
            day = (ingestion, "--day", row["day"])
            answers[day] = [home.json(verb, *day) for verb in ("history", "certificate")]
    for day in (0, 1):
        answers["rejected", day] = home.json("quarantine", "strict", "--day", day_name(day))
    for table in ("events", "metrics"):
        answers[table] = home.rows(f"select * from {table} order by all")
    return answers


def generations(home):
    rows = home.rows("select min(value) as lo from events where ingestion = 'purchases' "
                     "group by day order by day")
    return [int(row["lo"] // 100) for row in rows]


@pytest.fixture
def home(shaken):
    shaken.prepare(days=1)
    shaken.run(*shaken.range(0, 0))
    return shaken


@pytest.fixture
def rich(shaken):
    """Days loaded, loaded again, taken back, held, empty, rejected in part, stale, archived."""
    shaken.prepare(days=4)
    shaken.apply(shaken.connect_files() + INGESTION + OTHERS)
    for name in ("purchases", "revenue", "strict", "old"):
        shaken.run("load", name, "--from", day_name(0), "--to", day_name(4))
    shaken.edit(1)
    shaken.run(*shaken.range(1, 1))
    shaken.run("undo", "purchases", "--day", day_name(1))
    shaken.edit(2)
    shaken.run(*shaken.range(2, 2))
    shaken.run("undo", "purchases", "--day", day_name(2))
    shaken.run("release", "purchases", "--day", day_name(2))
    shaken.edit(3, rows=4)
    shaken.run(*shaken.range(3, 3), code=4)
    shaken.apply(shaken.connect_files() + INGESTION
                 + OTHERS.replace('"20%"', '"30%"').replace("metrics = { rev", "metrics = { inc"))
    shaken.run("ingestion", "remove", "old")
    return shaken


def test_a_rebuilt_catalog_tells_the_same_of_every_day_and_goes_on(rich):
    home = rich
    before = told(home)
    statuses = [row["status"] for row in before["purchases"]]
    assert statuses == ["succeeded", "held", "succeeded", "held", "succeeded, no data"]
    assert all(row["stale"] for row in before["revenue"] if row["rows"])
    files = home.files()
    (home.path / "catalog.db").unlink()
    rebuilt = home.json("rebuild-catalog")
    assert told(home) == before
    assert rebuilt["unpublished"] == []
    assert any("connection lake (files)" in lost for lost in rebuilt["not_restorable"])
    assert any("failed or were rejected" in lost for lost in rebuilt["not_restorable"])
    assert {path for path in home.files() ^ files if "_millrace/" not in path} == set()

    home.apply(home.connect_files() + INGESTION + OTHERS)
    home.run(*home.range(3, 3), "--accept")
    assert home.json("days", "purchases")[3]["rows"] == 4
    home.run("undo", "purchases", "--day", day_name(1), "--to",
             home.json("history", "purchases", "--day", day_name(1))[0]["id"])
    home.edit(3)
    home.run(*home.range(0, 3))
    assert generations(home) == [1, 2, 2, 3]


def test_what_a_failed_load_left_on_a_day_is_not_restored_and_that_is_said(home):
    shutil.move(home.warehouse / "day000.parquet", home.warehouse.parent / "away")
    (home.warehouse / "day000.parquet").write_text("not a file of Parquet")
    home.run(*home.range(0, 0), code=1)
    assert home.json("days", "purchases")[0]["status"] == "failed"
    (home.path / "catalog.db").unlink()
    rebuilt = home.run("rebuild-catalog").stdout
    assert "not in the store: loads that failed" in rebuilt
    assert home.json("days", "purchases")[0]["status"] == "succeeded"


def test_a_load_that_was_settled_and_never_published_is_listed_and_stays_until_told(
        home, crash_points):
    home.edit(0)
    assert crash_points.kill(home, *home.range(0, 0), step=1, match="remove store/default/_staged")
    (home.path / "catalog.db").unlink()
    for suffix in ("-wal", "-shm"):
        (home.path / f"catalog.db{suffix}").unlink()
    [load] = home.json("rebuild-catalog")["unpublished"]
    assert sum(load in path for path in home.files()) == 2
    assert sum(load in path for path in home.json("sweep", "--now")["foreign"]) == 2
    home.run("sweep", "--now", "--foreign")
    assert not any(load in path for path in home.files())
    assert generations(home)[0] == 1


def test_a_rebuild_killed_before_any_step_is_repeated_and_nothing_is_lost(home, crash_points):
    home.edit(0)
    home.run(*home.range(0, 0))
    home.run("undo", "purchases", "--day", day_name(0))
    before = home.json("days", "purchases")
    for step in range(1, 200):
        killed = crash_points.kill(home, "rebuild-catalog", step=step)
        # Either a whole catalog answers, the old or the new one, or none does and says what to do.
        asked = home.begin("--json", "days", "purchases")
        out, err = asked.communicate(timeout=60)
        if asked.returncode == 0:
            assert json.loads(out) == before
        else:
            assert "run `millrace rebuild-catalog`" in out + err
        if not killed:
            break
        home.run("rebuild-catalog")
    assert 10 < step < 199
    assert home.json("days", "purchases") == before
    assert len(home.json("history", "purchases", "--day", day_name(0))) == 2


def test_a_rebuild_is_refused_while_a_load_goes_on(home, crash_points):
    home.edit(0)
    load = crash_points.stop(home, *home.range(0, 0), step=1, match="remove store/default/_staged")
    refused = home.run("rebuild-catalog", code=1).stderr
    assert re.search(rf"process {load.pid} on \S+ loads {day_name(0)} by it", refused)
    assert go_on(load)[0] == 0
    assert generations(home)[0] == 2


def test_a_rebuild_does_not_lose_what_was_published_and_not_told_yet(home, crash_points):
    home.edit(0)
    assert crash_points.kill(home, *home.range(0, 0), step=1, match="link store/default/events/_pu")
    before = home.json("days", "purchases")
    home.run("rebuild-catalog")
    assert home.json("days", "purchases") == before
    assert generations(home)[0] == 2
