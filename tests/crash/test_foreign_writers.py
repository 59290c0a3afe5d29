"""Other engines write to our tables, through delta-rs: noticed, reported, undone, survived."""
import shutil
import threading

import pyarrow as pa
import pytest
from crash_home import day_name
from deltalake import DeltaTable, TableFeatures, write_deltalake


@pytest.fixture
def home(shaken):
    shaken.prepare(days=3)
    shaken.run(*shaken.range(0, 2))
    shaken.must_have_converged()
    return shaken


def table(home):
    return DeltaTable(str(home.store / "events"))


def append(home, rows=3):
    ingestion = next(path.name for path in (home.store / "events").glob("ingestion=*"))
    strange = pa.table({"ingestion": [ingestion.split("=")[1]] * rows,
                        "day": pa.array([day_name(0)] * rows).cast(pa.date32()),
                        "value": [7.0] * rows})
    write_deltalake(table(home), strange, mode="append", schema_mode="merge")


def readers_of(home):
    [finding] = [finding for finding in home.json("doctor") if finding["what"] == "Delta readers"]
    return finding["detail"]


def test_what_others_write_is_told_by_doctor_although_no_load_owes_anything(home):
    home.edit(0)
    home.run(*home.range(0, 0))  # Leaves a superseded file to take.
    append(home)
    table(home).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    told = readers_of(home)
    assert "WRITE by delta-rs" in told and "VACUUM START" in told and "VACUUM END" in told
    assert "nobody else writes" in readers_of(home)
    home.must_have_converged()


@pytest.mark.parametrize("command", [("sweep",), ("load", "purchases", "--day", day_name(1))])
def test_a_sweep_and_a_load_of_another_day_notice_it_too(home, command):
    append(home)
    assert "WRITE by delta-rs" in home.run(*command).stderr
    home.must_have_converged()
    assert "not ours" not in home.run(*command).stderr


def test_files_of_another_writer_are_reported_and_go_when_told(home):
    append(home)
    swept = home.json("sweep")
    assert [path.split("/")[-1].split("-")[0] for path in swept["foreign"]] == ["part"]
    home.run("sweep", "--now")
    assert set(swept["foreign"]) <= home.files()
    home.run("sweep", "--foreign")
    assert not set(swept["foreign"]) & home.files()
    home.must_have_converged()
    home.must_account_for_every_file()


def test_rows_that_another_writer_deleted_are_back(home):
    table(home).delete("value > 100")
    assert "DELETE by delta-rs" in readers_of(home)
    home.must_have_converged()


def test_current_files_that_a_reckless_vacuum_took_are_named_and_a_load_brings_the_day_back(home):
    assert table(home).optimize.compact()["numFilesRemoved"] == 0  # One file a day: none to merge.
    table(home).delete(f"day = '{day_name(1)}'")
    gone = table(home).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert len(gone) == 1
    told = readers_of(home)
    assert "VACUUM END" in told
    assert f"day={day_name(1)}" in told and "is gone; load its day again" in told
    home.run(*home.range(1, 1))
    home.must_have_converged()


def test_checkpoints_and_log_cleaning_of_another_writer_are_survived(home):
    table(home).create_checkpoint()
    table(home).cleanup_metadata()
    home.edit(0)
    home.run(*home.range(0, 0))
    home.must_have_converged()


def test_a_writer_that_never_rests_delays_nothing_and_wins_nothing(home):
    stop = threading.Event()
    appended = []

    def write():
        while not stop.is_set():
            try:
                append(home)
                appended.append(True)
            except Exception:  # Lost a race: the table moved on.
                pass

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            for number in range(3):
                home.edit(number)
            home.run(*home.range(0, 2))
    finally:
        stop.set()
        writer.join()
    assert len(appended) > 3
    home.run("doctor")
    home.must_have_converged()


def test_a_table_that_another_writer_upgraded_stops_its_readers_and_no_load(home):
    table(home).alter.add_feature([TableFeatures.DeletionVectors],
                                  allow_protocol_versions_increase=True)
    home.edit(0)
    told = home.run(*home.range(0, 0)).stderr
    assert "upgraded the Delta table" in told and "Move the table's _delta_log folder away" in told
    assert home.query()[day_name(0)] == 2
    assert "BAD" in home.run("doctor", code=1).stdout
    assert "upgraded the Delta table" in home.run("sweep", "--now", code=1).stderr

    shutil.move(home.store / "events/_delta_log", home.path / "their_log")
    home.run("doctor")
    home.must_have_converged()
