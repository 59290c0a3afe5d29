"""The JSON of every command keeps its shape: what varies is replaced by its kind, the rest is under
review in golden/*.json. Nothing else than the document is on stdout."""
import json
import pathlib

import pytest

from conftest import DAY, write_events
from golden import same_shape_as

GOLDEN = pathlib.Path(__file__).parent / "golden"


def same(shop, name, *arguments, code=0):
    said = shop.run("--json", *arguments, code=code)
    document = json.loads(said.stdout)
    assert same_shape_as(GOLDEN / f"{name}.json", document, shop.path.parent)
    return document


@pytest.fixture
def loaded(shop, engine):
    """Three days; the second was edited and loaded again, and two of its rows were rejected."""
    shop.run("load", "purchases", "--from", "2026-11-01", "--to", "2026-11-03")
    shop.run("load", "kpi", "--day", DAY)
    write_events(engine, shop, 2, amount="i * 2.0", nameless="i < 2")
    return shop


def test_the_shapes_of_answers_about_connections(shop):
    same(shop, "connection_list", "connection", "list")
    same(shop, "connection_show", "connection", "show", "lake")
    same(shop, "connection_test", "connection", "test", "lake")
    same(shop, "connection_kinds", "connection", "kinds", "files")
    same(shop, "connection_tables", "connection", "tables", "lake")
    same(shop, "connection_columns", "connection", "columns", "lake", "kpi.parquet")
    same(shop, "connection_add", "connection", "add", "files", "other", "--set",
         f"path={shop.warehouse}")
    same(shop, "connection_remove", "connection", "remove", "other")


def test_the_shapes_of_answers_about_definitions(shop):
    more = shop.path / "definitions.toml"
    same(shop, "plan_nothing", "plan", more)
    more.write_text(more.read_text().replace('"amount"', '"ts"')
                    .replace("[ingestion.kpi", "[ingestion.new"))
    same(shop, "plan", "plan", more, "--prune")
    same(shop, "apply", "apply", more)
    same(shop, "ingestion_list", "ingestion", "list")
    same(shop, "ingestion_show", "ingestion", "show", "purchases")
    same(shop, "ingestion_remove", "ingestion", "remove", "purchases")
    same(shop, "export", "export", "new")
    same(shop, "map", "map", "--connection", "lake", "--query", "select * from 'kpi.parquet'",
         "--dataset", "metrics")


def test_the_shapes_of_samples(shop):
    same(shop, "sample_query", "sample", "--connection", "lake", "--rows", "1", "--query",
         "select ts, kind, amount from 'events/day1.parquet' order by ts")
    same(shop, "sample_ingestion", "sample", "kpi", "--day", DAY, "--rows", "1")
    same(shop, "validate", "validate", "purchases", "--day", DAY)


def test_the_shapes_of_answers_about_days(loaded):
    shop = loaded
    same(shop, "days", "days", "purchases", "--to", DAY)
    same(shop, "check", "check", "purchases")
    same(shop, "history_checks", "history", "purchases", "--day", DAY, "--checks")
    same(shop, "load", "load", "purchases", "--day", DAY)
    same(shop, "history", "history", "purchases", "--day", DAY)
    same(shop, "certificate", "certificate", "purchases", "--day", DAY)
    same(shop, "diff", "diff", "purchases", "--day", DAY)
    same(shop, "quarantine", "quarantine", "purchases", "--day", DAY)
    same(shop, "quarantine_export", "quarantine", "purchases", "--day", DAY, "--export",
         shop.path.parent / "rejected.csv")
    same(shop, "undo", "undo", "purchases", "--day", DAY)
    same(shop, "days_held", "days", "purchases", "--from", DAY, "--to", DAY)
    same(shop, "release", "release", "purchases", "--day", DAY)
    same(shop, "quarantine_replay", "quarantine", "purchases", "--day", DAY, "--replay")


def test_the_shape_of_a_query(loaded):
    same(loaded, "query", "query", "select * from events order by ts limit 1")
    assert loaded.json("query", "select 1 as a where false") == []


def test_the_shapes_of_housekeeping(loaded):
    same(loaded, "doctor", "doctor")
    same(loaded, "sweep", "sweep", "--dry-run")
    same(loaded, "rebuild_catalog", "rebuild-catalog")


def test_the_shape_of_a_home_made_and_of_a_completion_script(home):
    done = home.run("--json", "init", "--zone", "UTC", "--unit-types", "userID")
    assert same_shape_as(GOLDEN / "init.json", json.loads(done.stdout), home.path.parent)
    assert set(home.json("completion", "bash")) == {"script"}


def test_the_shapes_of_errors(shop):
    same(shop, "error_unknown", "load", "purchasse", code=3)
    same(shop, "error_usage", "load", "purchases", "--dya", DAY, code=2)
    bad = shop.path / "bad.toml"
    bad.write_text('[ingestion.x]\nconnection = "lake"\ndatset = "events"\n')
    same(shop, "error_located", "plan", bad, code=1)
    shop.apply(shop.connect_files()
               + '[ingestion.gone]\nconnection = "lake"\ndataset = "events"\n'
                 'query = "select nope from (select 1 as user_id)"\n[ingestion.gone.mapping]\n'
                 'event_name = { literal = "x" }\ntimestamp = "nope"\nids = { userID = "u" }\n')
    same(shop, "error_of_a_day", "load", "gone", "--day", DAY, code=1)


def test_progress_comes_as_json_lines_and_the_result_last(shop):
    lines = [json.loads(line) for line in shop.run(
        "--json", "--progress", "load", "purchases", "--day", DAY).stdout.splitlines()]
    assert set(lines[-1]) == {"result"} and lines[-1]["result"][0]["status"] == "loaded"
    assert all(set(line) == {"progress"} for line in lines[:-1])
    failed = shop.run("--json", "--progress", "load", "nope", code=3).stdout.splitlines()
    assert [list(json.loads(line)) for line in failed] == [["error"]]
