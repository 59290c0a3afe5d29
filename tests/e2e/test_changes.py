"""What changed in a PostgreSQL table is found by the first check, loaded, and nothing else is."""
import re
import sqlite3
import threading
import time

import pytest

from home import NOON_ZONE, days_ago

INGESTION = """
[ingestion.orders]
connection = "shop"
dataset = "events"
enabled = true
query = "select * from orders"
[ingestion.orders.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
event_value = "amount"
metadata = {{ page = "page" }}
[ingestion.orders.schedule]
hour = 0
[ingestion.orders.follow_up]
{follow_up}
"""
DAYS = 8
ROWS = 100


def between(ago):
    zone = f"{-NOON_OFFSET:+d}"
    return f"ts >= timestamp '{days_ago(ago)}' at time zone '{zone}' and " \
           f"ts < timestamp '{days_ago(ago - 1)}' at time zone '{zone}'"


NOON_OFFSET = int(NOON_ZONE[3:])

# Six kinds of change, each of a day of its own. POSIX writes zones with the sign turned round.
CHANGES = {
    2: "update orders set amount = amount + 1 where id % 10 = 0 and {day}",
    3: "update orders set user_id = case user_id when 'u1' then 'u2' when 'u2' then 'u1' "
       "else user_id end where {day}",
    4: "with gone as (delete from orders where id % 10 = 3 and {day} returning *) "
       "insert into orders select id + 100000, ts, user_id || 'x', kind, amount, page from gone",
    5: "insert into orders select id + 200000, ts, user_id, kind, amount, page from orders "
       "where id % 25 = 0 and {day}",
    6: "insert into orders select * from orders where id % 10 = 5 and {day}",
    7: "delete from orders where id % 50 = 1 and {day}",
}
TRUTH = f"""select ((ts at time zone '{-NOON_OFFSET:+d}')::date)::text, count(*),
    sum(amount * 2)::bigint, count(distinct user_id) from orders group by 1 order by 1"""


@pytest.fixture
def shop(home, database):
    zone = f"{-NOON_OFFSET:+d}"
    database.sql(f"""create table orders as
        select i as id, (timestamp '{days_ago(DAYS)}' + i * interval '1 day' / {ROWS})
                        at time zone '{zone}' as ts, 'u' || i % 7 as user_id, 'order' as kind,
               i * 1.5 as amount, '/p' || i % 3 as page
        from generate_series(0, {DAYS * ROWS - 1}) i;
        create index orders_ts on orders (ts)""")
    home.init(NOON_ZONE)
    home.database = database
    follow(home, "")
    home.run("load", "orders", "--from", days_ago(DAYS), "--to", days_ago(1))
    home.days_pass(1)
    return home


def follow(home, how):
    home.apply(home.database.connection() + INGESTION.format(follow_up=how))


def minutes_pass(home, minutes):
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        catalog.execute(f"update day set changed_at = changed_at - {minutes * 60_000_000}, "
                        f"checked_at = checked_at - {minutes * 60_000_000}")


def followed_up(home):
    done = home.json("load", "--due")
    return ({one["day"] for one in done if one["what"] == "check"},
            {one["day"] for one in done if one["what"] == "load"})


def change(home):
    for ago, sql in CHANGES.items():
        home.database.sql(sql.format(day=between(ago)))


UPHEAVALS = [
    "vacuum full orders", "cluster orders using orders_ts",
    "create table copy as select * from orders order by id desc; drop table orders; "
    "alter table copy rename to orders; grant select on orders to public"]


def turn_over(home, upheaval):
    for statement in upheaval.split("; "):
        home.database.sql(statement or "select 1")


@pytest.mark.parametrize("upheaval", ["", *UPHEAVALS])
def test_six_kinds_of_change_are_found_by_the_first_exact_check_and_nothing_else_is_loaded(
        shop, upheaval):
    checked, loaded = followed_up(shop)
    assert len(checked) == DAYS and not loaded
    shop.days_pass(1)
    change(shop)
    turn_over(shop, upheaval)
    checked, loaded = followed_up(shop)
    assert len(checked) == DAYS
    # A day that lost rows is looked at a second time before it is believed.
    assert loaded == {days_ago(ago) for ago in CHANGES}
    held = {row["day"] for row in shop.json("days", "orders") if row["status"] == "held"}
    assert held == {days_ago(7)}
    minutes_pass(shop, 6)
    assert followed_up(shop) == (set(), {days_ago(7)})
    rows = """select day, count(*) as n, sum(value * 2)::bigint as s,
        count(distinct "unit_userID") as users from events group by day order by day"""
    assert [(row["day"], row["n"], row["s"], row["users"]) for row in shop.rows(rows)] == \
        shop.database.sql(TRUTH)


@pytest.mark.parametrize("upheaval", UPHEAVALS)
def test_what_only_moves_rows_about_is_no_change(shop, upheaval):
    turn_over(shop, upheaval)
    checked, loaded = followed_up(shop)
    assert len(checked) == DAYS and not loaded


def test_what_a_preset_leaves_is_shown_as_a_known_difference(shop):
    follow(shop, 'preset = "2w-1pct"')
    change(shop)
    shop.database.sql("delete from orders where id = "
                      f"(select min(id) from orders where {between(8)})")
    _, loaded = followed_up(shop)
    assert loaded == {days_ago(ago) for ago in (5, 6, 7)}
    days = {row["day"]: row for row in shop.json("days", "orders")}
    assert days[days_ago(8)]["known_difference"] == "the warehouse has 99 rows, 100 were read"
    # Edits in as many rows are what it cannot see.
    assert "known_difference" not in days[days_ago(2)]
    found = {one["day"]: one for one in shop.json("check", "orders")}
    assert found[days_ago(2)]["by"] == "fingerprint"


def test_what_three_days_and_five_percent_leave_is_shown_as_soon_as_somebody_looks(shop):
    follow(shop, 'preset = "3d-5pct"')
    left = {1: CHANGES[5], 3: CHANGES[2], 6: CHANGES[7]}
    for ago, sql in (left | {2: CHANGES[6]}).items():
        shop.database.sql(sql.format(day=between(ago)))
    checked, loaded = followed_up(shop)
    assert checked == {days_ago(ago) for ago in (1, 2, 3)} and loaded == {days_ago(2)}

    def differences():
        return {row["day"]: row["known_difference"] for row in shop.json("days", "orders")
                if "known_difference" in row}

    assert differences() == {days_ago(1): "the warehouse has 104 rows, 100 were read"}
    shop.run("check", "orders")
    assert differences() == {
        days_ago(1): "the warehouse has 104 rows, 100 were read",
        days_ago(3): "the warehouse has other values in as many rows",
        days_ago(6): "the warehouse has 98 rows, 100 were read"}


def test_one_count_answers_all_days_of_a_check(shop):
    database = shop.database
    follow(shop, 'preset = "2w-1pct"')
    database.sql(f"alter database {database.name} set log_statement = 'all'")
    start = len(database.server.log())
    followed_up(shop)
    log = database.server.log()[start:]
    assert len(re.findall(r"execute <unnamed>: /\* millrace.*count\(\*\)", log)) == 1


def test_a_day_with_a_bad_value_is_told_and_hides_no_change_of_another(home, database):
    zone = f"{-NOON_OFFSET:+d}"
    database.sql(f"""create table orders as
        select (timestamp '{days_ago(5)}' + i * interval '1 day' / 10) at time zone '{zone}' as ts,
               'u' || i % 7 as user_id, 'order' as kind, i::text as amount, '/p' as page
        from generate_series(0, 49) i""")
    home.init(NOON_ZONE)
    home.database = database
    toml = database.connection() + INGESTION.format(follow_up="").replace(
        "select * from", "select ts, user_id, kind, page, amount::numeric as amount from")
    home.apply(toml)
    home.run("load", "orders", "--from", days_ago(5), "--to", days_ago(1))
    home.days_pass(1)
    database.sql(f"update orders set amount = 'Jane 4711' where amount = '13' and {between(4)}")
    database.sql(f"update orders set amount = '77' where amount = '33' and {between(2)}")
    done = {(one["day"], one["what"]): one["result"] for one in home.json("load", "--due", code=4)}
    assert done == {
        (days_ago(5), "check"): "unchanged", (days_ago(4), "check"): "failed",
        (days_ago(3), "check"): "unchanged", (days_ago(2), "check"): "changed",
        (days_ago(1), "check"): "unchanged", (days_ago(2), "load"): "loaded"}
    said = home.json("schedule")[0]["not_checked"]
    assert said.startswith(f"orders {days_ago(4)} could not be checked") and "Jane" not in said
    days = {row["day"]: row.get("known_difference", "") for row in home.json("days", "orders")}
    assert [day for day, remark in days.items() if remark] == [days_ago(4)]
    assert days[days_ago(4)].startswith("could not be checked") and "Jane" not in str(days)
    # What is due goes on; the bad day is asked about again with the next day's hour.
    assert home.json("load", "--due") == []
    asked = home.json("check", "orders", "--from", days_ago(5), "--to", days_ago(3), code=4)
    assert [one["day"] for one in asked if "error" in one] == [days_ago(4)]
    # On one's own machine it is said in full.
    assert ["Jane 4711" in one["error"]["message"] for one in asked if "error" in one] == [True]
    database.sql("update orders set amount = '13' where amount = 'Jane 4711'")
    home.days_pass(1)
    checked, loaded = followed_up(home)
    assert days_ago(4) in checked and not loaded
    assert "not_checked" not in home.json("schedule")[0]


def test_what_max_scan_skips_is_shown(shop):
    follow(shop, 'max_scan = "0.01MB"')
    shop.database.sql("analyze orders")
    checked, _ = followed_up(shop)
    assert len(checked) == DAYS
    told = [row.get("known_difference", "") for row in shop.json("days", "orders")]
    skipped = [text for text in told if text.startswith("skipped for max_scan: with this day")]
    assert 0 < len(skipped) < DAYS


def test_every_check_of_a_day_stays_with_its_question_its_answer_and_its_cost(shop):
    day = days_ago(3)  # One whose values change in as many rows.
    follow(shop, 'max_scan = "1GB"')
    shop.database.sql("analyze orders")
    followed_up(shop)
    first, = shop.json("history", "orders", "--day", day, "--checks")
    assert first["by"] == "fingerprint" and not first["changed"] and first["compared"]
    assert (first["rows_then"], first["rows_now"]) == (ROWS, ROWS)
    assert first["took_ms"] >= 0 and first["bytes"] > ROWS
    follow(shop, 'preset = "2w-1pct"')
    change(shop)
    shop.days_pass(1)
    followed_up(shop)
    shop.run("check", "orders", "--day", day)
    checks = shop.json("history", "orders", "--day", day, "--checks")
    assert [(one["by"], one["changed"], "bytes" in one) for one in checks] == [
        ("fingerprint", True, True), ("count", False, False), ("fingerprint", False, True)]
    assert checks[2] == first
    assert [one["at"] for one in checks] == sorted((one["at"] for one in checks), reverse=True)
    table = shop.run("history", "orders", "--day", day, "--checks").stdout
    assert "answered by" in table and table.count("fingerprint") == 2
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        catalog.execute(f"update day_check set at = at - 401 * 86400000000, "
                        f"day = date(day, '-401 days') where at = (select min(at) from day_check "
                        f"where day = '{day}') and day = '{day}'")
        count = "select count(*) from day_check"
        before, = catalog.execute(count).fetchone()
    shop.run("sweep")
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        assert catalog.execute(count).fetchone() == (before - 1,)


def test_a_day_that_was_taken_back_stays_as_it_is_through_all_its_follow_ups(shop):
    day = days_ago(2)
    change(shop)
    shop.run("load", "orders", "--day", day)
    taken_back = "select sum(value) as s from events where day = '%s'" % day
    edited = shop.rows(taken_back)
    shop.run("undo", "orders", "--day", day)
    before = shop.rows(taken_back)
    assert before != edited
    for _ in range(14):
        shop.days_pass(1)
        _, loaded = followed_up(shop)
        assert day not in loaded
        assert shop.rows(taken_back) == before
    [row] = [row for row in shop.json("days", "orders") if row["day"] == day]
    assert row["status"] == "held"
    assert row["known_difference"] == "the warehouse has other values in as many rows"


def status(home, ago):
    [row] = [row for row in home.json("days", "orders") if row["day"] == days_ago(ago)]
    return row["status"], row["rows"]


def lose(shop, rows):
    shop.database.sql("delete from orders where id in "
                      f"(select id from orders where {between(3)} limit {rows})")


@pytest.mark.parametrize("gone", [5, 60])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_day_that_shrank_is_published_when_two_looks_agree(shop, gone, goes_on):
    lose(shop, gone)
    shop.days_pass(1)
    followed_up(shop)
    assert status(shop, 3) == ("held", ROWS)
    if goes_on:
        lose(shop, 1)
        minutes_pass(shop, 31)
        followed_up(shop)
        assert status(shop, 3) == ("held", ROWS)
    minutes_pass(shop, 31)
    followed_up(shop)
    assert status(shop, 3) == ("succeeded", ROWS - gone - goes_on)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_day_that_lost_all_rows_waits_for_a_person_or_for_allow_empty(shop, allowed):
    if allowed:
        toml = (shop.path / "definitions.toml").read_text()
        shop.apply(toml + "\n[ingestion.orders.limits]\nallow_empty = true\n")
    lose(shop, ROWS)
    shop.days_pass(1)
    followed_up(shop)
    for _ in range(3):
        assert status(shop, 3) == (("succeeded, no data", 0) if allowed else ("held", ROWS))
        minutes_pass(shop, 31)
        followed_up(shop)


class Refiller(threading.Thread):
    """Truncates the table and fills it again, over and over, until it is stopped. In another order
    each time: two looks half an hour apart do not meet it at the same row, as these could."""

    def __init__(self, database):
        super().__init__()
        self.database, self.is_over, self.times = database, threading.Event(), 0
        database.sql("create table whole as select * from orders")

    def run(self):
        with self.database.server.admin(self.database.name) as owner:
            while not self.is_over.is_set():
                self.times += 1
                owner.execute("truncate orders")
                for part in range(10):
                    owner.execute("insert into orders select * from whole "
                                  "where abs(hashint4(id + %s)) %% 10 = %s",
                                  [self.times * 10_000, part])
                    time.sleep(0.05)
                self.is_over.wait(0.3)


def test_a_table_that_is_refilled_under_its_checks_shows_no_reader_a_day_that_shrank(shop):
    refiller = Refiller(shop.database)
    refiller.start()
    held = 0
    try:
        for step in range(16):
            shop.days_pass(1) if step % 2 else minutes_pass(shop, 35)
            followed_up(shop)
            days = shop.rows("select day, count(*) as n from events group by day")
            assert [day["n"] for day in days] == [ROWS] * DAYS
            held += sum(row["status"] == "held" for row in shop.json("days", "orders"))
    finally:
        refiller.is_over.set()
        refiller.join()
    assert held > 0 and refiller.times > 2
    # A day that was met without rows is looked at once a day.
    shop.days_pass(1)
    followed_up(shop)
    assert {row["status"] for row in shop.json("days", "orders")} == {"succeeded"}


def test_a_plan_says_what_following_up_costs(home, database):
    database.sql("create table orders (ts timestamptz, user_id text, kind text, amount float8, "
                 "page text)")
    home.init(NOON_ZONE)
    home.database = database
    (home.path / "definitions.toml").write_text(
        database.connection() + INGESTION.format(follow_up=""))
    assert "≈ 6 × the daily load" in home.run("plan", home.path / "definitions.toml").stdout
    follow(home, 'preset = "3d-5pct"')
    home.apply(home.database.connection() + INGESTION.format(
        follow_up='ages = [1, 4]\nthreshold = "2%"'))
    shown = home.run("ingestion", "show", "orders").stdout
    assert "ages = [1, 4]" in shown and 'threshold = "2%"' in shown
