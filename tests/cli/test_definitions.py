"""Definitions as code: guessed, applied, owned by their file, exported, and made stale."""
import pytest

from conftest import DAY, DEFINITIONS

MAPPED = {
    "events": "select * from 'events/*.parquet' where kind <> ''",
    "metrics": "select * from 'kpi.parquet'",
    "exposures": "select ts, user_id as \"userID\", 'checkout' as experiment, 'a' as variant "
                 "from 'events/*.parquet'",
    "entity_properties": "select user_id, kind as plan from 'events/*.parquet'",
}


@pytest.mark.parametrize("dataset", MAPPED)
def test_what_map_prints_applies_unchanged_and_loads(shop, dataset):
    shop.run("ingestion", "remove", "kpi")  # else its metrics would be delivered twice
    toml = shop.run("map", "--connection", "lake", "--query", MAPPED[dataset],
                    "--dataset", dataset).stdout
    (shop.path / "guessed.toml").write_text(toml)
    shop.run("apply", shop.path / "guessed.toml")
    (made,) = [one for one in shop.json("ingestion", "list")
               if one["managed_by"] == "file:guessed.toml"]
    day = () if dataset == "entity_properties" else ("--day", DAY)  # a snapshot is of yesterday
    proof = shop.json("load", made["name"], *day)[0]["certificate"]
    assert proof["loaded"] > 0 and proof["rejected"] == 0


def test_an_export_of_every_dataset_applied_again_is_an_empty_plan(shop, tmp_path):
    shop.apply(shop.connect_files() + DEFINITIONS + """
[ingestion.seen]
name = "Seen 1"
connection = "lake"
dataset = "exposures"
query = '''select ts, user_id, 'it''s "x"' as e, 'a' as g
from 'events/*.parquet' where cast(ts as date) = {{day}}'''
partition = { column = "ts", type = "date", lag_days = 1 }
[ingestion.seen.mapping]
experiment = "e"
group_id = { literal = "control" }
timestamp = "ts"
timestamp_zone = "Europe/Berlin"
ids = { userID = "user_id" }
metadata = { where = "g" }
[ingestion.seen.limits]
max_rejected = 5
shrink_max = "20%"
allow_empty = true

[ingestion.people]
connection = "lake"
dataset = "entity_properties"
folder = "events"
[ingestion.people.mapping]
ids = { userID = "user_id" }
properties = "*"

[ingestion.long]
connection = "lake"
dataset = "metrics"
query = "select *, 'n' as metric from 'kpi.parquet'"
[ingestion.long.mapping]
date = "ds"
unit_id = "user_id"
id_type = { literal = "userID" }
metric_name = "metric"
numerator = "orders"
denominator = "visits"
on_duplicate = "last"
order_by = "visits"
""")
    exported = shop.run("export").stdout
    (shop.path / "definitions.toml").write_text(exported)
    assert shop.run("plan", shop.path / "definitions.toml").stdout.startswith("Nothing to change")
    assert shop.run("export").stdout == exported
    assert "[connection.lake]" in shop.run("export", "seen").stdout
    assert "ingestion" not in shop.run("export", "lake").stdout


def test_a_plan_tells_what_would_change_and_changes_nothing(shop):
    more = shop.path / "definitions.toml"
    more.write_text(more.read_text().replace('event_value = "amount"', ""))
    said = shop.run("plan", more).stdout
    assert said.startswith("~ change ingestion purchases\n    mapping.event_value: ")
    assert shop.run("plan", more).stdout == said


def test_days_of_an_older_definition_are_counted_until_they_are_loaded_again(shop):
    shop.run("load", "purchases", "--from", "2026-11-01", "--to", "2026-11-03")
    more = shop.path / "definitions.toml"
    more.write_text(more.read_text().replace('event_value = "amount"\n', ""))
    words = "3 days were loaded by an older definition; `millrace load purchases --stale`"
    assert words in shop.run("plan", more).stdout
    shop.run("apply", more)
    assert {(row["changed"], row["compared"], row["by"])
            for row in shop.json("check", "purchases")} == {(False, False, "")}
    again = shop.run("plan", more).stdout
    assert words in again and "Nothing to change" in again
    assert len(shop.json("load", "purchases", "--stale")) == 3
    assert "older definition" not in shop.run("plan", more).stdout


def test_apply_says_what_it_did_and_plan_only_what_it_would_do(shop):
    more = shop.path / "definitions.toml"
    more.write_text(more.read_text().replace('event_value = "amount"\n', "").replace(
        "[ingestion.kpi", "[ingestion.new") + '[connection.other]\nkind = "files"\npath = "."\n')
    assert "Applied" not in shop.run("plan", more).stdout
    assert shop.run("apply", more).stdout.endswith("Applied: 1 connection and 2 ingestions\n")
    assert "Applied" not in shop.run("apply", more).stdout


@pytest.mark.parametrize("toml, place, words, advice", [
    ('[connection.c]\nkind = "postgres"\nhost = "h"\ndatabase = "d"\nuser = "u"\n'
     'sslmode = "verify"\n', "6:11", 'sslmode cannot be "verify"', "verify-ca, verify-full"),
    ('[connection.c]\nkind = "redshift"\nhost = "h"\ndatabase = "d"\nuser = "u"\n'
     'connect_timeout = "abc"\n', "6:19", 'connect_timeout cannot be "abc"', "from 1 to 3600"),
    ('[connection.c]\nkind = "files"\npath = "/etc"\n', "3:8",
     "lies outside the allowed folders", "[files] roots"),
    (DEFINITIONS.replace('"lake"', '"lak"', 1), "3:14",
     'connection lak, which does not exist; did you mean "lake"?', "The connections are lake"),
    ("[connection.c]\nkind\n", "2:5", "this is not TOML", "key = value"),
])
def test_what_no_load_could_use_is_refused_where_it_stands(shop, toml, place, words, advice):
    (shop.path / "wrong.toml").write_text(toml)
    for verb in "plan", "apply":
        code = 3 if "does not exist" in words else 1
        refused = shop.run(verb, shop.path / "wrong.toml", code=code).stderr
        assert words in refused and f"\n  where: wrong.toml:{place}\n" in refused
        assert advice in refused.partition("what to do: ")[2]


@pytest.mark.parametrize("rebuild, loaded", [("none", None), ("window", 0), ("all", 2)])
def test_apply_loads_stale_days_again_only_when_told(shop, rebuild, loaded):
    shop.run("load", "kpi", "--from", "2026-11-01", "--to", DAY)  # more than two weeks ago
    more = shop.path / "definitions.toml"
    more.write_text(more.read_text().replace("revenue =", "turnover ="))
    done = shop.json("apply", more, "--rebuild", rebuild)
    rebuilt = {one["name"]: one["loaded"] for one in done["rebuilt"]}
    assert rebuilt == ({} if loaded is None else {"kpi": loaded})
    assert sum(row["stale"] for row in shop.json("days", "kpi")) == 2 - (loaded or 0)


def test_apply_touches_only_what_its_own_file_made(shop):
    other = shop.path / "other.toml"
    other.write_text(DEFINITIONS.replace('"50%"', '"7%"'))
    refused = shop.run("apply", other, code=1).stderr
    assert "ingestion purchases is managed by definitions.toml, not by other.toml" in refused
    assert "7%" not in shop.run("ingestion", "show", "purchases").stdout
    other.write_text(DEFINITIONS)  # saying the same is no change, and takes nothing over
    assert "Nothing to change" in shop.run("apply", other).stdout
    owners = {one["name"]: one["managed_by"] for one in shop.json("ingestion", "list")}
    assert set(owners.values()) == {"file:definitions.toml"}


def test_a_file_that_defines_nothing_is_told_from_one_that_changes_nothing(shop):
    nothing = shop.path / "nothing.toml"  # as `map > nothing.toml` leaves it where `map` failed
    nothing.write_text("")
    for command in "plan", "apply":
        assert "nothing there defines" in shop.run(command, nothing).stdout
        assert "nothing there" not in shop.run(command, shop.path / "definitions.toml").stdout


def test_only_prune_removes_and_a_removed_ingestion_comes_back_as_itself(shop):
    shop.run("load", "kpi", "--day", DAY)
    first = {one["name"]: one["id"] for one in shop.json("ingestion", "list")}
    definitions = shop.path / "definitions.toml"
    whole = definitions.read_text()
    definitions.write_text(whole[:whole.index("[ingestion.kpi]")])
    said = shop.run("apply", definitions).stdout
    assert "keep ingestion kpi\n    no longer in the files; --prune removes it" in said
    assert "kpi" in shop.run("ingestion", "list").stdout
    shop.run("apply", definitions, "--prune")
    assert [one["name"] for one in shop.json("ingestion", "list")] == ["purchases"]
    assert "kpi was removed" in shop.run("load", "kpi", "--day", DAY, code=1).stderr
    assert shop.rows("select count(*) as n from metrics") == [{"n": 8}]  # its days stay
    definitions.write_text(whole)
    assert "revive ingestion kpi" in shop.run("apply", definitions).stdout
    assert {one["name"]: one["id"] for one in shop.json("ingestion", "list")} == first
    assert shop.json("days", "kpi")[0]["status"] == "succeeded"


def test_a_removed_ingestion_gets_another_id_only_without_its_data(shop):
    shop.run("load", "kpi", "--day", DAY)
    (first,) = [one["id"] for one in shop.json("ingestion", "list") if one["name"] == "kpi"]
    said = shop.run("ingestion", "remove", "kpi", "--with-data").stdout
    assert "Removed kpi and its days" in said and "definitions.toml still defines it" in said
    assert shop.rows("select count(*) as n from metrics") == [{"n": 0}]
    shop.run("apply", shop.path / "definitions.toml")
    (second,) = [one["id"] for one in shop.json("ingestion", "list") if one["name"] == "kpi"]
    assert second != first
    shop.run("days", "kpi", code=3)


def test_a_name_is_a_key_or_all_of_kind_dataset_and_name(shop):
    shop.apply(shop.connect_files() + DEFINITIONS.replace(
        '[ingestion.purchases]\n', '[ingestion.purchases]\nname = "Events 1"\n'))
    for name in "purchases", "Events 1", "files/events/Events 1":
        assert shop.json("ingestion", "show", name)["name"] == "purchases"
    shop.run("ingestion", "show", "files/metrics/Events 1", code=3)


def test_placeholders_are_written_as_the_warehouse_writes_days(shop):
    words = ["day", "day_start", "day_end", "day_start_epoch", "day_end_epoch", "from", "to"]
    query = "select " + ", ".join(f"{{{{{word}}}}} as {word}_" for word in words)
    row = shop.json("sample", "--connection", "lake", "--query", query, "--day", DAY)["rows"][0]
    assert row == {"day_": DAY, "day_start_": row["day_start_"], "day_end_": row["day_end_"],
                   "day_start_epoch_": 1793577600, "day_end_epoch_": 1793664000,
                   "from_": DAY, "to_": DAY}
    assert row["day_start_"].startswith(f"{DAY} 00:00:00")
    assert row["day_end_"].startswith("2026-11-03 00:00:00")
    said = shop.run("sample", "--connection", "lake", "--query", "select {{dya}}", code=1).stderr
    assert "{{dya}} is not a placeholder" in said and 'did you mean "day"?' in said


def test_a_partition_column_prunes_and_a_lagging_one_is_read_further(shop, engine):
    engine.sql(f"""copy (select timestamp '{DAY} 23:00:00' as ts, 'u' as user_id, 'x' as kind,
        date '2026-11-03' as ds) to '{shop.warehouse}/late.parquet' (format parquet)""")
    toml = """
[ingestion.late]
connection = "lake"
dataset = "events"
query = "select * from 'late.parquet'"
partition = { column = "ds", type = "date", lag_days = LAG }
[ingestion.late.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
"""
    for lag, rows in (0, 0), (1, 1):
        shop.apply(shop.connect_files() + toml.replace("LAG", str(lag)))
        assert shop.json("load", "late", "--day", DAY)[0]["certificate"]["read"] == rows
