"""What no load says: a day that is not there in time, days that cannot be checked."""
import datetime
import sqlite3

from home import days_ago
from told import YESTERDAY, ingestion

BEFORE = YESTERDAY - datetime.timedelta(days=1)


def test_a_day_that_is_not_there_in_time_is_a_mail_and_its_coming_another(told):
    told.write("purchases", BEFORE)
    told.apply(ingestion("purchases", more='fresh_by = "00:30"'))
    told.home.run("load", "purchases", "--day", BEFORE)
    assert [one["result"] for one in told.due()] == ["waiting"]
    told.later()
    told.due()
    assert told.subjects() == [f"[Millrace] purchases: {YESTERDAY} is late"]
    text = told.mail.to("ana@example.com")[0].get_body(("plain",)).get_content()
    assert f"purchases has no {YESTERDAY}, which was to be there by 00:30" in text
    assert "Next: `millrace days purchases`" in text
    assert told.home.json("schedule")[0]["late"].startswith("purchases has no")
    told.write("purchases")
    told.later()
    assert [one["result"] for one in told.due()] == ["loaded"]
    assert told.subjects()[1:] == [f"[Millrace] Recovered: purchases: {YESTERDAY}"]


def test_a_day_in_the_middle_that_nobody_loaded_is_late(told):
    left_out = BEFORE - datetime.timedelta(days=1)
    for day in (left_out - datetime.timedelta(days=1), left_out, BEFORE, YESTERDAY):
        told.write("purchases", day)
    told.apply(ingestion("purchases", more='mode = "api"\nfresh_by = "00:01"'))
    for day in (left_out - datetime.timedelta(days=1), BEFORE, YESTERDAY):
        told.home.run("load", "purchases", "--day", day)
    assert told.due() == []
    late = told.home.json("schedule")[0]["late"]
    assert late == f"purchases has no {left_out}, which was to be there by 00:01; its newest day " \
        f"is {YESTERDAY}"
    assert [(row["day"], row["status"]) for row in told.home.json("days", "purchases")][1] == \
        (str(left_out), "missing")
    told.home.run("load", "purchases", "--day", left_out)
    told.due()
    assert "late" not in told.home.json("schedule")[0]
    assert told.subjects() == [f"[Millrace] purchases: {left_out} is late",
                               f"[Millrace] Recovered: purchases: {left_out}"]


def test_an_ingestion_that_never_had_a_day_is_late(told):
    told.apply(ingestion("purchases", more='mode = "api"\nfresh_by = "00:01"'))
    told.due()
    assert told.subjects() == [f"[Millrace] purchases: {YESTERDAY} is late"]
    assert told.home.json("schedule")[0]["late"].endswith("it has no day yet")


def test_days_too_far_back_to_be_loaded_by_themselves_are_told_once_with_the_command(told):
    told.write("purchases", rows=1)
    told.apply(ingestion("purchases", deadline="00:00"))
    for ago in (40, 36):
        told.home.run("load", "purchases", "--day", days_ago(ago))
    assert {one["day"] for one in told.due()} == {days_ago(ago) for ago in range(1, 32)}
    command = f"millrace load purchases --from {days_ago(35)} --to {days_ago(32)}"
    for _ in range(3):
        told.due()
    assert told.home.json("schedule")[0]["left_out"] == (
        f"purchases lacks 4 days, {days_ago(35)} to {days_ago(32)}, which lie further back than "
        f"the 31 days that are loaded by themselves: `{command}` loads them; "
        "`millrace days purchases` shows 3 more before")
    assert told.subjects().count("[Millrace] purchases: days are left out") == 1
    missing = [row["day"] for row in told.home.json("days", "purchases")
               if row["status"] == "missing"]
    assert missing == [days_ago(ago) for ago in (39, 38, 37, 35, 34, 33, 32)]
    told.home.run(*command.split()[1:])
    told.home.run("load", "purchases", "--from", days_ago(39), "--to", days_ago(37))
    told.due()
    assert "left_out" not in told.home.json("schedule")[0]


def test_a_budget_that_pauses_is_told_once_and_its_end_too(told):
    told.write("purchases", BEFORE)
    told.write("purchases")
    budget = "[ingestion.purchases.limits]\nrows_per_month = {}"
    told.apply(ingestion("purchases", more=budget.format(15)))
    told.home.run("load", "purchases", "--day", BEFORE)
    assert [one["outcome"]["error"]["code"] for one in told.due(code=4)] == ["over_budget"]
    told.due()
    told.due()
    assert told.subjects() == ["[Millrace] purchases is paused: over budget"]
    text = told.mail.to("ana@example.com")[0].get_body(("plain",)).get_content()
    assert f"loading {YESTERDAY} would add about 10 billable rows to the 10 of this month" in \
        " ".join(text.split())
    assert "`millrace resume purchases`" in text
    assert "over budget" in told.home.json("schedule")[0]["over_budget"]
    told.apply(ingestion("purchases", more=budget.format(30)))
    told.home.run("resume", "purchases")
    assert [one["result"] for one in told.due()] == ["loaded"]
    assert told.subjects()[1:] == [f"[Millrace] Recovered: purchases: {YESTERDAY}"]
    assert "over_budget" not in told.home.json("schedule")[0]


def pretend(told, *statements):
    with sqlite3.connect(told.home.path / "catalog.db") as catalog:
        for statement in statements:
            catalog.execute(statement)


def test_checks_that_fail_for_an_hour_are_a_mail_and_their_success_another(told):
    told.write("purchases")
    told.apply(ingestion("purchases"))
    told.due()
    two_days = 2 * 86_400_000_000
    pretend(told, f"update day set first_ended_at = first_ended_at - {two_days}, "
            f"loaded_at = loaded_at - {two_days}",
            f"update version set published_at = published_at - {two_days}")
    away = told.home.warehouse.with_name("away")
    told.home.warehouse.rename(away)
    for _ in range(3):
        assert [(one["what"], one["result"]) for one in told.due(code=4)] == [("check", "failed")]
    assert told.subjects() == []
    assert "could not be checked" in told.home.json("schedule")[0]["not_checked"]
    pretend(told, f"""update incident set body = json_set(body, '$.members[0].since',
                      '{days_ago(2)}T00:00:00.000000Z')""")
    told.due(code=4)
    assert told.subjects() == [f"[Millrace] purchases: {YESTERDAY} cannot be checked"]
    away.rename(told.home.warehouse)
    assert [(one["what"], one["result"]) for one in told.due()] == [("check", "unchanged")]
    assert told.subjects()[1:] == [f"[Millrace] Recovered: purchases: {YESTERDAY}"]
    assert "not_checked" not in told.home.json("schedule")[0]
