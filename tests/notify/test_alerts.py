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


def pretend(told, *statements):
    with sqlite3.connect(told.home.path / "catalog.db") as catalog:
        for statement in statements:
            catalog.execute(statement)


def test_checks_that_fail_for_an_hour_are_a_mail_and_their_success_another(told):
    told.write("purchases")
    told.apply(ingestion("purchases"))
    told.due()
    two_days = 2 * 86_400_000_000
    pretend(told, f"update day set first_ended_at = first_ended_at - {two_days}",
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
