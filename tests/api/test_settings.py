"""What a text of TOML would change, and what a service goes by."""
import re

from called_service import INGESTION, Service, made, unlimited

PLAN = "/api/v1/plan"
EXTRA = INGESTION.format(name="extra").replace("extra*", "visits*")


def planned(service, key, toml, **more):
    reply = service.ask("POST", PLAN, key, {"file": "team/team.toml", "toml": toml, **more})
    assert reply.status == 200, reply.text
    data = reply.json["data"]
    return {(one["what"], one["name"]) for one in data["changes"]}, data


def test_a_plan_says_what_would_be_made_changed_removed_and_left_and_does_nothing(
        shop, service, key):
    more = shop.path.parent / "team.toml"
    more.write_text(EXTRA)
    known = INGESTION.format(name="purchases")
    said, data = planned(service, key, EXTRA + known)
    assert said == {("add", "extra"), ("keep", "purchases")} and data["is_empty"] is False
    assert service.ask("GET", "/api/v1/ingestions/extra", key).status == 404
    shop.run("apply", more, "--as", "team")
    said, data = planned(service, key, EXTRA)
    assert said == {("keep", "extra")} and data["is_empty"] is True
    other = EXTRA.replace('event_value = "amount"', "")
    more.write_text(other)
    said, data = planned(service, key, other)
    assert said == {("change", "extra")}
    assert data["changes"] == shop.json("plan", more, "--as", "team")
    assert "event_value" in " ".join(data["changes"][0]["details"])
    assert planned(service, key, "", prune=True)[0] == {("remove", "extra")}
    by_file = EXTRA.replace("\"select * from 'visits*.parquet'\"", '"x"').replace(
        'query = "x"', 'query_file = "q.sql"')
    assert planned(service, key, by_file,
                   queries={"q.sql": "select * from 'visits*.parquet'"})[0] == {("keep", "extra")}


def test_a_plan_of_what_a_file_owns_or_no_text_may_say_is_refused(shop, service, key):
    def refused(toml, name="team/team.toml"):
        reply = service.ask("POST", PLAN, key, {"file": name, "toml": toml})
        return reply.status, reply.json["message"]

    status, said = refused(INGESTION.format(name="purchases").replace('"amount"', '"ts"'))
    assert status == 409 and "definitions.toml" in said
    status, said = refused("[ingestion.new]\nqeury = 1")
    assert status == 400 and "team/team.toml:2:1" in said and "query" in said
    status, said = refused('[connection.spy]\nkind = "postgres"\nhost = "h"\ndatabase = "d"\n'
                           'user = "u"\npassword = "env:HOME"')
    assert status == 400 and "secret:" in said
    assert refused("", "../team")[0] == 400
    reads = unlimited(shop, "console", "--scope", "omni_read_only")
    assert service.ask("POST", PLAN, reads, {"file": "team/team.toml", "toml": EXTRA}).status == 200


def test_settings_name_their_owner_and_no_secret(home, engine):
    shop = made(home, engine)
    file = shop.path / "millrace.toml"
    text = re.sub(r"(?m)^\[project\]", '[project]\nowner = "ana@example.com"', file.read_text())
    file.write_text(text + """
[retention]
versions_days = 12
[notify.smtp]
host = "smtp.example.com"
from = "millrace@example.com"
user = "millrace"
password = "env:PLANTED_PASSWORD"
[notify.webhook.ops]
url = "https://bob:hush@hooks.example.com/services/planted?key=planted"
secret = "env:PLANTED_SECRET"
""")
    key = unlimited(shop)
    with Service(shop) as service:
        service.ask("POST", "/console/v1/unit_id_types", key, {"name": "deviceID"})
        service.ask("POST", "/console/v1/ingestion/schedule", key, {"dataset": "Events",
                                                                    "scheduled_hour_pst": 7})
        shop.apply(shop.connect_files() + INGESTION.format(name="purchases")
                   + "[ingestion.purchases.limits]\nrows_per_month = 5000\n")
        reply = service.ask("GET", "/api/v1/settings", key)
    settings = {one["name"]: (one["value"], one["managed_by"]) for one in reply.json["data"]}
    ours = "file:millrace.toml"
    assert settings["project.owner"] == ("ana@example.com", ours)
    assert settings["project.unit_types"] == (["userID", "stableID"], ours)
    assert settings["unit_id_types"] == (["deviceID"], "api")
    assert settings["schedule.Events.scheduled_hour_pst"] == (7, "api")
    assert settings["retention.versions_days"] == (12, ours)
    assert settings["service.runs_at_once"] == (4, ours)
    assert settings["notify.digest"] == ("08:00", ours)
    assert settings["notify.smtp.host"] == ("smtp.example.com", ours)
    assert settings["notify.webhook.ops.host"] == ("hooks.example.com", ours)
    assert settings["ingestion.purchases.limits.rows_per_month"] == (5000, "file:definitions.toml")
    for secret in ("PLANTED", "planted", "hush", "bob"):
        assert secret not in reply.text
