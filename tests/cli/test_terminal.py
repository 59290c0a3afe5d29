"""What people see on a terminal: colour, bars with a clock; and none of it in a pipe."""
import re

import pytest

from conftest import DAY
from screen import Screen

# A query of a few seconds; the sum keeps the engine from answering out of statistics.
SLOW = "select sum(hash(i)) from range(200000000) r(i)"


def test_a_terminal_gets_colour_and_a_pipe_does_not(known_shop):
    shown = Screen(known_shop.command("days", "purchases")).end()
    assert "\x1b[32msucceeded\x1b[0m" in shown.text
    assert "\x1b" not in known_shop.run("days", "purchases").stdout
    for environment in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
        plain = Screen(known_shop.command("days", "purchases"), environment=environment).end()
        assert "\x1b" not in plain.text


def test_columns_are_aligned_whatever_their_colour(known_shop):
    header, row = Screen(known_shop.command("days", "purchases"), 200).end().lines[:2]
    for word, value in ("status", "succeeded"), ("version", "…"), ("definition", "r-"):
        assert header.index(word) <= row.index(value) < header.index(word) + len(word) + 9


def test_columns_are_aligned_below_wide_characters_and_accents_of_their_own(known_shop):
    wide, narrow = known_shop.run(
        "query", "select '日本語' as a, 1 as b union all select e'cafe\u0301', 2 order by b"
    ).stdout.splitlines()[1:3]
    assert wide.index("1") == len("日本語") + 2 and narrow.index("2") == len("cafe\u0301") + 4


def test_rows_and_remarks_cannot_move_the_cursor_recolour_the_screen_or_break_a_table(shop):
    shown = Screen(shop.command("query", r"""select e'\x1b[2J\x1b[31mred\x07' as name,
        e'one\ntwo' as lines, chr(8238) || 'txt.exe' as turned, 'café' as plain, chr(155)"""),
                   columns=200).end()
    assert "\x1b[2J" not in shown.text and "\x07" not in shown.text and "\u202e" not in shown.text
    assert r"\x1b[2J\x1b[31mred\x07  one two  \u202etxt.exe  café   \x9b" in shown.text
    shop.apply(shop.connect_files() + """
[ingestion.typo]
connection = "lake"
dataset = "events"
query = "select nope from 'events/*.parquet'"
[ingestion.typo.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
""")
    assert "\nLINE 1: " in shop.run("load", "typo", "--day", DAY, code=1).stderr
    listed = shop.run("days", "typo").stdout
    assert len(listed.splitlines()) == 2
    assert "LINE 1: select nope from" in listed and "^" not in listed


@pytest.fixture
def slow(home, engine):
    """A day whose load takes some seconds: many rows, read by two threads."""
    home.init()
    engine.sql(f"""copy (select timestamp '{DAY} 00:00:00' + interval (i) millisecond as ts,
        'user' || i as user_id, 'some text of a page ' || i as page from range(4000000) r(i))
        to '{home.warehouse}/many.parquet' (format parquet)""")
    home.apply(home.connect_files() + """
[ingestion.many]
connection = "lake"
dataset = "events"
query = "select * from 'many.parquet'"
[ingestion.many.mapping]
event_name = { literal = "x" }
timestamp = "ts"
ids = { userID = "user_id" }
metadata = "*"
""")
    return home


def test_a_long_load_draws_a_bar_with_rows_speed_and_time_left(slow):
    shown = Screen(slow.command("load", "many", "--day", DAY), columns=100).end()
    assert shown.code == 0
    bars = [line for line in shown.text.split("\r\x1b[K") if "█" in line]
    assert any(re.search(r"many [█░]{20}  [\d,]+ rows  .*[\d,]+ rows/s  [\d.]+ s, [\d.]+ s left",
                         bar) for bar in bars), shown.text
    assert all(len(bar.split("\r\n")[0]) <= 99 for bar in bars)
    # The bar is gone at the end, and only the summary stays.
    assert shown.lines[0].startswith("many: 1 day loaded: 4,000,000 rows read")


def test_on_a_narrow_screen_the_bar_still_says_how_long_it_takes(slow):
    shown = Screen(slow.command("load", "many", "--day", DAY), columns=60).end()
    bars = [line.split("\r\n")[0] for line in shown.text.split("\r\x1b[K") if "█" in line]
    assert any(re.search(r"many [█░]{6,20}  [\d,]+ rows  .*[\d.]+ s, [\d.]+ s left$", bar)
               for bar in bars), shown.text
    assert all(len(bar) <= 59 for bar in bars)


@pytest.mark.parametrize("kind, asked", [("postgres", []), ("redshift", ["count"])])
def test_a_check_says_which_question_the_warehouse_is_thinking_about(home, database, kind, asked):
    """Each question takes it some seconds."""
    database.with_redshift_names()
    database.sql(f"create table purchases as select timestamptz '{DAY} 12:00Z' as ts, "
                 "'u' || i as user_id from generate_series(1, 1200) as i")
    home.init()
    home.apply(database.connection(kind=kind) + """
[ingestion.slow]
connection = "shop"
dataset = "events"
query = "select p.* from purchases as p cross join (select pg_sleep(2)) as waited"
[ingestion.slow.mapping]
event_name = { literal = "x" }
timestamp = "ts"
ids = { userID = "user_id" }
""")
    home.run("load", "slow", "--from", "2026-11-01", "--to", DAY)
    screen = Screen(home.command("check", "slow", "--day", DAY), columns=100)
    screen.until("fingerprint of 1,200 rows").end()
    assert screen.code == 0, screen.text
    screen = Screen(home.command("check", "slow"), columns=100)
    for question in [*asked, "fingerprint"]:
        screen.until(f"0/2 days  {question} of 1,200 rows")
    screen.end()
    assert screen.code == 0, screen.text


def test_ctrl_c_stops_a_load_soon_and_leaves_no_version(slow):
    screen = Screen(slow.command("load", "many", "--from", DAY, "--to", "2026-11-04"))
    screen.until("rows/s").interrupt().end(seconds=10)
    assert screen.code == 4
    assert "Stopping; Ctrl-C again ends at once" in screen.text
    assert re.search(r"0 days loaded.*1 failed; 2 not begun|0 days loaded.*3 failed", screen.text)
    assert slow.rows("select count(*) as n from events") == [{"n": 0}]
    assert not slow.json("days", "many")[0]["version"]


def test_a_long_query_shows_its_clock_and_stops_on_ctrl_c(known_shop):
    screen = Screen(known_shop.command("query", SLOW.replace("200000000", "2000000000000")))
    screen.until("query  1.").interrupt().end(seconds=10)
    assert screen.code == 1 and "stopped on request" in screen.text


def test_a_screen_shows_the_first_rows_of_a_large_answer_and_json_all(known_shop):
    shown = known_shop.run("query", "select i from range(5000) r(i)").stdout
    assert len(shown.splitlines()) == 1002 and "The first 1,000 rows; --json gives all" in shown
    assert len(known_shop.rows("select i from range(5000) r(i)")) == 5000


def test_an_answer_that_breaks_off_is_no_whole_json(known_shop):
    cut = known_shop.run("--json", "query", "select case when i < 100000 then i else "
                         "error('lost') end as i from range(100001) r(i)", code=1)
    assert cut.stderr.startswith("error: ") and "stopped on request" not in cut.stderr
    assert not cut.stdout.rstrip().endswith("]")


def test_a_table_that_there_is_not_is_told_with_those_that_there_are(known_shop):
    said = known_shop.run("query", "select * from event", code=1).stderr
    assert "Table with name event does not exist" in said and "Did you mean" not in said
    assert "The tables are events, metrics, exposures and entity_properties" in said
