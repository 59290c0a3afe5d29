"""What is billed: every published row once, reloads again, nothing that only failed."""
import datetime

DAY = "2026-11-01"


def used(home, *arguments):
    return [(one["ingestion"], one["trigger"], one["loads"], one["rows"])
            for one in home.json("usage", *arguments)]


def test_a_reload_counts_again_and_a_failed_load_does_not(shop):
    shop.run("load", "purchases", "--from", DAY, "--to", "2026-11-03")
    assert used(shop) == [("purchases", "manual", 3, 30)]
    shop.run("load", "purchases", "--day", DAY)
    assert used(shop, "purchases") == [("purchases", "manual", 4, 40)]
    (shop.warehouse / "day1.parquet").write_bytes(b"not parquet")
    shop.run("load", "purchases", "--day", DAY, code=1)
    shop.run("undo", "purchases", "--day", DAY)
    assert used(shop) == [("purchases", "manual", 4, 40)]


def test_the_days_are_those_of_publishing_and_the_month_is_projected(shop):
    shop.run("load", "purchases", "--day", DAY)
    [one] = shop.json("usage")
    assert one["day"] == shop.json("history", "purchases", "--day", DAY)[0]["published_at"][:10]
    assert shop.json("usage", "--from", "2026-01-01", "--to", "2026-01-31", code=3) == []
    said = shop.run("usage").stdout
    assert "10 billable rows from" in said and "by the end of the month" in said
    said = shop.run("usage", "--from", "2026-02-01", "--to", "2026-01-31", code=2).stderr
    assert "2026-01-31 lies before 2026-02-01" in said


def test_an_archived_ingestion_keeps_its_name_in_the_account(shop):
    shop.run("load", "purchases", "--day", DAY)
    shop.run("ingestion", "remove", "purchases")
    assert used(shop) == [("purchases", "manual", 1, 10)]
