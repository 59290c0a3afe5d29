"""The documented exit codes, and that a failure says what, where and what to do."""
import json
import pathlib
import re

import pytest

from conftest import DAY, write_events

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_page_of_exit_codes_lists_what_help_lists(known_shop):
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    said = known_shop.run("--help").stdout.replace("\n", " ")
    for code, meaning in re.findall(r"\| (\d) \| ([^|]+) \|", page):
        assert f"{code} {meaning.strip().lower()}" in said
    assert re.findall(r"\| (\d) \|", page) == list("012345")


@pytest.mark.parametrize("words, meant", [
    ("lod purchases", 'there is no command lod; did you mean "load"?'),
    ("connection ad", 'there is no command connection ad; did you mean "add"?'),
    ("load purchases --dya 2026-11-02", 'load has no option --dya; did you mean "--day"?'),
    ("load purchases --day", "--day needs a value"),
    ("load purchases --day tomorrow", "--day tomorrow is no day"),
    ("load purchases --jobs 0", "--jobs 0 is no number above zero"),
    ("load purchases --from 2026-11-02", "--from and --to go together"),
    ("load purchases --from 2026-11-02 --to 2026-11-01", "--to lies before --from"),
    ("days purchases --from 2026-11-02 --to 2026-11-01", "--to lies before --from"),
    ("load purchases --day 2026-11-02 --failed", "several ways to say which days"),
    ("load purchases kpi", "load does not take kpi"),
    ("history purchases", "history needs --day"),
    ("undo --day 2026-11-02", "undo needs NAME"),
    ("apply x.toml --rebuild al", '--rebuild al is unknown; did you mean "all"?'),
    ("quarantine purchases --day 2026-11-01 --export x.txt", "does not say in which form"),
    ("map --connection lake --query x --dataset evnts", 'did you mean "events"?'),
    ("completion fish", "SHELL fish is unknown"),
    ("sample", "sample takes one thing to look at"),
])
def test_wrong_usage_exits_with_2_and_says_what_was_meant(known_shop, words, meant):
    said = known_shop.run(*words.split(), code=2)
    assert said.stdout == "" and meant in said.stderr and "what to do: " in said.stderr
    error = json.loads(known_shop.run("--json", *words.split(), code=2).stdout)["error"]
    assert error["code"] == "wrong_usage" and meant in error["message"] and error["advice"]


@pytest.mark.parametrize("words, hint", [
    ("load purchasse", 'did you mean "purchases"?'),
    ("days nope", "millrace ingestion list"),
    ("connection show lak", 'did you mean "lake"?'),
    ("connection kinds pg", "The kinds are"),
    ("connection tables lake zzz", "There is no table like zzz"),
    ("certificate purchases --day 2020-01-01", "millrace load purchases --day 2020-01-01"),
    ("history purchases --day 2020-01-01", "has no version"),
    ("days purchases --from 2030-01-01", "No day of purchases in that range"),
    ("check purchases --day 2020-01-01", "never loaded"),
    ("undo purchases --day 2026-11-01", "has no older version"),
    ("diff purchases --day 2026-11-01", "one version only"),
    ("release purchases --day 2026-11-01", "held with `millrace days purchases`"),
    ("quarantine purchases --day 2026-11-01", "No row of purchases 2026-11-01 was rejected"),
    ("plan nowhere.toml", "there is no "),
    ("export nope", "there is no ingestion nope"),
])
def test_what_is_not_there_exits_with_3(known_shop, words, hint):
    said = known_shop.run(*words.split(), code=3)
    assert hint in said.stdout + said.stderr


def test_a_single_day_that_fails_exits_with_1_and_one_of_several_with_4(shop, engine):
    (shop.warehouse / "events" / "day3.parquet").write_text("this is no Parquet")
    shop.apply(shop.connect_files() + """
[ingestion.daily]
connection = "lake"
dataset = "events"
query = "select * from 'events/day{{day}}.parquet'"
[ingestion.daily.mapping]
event_name = { literal = "x" }
timestamp = "ts"
ids = { userID = "user_id" }
""")
    for day in 2, 3:
        (shop.warehouse / "events" / f"day{day}.parquet").rename(
            shop.warehouse / "events" / f"day2026-11-0{day}.parquet")
    alone = shop.run("load", "daily", "--day", "2026-11-03", code=1)
    assert "2026-11-03  failed" in alone.stderr and "1 failed" in alone.stdout
    several = shop.run("load", "daily", "--from", DAY, "--to", "2026-11-03", code=4)
    assert "1 day loaded" in several.stdout and "1 failed" in several.stdout
    days = {row["day"]: row["status"] for row in shop.json("days", "daily")}
    assert days == {DAY: "succeeded", "2026-11-03": "failed"}


def test_rejected_rows_that_cannot_be_written_are_refused_with_what_to_do(shop, engine):
    write_events(engine, shop, 2, nameless="i < 2")
    shop.run("load", "purchases", "--day", DAY)
    (shop.path / "taken.csv").mkdir()
    for name, words in ("nowhere/x.csv", "there is no folder"), ("taken.csv", "taken.csv"):
        refused = shop.run("quarantine", "purchases", "--day", DAY, "--export", shop.path / name,
                           code=1)
        assert words in refused.stderr and "what to do: " in refused.stderr
    assert "Make the folder first" in shop.run("quarantine", "purchases", "--day", DAY, "--export",
                                               shop.path / "nowhere/x.csv", code=1).stderr


def test_check_exits_with_5_only_when_asked_and_only_when_something_changed(shop, engine):
    shop.run("load", "purchases", "--day", DAY)
    shop.run("check", "purchases", "--exit-code")
    write_events(engine, shop, 2, amount="7", nameless="i < 2")
    shop.run("check", "purchases")
    shop.run("check", "purchases", "--exit-code", code=5)


def test_an_error_says_what_and_where_and_what_to_do(known_shop):
    said = known_shop.run("sample", "--connection", "lake", "--query",
                          "select nope from 'kpi.parquet'", code=1).stderr
    assert re.search(r"^error: .*column \"nope\" not found", said)
    assert "\n  where: connection lake\n" in said
    assert "\n  what to do: Correct the SQL, then try again\n" in said
    assert "LINE 1: select nope from" in said  # the customer's own line, not a wrapping of ours


def test_a_version_may_be_named_as_days_prints_it(shop, engine):
    shop.run("load", "purchases", "--day", DAY)
    write_events(engine, shop, 2, amount="7")
    shop.run("load", "purchases", "--day", DAY)
    newer, older = [f"{version['id'][:8]}…{version['id'][-4:]}"
                    for version in shop.json("history", "purchases", "--day", DAY)]
    assert newer in shop.run("days", "purchases").stdout
    assert "sum of value" in shop.run("diff", "purchases", older, newer, "--day", DAY).stdout
    shop.run("undo", "purchases", "--day", DAY, "--to", older)
    assert older in shop.run("days", "purchases").stdout
    assert "has no version" in shop.run("diff", "purchases", "--day", "2026-01-01", code=3).stderr
    assert "has no version 0199" in shop.run("undo", "purchases", "--day", DAY, "--to", "0199",
                                             code=3).stderr
