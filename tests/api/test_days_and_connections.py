"""Our own routes: connections, days and what people do with them; events and unit types."""
import sqlite3

import pytest

from called_service import days_ago, write_day

pytestmark = pytest.mark.one_shop

DAY = days_ago(1)
PURCHASES = "/api/v1/ingestions/purchases"


@pytest.fixture(scope="module")
def shop_of_module(shop_of_module):
    shop_of_module.run("load", "purchases", "--from", days_ago(3), "--to", DAY)
    return shop_of_module


@pytest.fixture
def ask(service, key):
    return lambda method, path, body=None: service.ask(method, path, key, body)


def test_a_connection_is_made_tested_browsed_and_forgotten(ask, shop):
    kinds = {kind["kind"]: kind for kind in ask("GET", "/api/v1/kinds").json["data"]}
    assert {"files", "postgres", "s3", "redshift"} <= kinds.keys()
    assert any(setting["secret"] for setting in kinds["postgres"]["settings"])
    made = {"name": "second", "kind": "files", "settings": {"path": str(shop.warehouse)}}
    assert ask("POST", "/api/v1/connections", made).status == 201
    assert ask("POST", "/api/v1/connections", made).status == 409
    tested = ask("POST", "/api/v1/connections/second/test", {}).json["data"]
    assert tested["steps"] and all(step["ok"] for step in tested["steps"])
    assert ask("GET", "/api/v1/connections/second/tables").json["data"]
    sample = ask("POST", "/api/v1/connections/second/sample", {
        "query": f"select * from 'purchases-{DAY}.parquet'", "day": DAY, "rows": 3}).json["data"]
    assert len(sample["rows"]) == 3 and "user_id" in sample["rows"][0]
    refused = ask("POST", "/api/v1/connections", {
        "name": "third", "kind": "postgres", "settings": {"host": "h", "password": "env:HOME"}})
    assert refused.status == 400 and "send the secret itself" in refused.json["message"]
    assert ask("PATCH", "/api/v1/connections/lake", {"settings": {"path": "/"}}).status == 409
    assert ask("DELETE", "/api/v1/connections/lake").status == 409
    assert ask("DELETE", "/api/v1/connections/second").status == 200
    assert ask("GET", "/api/v1/connections/second").status == 404


def test_stored_secrets_follow_nobody_to_another_server(ask):
    settings = {"host": "127.0.0.1", "port": 1, "database": "d", "user": "u", "password": "secret9"}
    made = ask("POST", "/api/v1/connections", {
        "name": "moved", "kind": "postgres", "settings": settings})
    assert made.status == 201 and made.json["data"]["settings"]["password"] == "•••"
    elsewhere = ask("PATCH", "/api/v1/connections/moved", {"settings": {"host": "evil.example"}})
    assert elsewhere.status == 400 and "password must be given again" in elsewhere.json["message"]
    assert ask("PATCH", "/api/v1/connections/moved", {
        "settings": {"host": "127.0.0.2", "password": "secret8"}}).status == 200
    ask("DELETE", "/api/v1/connections/moved")


def test_a_day_shows_its_versions_and_is_undone_and_released(ask, shop, engine):
    day = days_ago(2)
    write_day(engine, shop, "purchases", day, rows=14)
    shop.run("load", "purchases", "--day", day)
    versions = ask("GET", f"{PURCHASES}/versions?day={day}").json["data"]
    assert [version["current"] for version in versions] == [True, False]
    diff = ask("GET", f"{PURCHASES}/diff?day={day}").json["data"]
    assert (diff["newer"], diff["older"]) == (versions[0]["id"], versions[1]["id"])
    changed = {change["what"]: change for change in diff["changes"]}
    assert any((change["before"], change["after"]) == (10, 14) for change in changed.values())
    certificate = ask("GET", f"{PURCHASES}/certificate?day={day}").json["data"]
    assert certificate["version"] == versions[0]["id"] and certificate["adds_up"] is True
    undone = ask("POST", f"{PURCHASES}/undo", {"day": day}).json["data"]
    assert undone["rows"] == 10 and undone["held"]
    rows = ask("GET", f"{PURCHASES}/days?from={day}&to={day}").json["data"]
    assert rows == [undone]
    released = ask("POST", f"{PURCHASES}/release", {"day": day}).json["data"]
    assert released["held"] is None and released["rows"] == 10
    assert ask("POST", f"{PURCHASES}/release", {"day": day}).status in (400, 409)


def test_a_day_is_checked_on_request_and_the_answer_kept(ask, shop, engine):
    assert ask("GET", f"{PURCHASES}/check?day={days_ago(3)}").status == 404
    write_day(engine, shop, "purchases", days_ago(3), rows=11)
    found = ask("POST", f"{PURCHASES}/check", {"day": days_ago(3)}).json["data"]
    assert found["changed"] is True and (found["rows_then"], found["rows_now"]) == (10, 11)
    kept = ask("GET", f"{PURCHASES}/check?day={days_ago(3)}").json["data"]
    assert kept["changed"] is True and kept["at"]
    ask("POST", f"{PURCHASES}/check", {"day": days_ago(3)})
    checks = ask("GET", f"{PURCHASES}/checks?day={days_ago(3)}").json["data"]
    assert checks[1] == kept and len(checks) == 2 and checks[0]["at"] > kept["at"]
    assert ask("GET", f"{PURCHASES}/checks?day={days_ago(1)}").json["data"] == []
    listed, = ask("GET", f"{PURCHASES}/days?from={days_ago(3)}&to={days_ago(3)}").json["data"]
    assert listed["known_difference"] == "the warehouse has 11 rows, 10 were read"
    assert listed["flags"] == [] and listed["error"] is None
    delta = ask("GET", f"/console/v1/ingestion/events/delta?start_date={days_ago(3)}"
                       f"&end_date={days_ago(3)}&source_name=purchases").json["data"]
    event, = delta[0]["events"]
    assert (event["event"], event["internal_count"], event["external_count"],
            event["has_diff"]) == ("purchase", 10, 11, True)


@pytest.mark.parametrize("flag, word", [(2, "moved during read"), (4, "not repeatable"),
                                        (8, "unusual volume"), (16, "provisional")])
def test_a_day_tells_its_flags(ask, shop, flag, word):
    change = "update day set flags = ? where day = ?"
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        catalog.execute(change, (flag, DAY))
    listed, = ask("GET", f"{PURCHASES}/days?from={DAY}&to={DAY}").json["data"]
    assert listed["flags"] == [word]
    assert shop.json("days", "purchases", "--from", DAY, "--to", DAY)[0]["flags"] == [word]
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        catalog.execute(change, (0, DAY))


def test_events_come_newest_first_with_their_units(ask):
    events = ask("GET", "/console/v1/events?limit=5").json["data"]
    assert len(events) == 5 and events[0]["name"] == "purchase"
    stamps = [int(event["timestamp"]) for event in events]
    assert stamps == sorted(stamps, reverse=True)
    assert events[0]["unitIDs"] == {"userID": events[0]["userID"]}
    assert ask("GET", "/console/v1/events/purchase?limit=2").json["pagination"]["nextPage"]
    assert ask("GET", "/console/v1/events/it's").json["data"] == []
    assert ask("GET", "/console/v1/events/purchase/metrics").json["data"] == []


def test_unit_types_are_made_used_and_retired_and_names_stay_taken(ask, shop):
    unit = "/console/v1/unit_id_types"
    assert ask("POST", unit, {"name": "9lives"}).status == 400
    assert ask("POST", unit, {"name": "accountID", "description": "who pays"}).status == 201
    for taken in ("accountID", "ACCOUNTID", "userID"):
        refused = ask("POST", unit, {"name": taken})
        assert (refused.status, refused.json["message"]) == (400, "Name is already in use")
    assert ask("GET", unit + "/accountID").json["data"] == {
        "name": "accountID", "description": "who pays"}
    source = {"type": "files", "dataset": "Events", "source_name": "Accounts", "enabled": False,
              "query": "select * from 'visits*.parquet'", "connection": "lake",
              "column_mapping": {"event_name": "kind", "timestamp": "ts",
                                 "ids": {"accountID": "user_id"}}}
    assert ask("POST", "/console/v1/ingestion", source).status == 200
    shop.run("doctor")
    assert ask("DELETE", unit + "/accountID").status == 409
    ask("DELETE", "/console/v1/ingestion?type=files&dataset=Events&source_name=Accounts")
    assert ask("DELETE", unit + "/accountID").status == 200
    assert ask("GET", unit + "/accountID").status == 404
    assert ask("DELETE", unit + "/userID").status == 409


def test_a_key_is_rotated_and_forgotten(ask, service):
    made = ask("POST", "/console/v1/keys", {"description": "to rotate", "type": "CONSOLE",
                                            "scopes": ["omni_read_only"]}).json["data"]
    path = "/console/v1/keys/" + made["id"]
    assert service.ask("GET", "/console/v1/unit_id_types", made["key"]).status == 200
    rotated = ask("PATCH", path + "/rotate").json["data"]
    assert rotated["id"] == made["id"] and rotated["scopes"] == made["scopes"]
    assert service.ask("GET", "/console/v1/unit_id_types", made["key"]).status == 401
    assert service.ask("GET", "/console/v1/unit_id_types", rotated["key"]).status == 200
    assert ask("DELETE", path).status == 200
    assert service.ask("GET", "/console/v1/unit_id_types", rotated["key"]).status == 401
    assert ask("GET", path).status == 404


DATABRICKS = "/console/v1/ingestion/connection/databricks"


def test_databricks_is_connected_as_the_contract_says(ask):
    reply = ask("POST", DATABRICKS, {"token": "dapi-1", "host": "https://adb-1.example.com/",
                                     "path": "/sql/1.0/warehouses/a1", "verified": True})
    assert reply.status == 200 and reply.json["message"] == "Ingestion created successfully."
    assert reply.json["data"] == {
        "id": "databricks", "type": "databricks", "enabled": False,
        "data": {"name": "databricks", "host": "adb-1.example.com",
                 "path": "/sql/1.0/warehouses/a1"}}
    made = ask("GET", "/api/v1/connections/databricks").json["data"]
    assert made["settings"] == {"host": "adb-1.example.com", "http_path": "/sql/1.0/warehouses/a1",
                                "token": "•••"}
    assert ask("POST", "/console/v1/ingestion", {
        "type": "databricks", "dataset": "Metrics", "source_name": "kpi", "query": "select 1",
        "column_mapping": {"unit_id": "u", "id_type": "t", "dateid": "d", "metric_name": "m",
                           "metric_value": "v"}}).status == 200
    changed = {"databricks": {"path": "/sql/1.0/warehouses/b2", "accessToken": "dapi-2"}}
    assert ask("PATCH", "/console/v1/wh_connections", changed).status == 200
    again = ask("GET", "/api/v1/connections/databricks").json["data"]["settings"]
    assert again["http_path"] == "/sql/1.0/warehouses/b2"
    ask("DELETE", "/console/v1/ingestion?type=databricks&dataset=Metrics&source_name=kpi")


@pytest.mark.parametrize("wrong, said", [
    ({"path": "/sql/protocolv1/o/1/cluster"}, "http_path is that of a SQL warehouse"),
    ({"host": "adb-1.example.com/x"}, "host is a name only"),
    ({"deltaSharingCredentials": {"bearerToken": "b"}}, "endpoint is missing"),
    ({"deltaSharingCredentials": "nonsense"}, "deltaSharingCredentials"),
    ({"token": "env:HOME"}, "references")])
def test_databricks_that_cannot_be_connected_is_refused(ask, wrong, said):
    before = ask("GET", "/api/v1/connections").json["data"]
    reply = ask("POST", DATABRICKS, {"token": "t", "host": "adb-1.example.com",
                                     "path": "/sql/1.0/warehouses/a1", **wrong})
    assert reply.status == 400 and said in reply.json["message"], reply.text
    assert ask("GET", "/api/v1/connections").json["data"] == before
