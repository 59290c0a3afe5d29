"""A catalog from yesterday, a copied home, a second home on one root: refused, and nothing lost."""
import os
import shutil

import pytest
from crash_home import INGESTION, CrashHome, day_name
from crash_points import go_on

WAY_OUT = "millrace rebuild-catalog"


@pytest.fixture
def home(shaken):
    shaken.prepare(days=2)
    shaken.run(*shaken.range(0, 1))
    shaken.must_have_converged()
    return shaken


def contents(home):
    return {path: (home.root / path).read_bytes() for path in home.files()}


def refuses_everything_that_writes(copy):
    """Loads, undo, sweeps of every sort, definitions, repairs; each says what to do."""
    for command in (copy.range(0, 1), ("undo", "purchases", "--day", day_name(0)),
                    ("sweep", "--now", "--foreign"), ("sweep", "--now", "--dry-run"),
                    ("apply", copy.path / "definitions.toml"),
                    ("ingestion", "remove", "purchases", "--with-data")):
        refused = copy.run(*command, code=1)
        assert WAY_OUT in refused.stderr and "give this one its own [store] root" in refused.stderr
    assert "BAD" in copy.run("doctor", code=1).stdout


def copy_of(home, path):
    """`cp -a` of the whole home, except that its store is the original's."""
    copy = CrashHome(path)
    shutil.copytree(home.path, path, ignore=shutil.ignore_patterns("store"))
    configuration = path / "millrace.toml"
    configuration.write_text(
        configuration.read_text() + f'\n[store]\nroot = "{home.root}"\n')
    copy.root, copy.store, copy.warehouse = home.root, home.store, home.warehouse
    copy.wanted = dict(home.wanted)
    return copy


def test_a_catalog_restored_from_yesterday_is_refused_until_it_is_rebuilt(home):
    yesterday = home.path / "yesterday.db"
    shutil.copy(home.path / "catalog.db", yesterday)
    home.edit(0)
    home.run(*home.range(0, 0))
    home.must_have_converged()
    before = contents(home)
    days = home.json("days", "purchases")

    shutil.copy(yesterday, home.path / "catalog.db")
    refuses_everything_that_writes(home)
    assert contents(home) == before

    home.run("rebuild-catalog")
    assert home.json("days", "purchases") == days
    home.apply(home.connect_files() + INGESTION)
    home.edit(1)
    home.run(*home.range(0, 1))
    home.run("sweep", "--now")
    home.must_have_converged()


def test_a_catalog_restored_from_before_the_days_were_published_but_not_told_is_refused(
        home, crash_points):
    """Nothing of the lost publish is in the store but its files: these stay."""
    shutil.copy(home.path / "catalog.db", home.path / "before.db")
    home.edit(0)
    assert crash_points.kill(home, *home.range(0, 0), step=1, match="link store/default/events/_pu")
    for suffix in ("-wal", "-shm"):
        (home.path / f"catalog.db{suffix}").unlink(missing_ok=True)
    shutil.copy(home.path / "before.db", home.path / "catalog.db")
    before = contents(home)
    refuses_everything_that_writes(home)
    assert contents(home) == before

    told = home.json("rebuild-catalog")
    assert len(told["unpublished"]) == 1
    assert home.query() == {day_name(0): 1, day_name(1): 1}


def test_a_second_home_on_the_same_root_is_refused_and_deletes_nothing(home, tmp_path):
    before = contents(home)
    second = CrashHome(tmp_path / "second")
    second.run("init", "--zone", "UTC", "--unit-types", "userID,stableID", "--files-root",
               home.warehouse)
    (second.path / "millrace.toml").write_text(
        (second.path / "millrace.toml").read_text() + f'\n[store]\nroot = "{home.path}/store"\n')
    (second.path / "definitions.toml").write_text((home.path / "definitions.toml").read_text())
    for command in (("apply", second.path / "definitions.toml"), ("sweep", "--now", "--foreign")):
        refused = second.run(*command, code=1)
        assert WAY_OUT in refused.stderr or "belongs to store" in refused.stderr
    assert contents(home) == before
    home.edit(0)
    home.run(*home.range(0, 1))
    home.must_have_converged()


def test_of_a_copied_home_and_its_original_only_one_goes_on(home, tmp_path):
    copy = copy_of(home, tmp_path / "copy")
    home.edit(0)
    home.run(*home.range(0, 0))
    before = contents(home)
    refuses_everything_that_writes(copy)
    assert contents(home) == before
    home.must_have_converged()


def test_a_home_copied_during_a_load_cannot_harm_it(home, tmp_path, crash_points):
    """The copy is first to write: then it owns the store, and the load that goes on publishes
    nothing beside it."""
    before = contents(home)
    home.edit(0)
    load = crash_points.stop(home, *home.range(0, 0), step=1, match="remove store/default/_staged")
    copy = copy_of(home, tmp_path / "copy")
    assert "has been loading it since" in copy.run(*home.range(0, 0), code=1).stderr
    copy.run("sweep", "--now", "--foreign")
    code, told = go_on(load)
    assert code == 1 and WAY_OUT in told
    refuses_everything_that_writes(home)

    copy.run("sweep", "--now")
    after = contents(home)
    files = [path for path in before if path.endswith(".parquet")]
    assert {path: after.get(path) for path in files} == {path: before[path] for path in files}
    assert copy.query() == {day_name(0): 1, day_name(1): 1}
    copy.wanted = home.wanted
    copy.run(*home.range(0, 1))
    copy.must_have_converged()


def test_a_publish_that_a_copy_overtakes_in_its_last_moment_stops_both_until_one_is_rebuilt(
        home, tmp_path, crash_points):
    home.edit(0)
    load = crash_points.stop(home, *home.range(0, 0), step=1, match="link store/default/events/_pu")
    copy = copy_of(home, tmp_path / "copy")  # With the publish, without its record in the store.
    before = contents(home)
    copy.run("doctor")
    code, told = go_on(load)
    assert code == 0 and WAY_OUT in told
    refuses_everything_that_writes(home)
    copy.run("sweep", "--now")
    assert home.query() == copy.query() == {day_name(0): 2, day_name(1): 1}
    replaced = home.json("history", "purchases", "--day", day_name(0))[1]["files"][0]["path"]
    assert {path for path in before if path.endswith(".parquet")} - home.files() == {
        f"default/events/{replaced}"}


def test_a_home_that_was_moved_whole_goes_on(home, tmp_path):
    os.rename(home.path, tmp_path / "elsewhere")
    moved = CrashHome(tmp_path / "elsewhere")
    moved.warehouse, moved.wanted = home.warehouse, home.wanted
    moved.edit(0)
    moved.run(*moved.range(0, 1))
    moved.must_have_converged()
