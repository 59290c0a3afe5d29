"""Slack and webhooks: the calls that they would see, and what becomes of their refusals."""
import base64
import hashlib
import hmac
import json

import pytest

from servers.hooks import TOKEN, Slack
from told import ANA, EVE, YESTERDAY, ingestion

BROKEN = "select ts, user_id, kindd as kind from 'purchases*.parquet'"


@pytest.fixture
def slack(monkeypatch):
    monkeypatch.setenv("SLACK_TOKEN", TOKEN)
    server = Slack()
    yield server
    server.stop()


def fail(told, code=4):
    told.write("purchases")
    told.apply(ingestion("purchases", query=BROKEN,
                         more='[ingestion.purchases.notify]\nslack = ["C0123456789"]'))
    told.due(code=code)


def test_a_person_and_two_channels_hear_of_a_failure_on_slack(told, slack):
    told.configure(slack.table(f'channels = ["#data-alerts"]\ndirect = ["{ANA}"]'))
    fail(told)
    assert {one["channel"] for one in slack.posted} == {"#data-alerts", "C0123456789", "U024BE7LH"}
    text = slack.posted[0]["text"]
    assert text.startswith(f"*purchases: {YESTERDAY} failed*\n") and "kindd" in text
    lookup, = [one for one in slack.requests if "lookupByEmail" in one["path"]]
    assert lookup["path"] == "/api/users.lookupByEmail?email=ana%40example.com"
    ids = {note["id"] for note in told.notes()}
    for one in slack.posted:
        assert one["metadata"]["event_type"] == "millrace_failed"
        assert one["metadata"]["event_payload"]["id"] in ids
    assert len({one["metadata"]["event_payload"]["event"] for one in slack.posted}) == 1
    assert len(told.subjects()) == 1


def test_who_switched_it_on_hears_directly_of_what_they_are_mailed(told, slack):
    told.configure(slack.table())
    for address in (ANA, EVE):
        told.user(address, "--slack-direct", "on")
    fail(told)
    assert direct(told) == [(ANA, "failed")]
    assert {one["channel"] for one in slack.posted} == {"C0123456789", "U024BE7LH"}
    assert f"direct {ANA}: sent" in told.home.run("notify", "test").stdout
    told.home.run("user", "change", ANA, "--slack-direct", "off")
    told.apply(ingestion("purchases"))
    told.home.run("load", "purchases", "--day", YESTERDAY)
    told.due()
    assert told.subjects()[-1] == f"[Millrace] Recovered: purchases: {YESTERDAY}"
    assert direct(told) == [(ANA, "test"), (ANA, "failed")]


def direct(told):
    return [(note["target"], note["kind"]) for note in told.notes() if note["channel"] == "direct"]


def test_what_slack_refuses_for_good_is_given_up_and_what_it_puts_off_waits(told, slack):
    told.configure(slack.table('channels = ["#nowhere"]'))
    told.home.run("notify", "test", "--to", "#data-alerts", "--to", f"direct:{ANA}")
    assert [one["channel"] for one in slack.posted] == ["U024BE7LH", "#data-alerts"]
    said = told.home.run("notify", "test", "--to", "direct:eve@example.com", code=1).stdout
    assert "users.lookupByEmail of Slack failed: users_not_found" in said
    slack.limited = 1
    fail(told)
    assert told_on_slack(told) == {
        "C0123456789": ("sent", None),
        "#nowhere": ("waits", "chat.postMessage of Slack failed: ratelimited")}
    told.later(hours=0.1)
    told.due()
    assert told_on_slack(told)["#nowhere"] == (
        "given up", "chat.postMessage of Slack failed: channel_not_found")


def told_on_slack(told):
    return {note["target"]: (note["state"], note.get("error")) for note in told.notes()
            if note["kind"] == "failed" and note["channel"] == "slack"}


def test_a_webhook_is_signed_and_keeps_its_id_from_try_to_try(told, receiver):
    hook = f'\n[notify.webhook.ops]\nurl = "{receiver.url}/in"\nsecret = "env:HOOK_SECRET"\n'
    told.configure(hook)
    receiver.statuses = [500]
    fail(told)
    told.later(hours=0.1)
    told.due()
    first, second = receiver.requests
    assert first["body"] == second["body"]
    for name in "webhook-id", "idempotency-key":
        assert first["headers"][name] == second["headers"][name]
    for request in receiver.requests:
        headers = request["headers"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}"
        mac = hmac.new(b"key-of-the-hook", signed.encode(), hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    event = json.loads(second["body"])
    assert event["type"] == "millrace.failed"
    line, = event["data"]["lines"]
    assert (line["ingestion"], line["first_day"]) == ("purchases", str(YESTERDAY))
    assert line["error"]["fault"] == "misconfigured" and line["error"]["advice"]
    assert [note["state"] for note in told.notes() if note["channel"] == "webhook"] == ["sent"]


def test_who_is_not_named_is_told_how_to_name_them(told):
    told.home.path.joinpath("millrace.toml").write_text("[project]\nzone = \"UTC\"\n")
    assert "names nobody who could be told" in told.home.run("notify", "test", code=1).stderr
    assert "--to carrier-pigeon is no target" in told.home.run(
        "notify", "test", "--to", "carrier-pigeon", code=2).stderr
    assert "Nothing was sent yet" in told.home.run("notify", "list", code=3).stdout
