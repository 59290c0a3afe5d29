"""A change token spares the look at the rows, and never hides a change."""
import time

from conftest import write_day

DAY = "2026-11-01"


def settle():
    """Files changed a moment ago have no token: a second change might not show."""
    time.sleep(2.1)


def touch(home):
    for file in home.warehouse.glob("*.parquet"):
        file.touch()
    settle()


def check(home):
    [answer] = home.json("check", "purchases", "--day", DAY)
    return answer["changed"], answer["by"]


def test_a_token_that_a_check_saw_is_what_the_next_check_compares_with(shop):
    settle()
    shop.run("load", "purchases", "--day", DAY)
    assert check(shop) == (False, "token")
    touch(shop)
    assert check(shop) == (False, "fingerprint")
    assert check(shop) == (False, "token")


def test_a_change_seen_once_is_seen_again_although_the_token_is_known(shop, engine):
    settle()
    shop.run("load", "purchases", "--day", DAY)
    write_day(engine, shop.warehouse, 1, amount="i * 2.5")
    settle()
    assert check(shop) == (True, "fingerprint")
    assert check(shop) == (True, "fingerprint")
    shop.run("load", "purchases", "--day", DAY)
    assert check(shop) == (False, "token")


def test_after_an_undo_the_token_of_the_newer_load_says_nothing(shop, engine):
    settle()
    shop.run("load", "purchases", "--day", DAY)
    write_day(engine, shop.warehouse, 1, amount="i * 2.5")
    settle()
    shop.run("load", "purchases", "--day", DAY)
    shop.run("undo", "purchases", "--day", DAY)
    assert check(shop) == (True, "fingerprint")


def test_after_a_replay_the_fingerprint_is_asked_once_more(shop, engine):
    write_day(engine, shop.warehouse, 1)
    engine.sql(f"""copy (select * replace (case when i > 1 then user_id end as user_id,
        case when i > 1 then device_id end as device_id) from (select *, row_number() over () as i
        from '{shop.warehouse}/day1.parquet')) to '{shop.warehouse}/new' (format parquet)""")
    (shop.warehouse / "new").rename(shop.warehouse / "day1.parquet")
    settle()
    definitions = (shop.path / "definitions.toml").read_text()
    lenient = definitions + '[ingestion.purchases.limits]\nmax_rejected = "50%"\n'
    shop.apply(lenient)
    shop.run("load", "purchases", "--day", DAY)
    assert check(shop) == (False, "token")
    shop.apply(lenient.replace('"user_id"', '"page"').replace('page = "page"', 'page = "user_id"'))
    assert shop.json("quarantine", "purchases", "--day", DAY, "--replay")["replayed"] > 0
    shop.apply(lenient)
    assert check(shop) == (False, "fingerprint")
    assert check(shop) == (False, "token")
