"""A backup of the catalog is taken while days are loaded; what came after it is in the store."""
import re

import pytest
from crash_home import INGESTION, day_name
from crash_points import go_on
from home import Home


@pytest.fixture
def home(shaken):
    shaken.prepare(days=3)
    shaken.run(*shaken.range(0, 1))
    return shaken


def told(home):
    days = home.json("days", "purchases")
    return [days, home.rows("select * from events order by all"),
            *(home.json("history", "purchases", "--day", row["day"]) for row in days)]


def backed_up(home, tmp_path):
    copy = tmp_path / "catalog-copy.db"
    assert home.json("backup", copy)["bytes"] == copy.stat().st_size
    assert copy.stat().st_mode & 0o777 == 0o600
    return copy


def test_what_was_published_after_the_backup_is_not_lost_by_restoring_it(home, tmp_path):
    key = home.json("key", "create", "--type", "secret")["id"]
    assert home.json("check", "purchases", "--day", day_name(0))[0]["changed"] is False
    copy = backed_up(home, tmp_path)
    home.edit(1)
    home.run(*home.range(1, 2))
    home.run("undo", "purchases", "--day", day_name(1))
    before = told(home)
    restored = home.json("restore", copy)
    assert restored["added"] == 3 and restored["unpublished"] == []
    assert told(home) == before
    assert [one["id"] for one in home.json("key", "list")] == [key]
    home.apply(home.connect_files() + INGESTION)
    home.run("release", "purchases", "--day", day_name(1))
    home.run(*home.range(0, 2))
    assert len(home.json("history", "purchases", "--day", day_name(1))) == 3
    home.run("restore", copy)  # The catalog that it replaces is not the latest to be made twice.
    assert len(home.json("history", "purchases", "--day", day_name(1))) == 3


def test_a_backup_is_whole_though_a_load_is_under_way(home, tmp_path, crash_points):
    home.edit(0)
    load = crash_points.stop(home, *home.range(0, 0), step=1, match="remove store/default/_staged")
    copy = backed_up(home, tmp_path)
    refused = home.run("restore", copy, code=1).stderr
    assert re.search(rf"process {load.pid} on \S+ loads {day_name(0)} by it", refused)
    assert go_on(load)[0] == 0
    before = told(home)
    home.run("restore", copy)
    assert told(home) == before
    home.run(*home.range(0, 2))


def test_only_a_backup_of_this_home_is_restored_and_nothing_is_overwritten(home, tmp_path):
    copy = backed_up(home, tmp_path)
    said = home.run("backup", copy, code=1).stderr
    assert f"{copy} exists already" in said and "replaces nothing" in said
    assert "there is no such file" in home.run("restore", tmp_path / "none.db", code=1).stderr
    (tmp_path / "text.db").write_text("not a catalog at all, however long this text may be " * 9)
    assert "catalog" in home.run("restore", tmp_path / "text.db", code=1).stderr
    other = Home(tmp_path / "other")
    other.init()
    refused = other.run("restore", copy, code=1).stderr
    assert re.search(r"belongs to the store \S+, not to \S+", refused)
    assert other.run("doctor").returncode == 0
    assert [row["status"] for row in home.json("days", "purchases")] == ["succeeded"] * 2
