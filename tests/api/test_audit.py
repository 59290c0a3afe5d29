"""Who changed what, and who was refused, is in the audit log."""
import pytest

from called_service import Service, made, unlimited
from home import days_ago

pytestmark = pytest.mark.one_shop

AUDIT = "/console/v1/audit_logs"


@pytest.fixture(scope="module")
def key_of_module(shop_of_module):
    return unlimited(shop_of_module, "console", "--description", "the auditor", "--scope",
                     "omni_read_write", "can_access_keys")


def entries(service, key, query=""):
    return service.ask("GET", AUDIT + query, key).json["data"]


def test_a_change_names_who_made_it_and_what_was_before(shop, service, key):
    unit = "/console/v1/unit_id_types"
    assert service.ask("POST", unit, key, {"name": "deviceID", "description": "one"}).status == 201
    service.ask("PATCH", unit + "/deviceID", key, {"description": "two"})
    service.ask("DELETE", unit + "/deviceID", key)
    newest = entries(service, key, "?limit=3")
    assert [one["actionType"] for one in newest] == [
        "company_ID_type_delete", "company_ID_type_edit", "company_ID_type_add"]
    assert {one["updatedBy"] for one in newest} == {"the auditor"}
    assert newest[1]["changes"] == {"description": {"before": "one", "after": "two"}}
    assert newest[1]["name"] == "deviceID" and newest[1]["updatedByKind"] == "key"
    edits = entries(service, key, "?actionType=company_ID_type_edit")
    assert [one["name"] for one in edits] == ["deviceID"]


def test_definitions_and_keys_are_there_too(shop, service, key):
    service.ask("PATCH", "/console/v1/ingestion/schedule", key,
                {"dataset": "events", "scheduled_hour_pst": 7})
    made = service.ask("POST", "/console/v1/keys", key, {
        "description": "short-lived", "type": "CONSOLE"}).json["data"]
    service.ask("PATCH", f"/console/v1/keys/{made['id']}/rotate", key)
    service.ask("DELETE", f"/console/v1/keys/{made['id']}", key)
    text = service.ask("GET", AUDIT + "?limit=200", key).text
    assert made["key"] not in text
    names = [one["name"] for one in entries(service, key, "?limit=200")]
    assert "purchases" in names
    about = [one["changeLog"] for one in entries(service, key, "?limit=200")]
    assert made["id"] in " ".join(about) or names.count(made["key"][:12] + "…") >= 1
    shell = [one for one in entries(service, key, "?limit=200") if one["updatedByKind"] == "shell"]
    assert shell, "what the shell applied is missing"


def test_a_source_says_when_it_was_made_and_who_changed_it_last(shop, service, key):
    path, address = "/console/v1/ingestion", {"type": "files", "dataset": "Events",
                                              "source_name": "Signed"}
    mapping = {"event_name": "kind", "timestamp": "ts", "ids": {"userID": "user_id"}}
    made = service.ask("POST", path, key, {**address, "query": "select * from 'visits*.parquet'",
                                           "column_mapping": mapping}).json["data"]["data"]
    assert made["last_modified_time"] >= made["creation_time"] > days_ago(1)
    assert made["last_modifier"] == "the auditor"
    other = unlimited(shop, "console", "--description", "somebody else")
    changed = service.ask("PATCH", path, other, {**address, "scheduled_hour_pst": "7"})
    changed = changed.json["data"]["data"]
    assert changed["last_modifier"] == "somebody else"
    assert changed["creation_time"] == made["creation_time"]
    assert changed["last_modified_time"] > made["last_modified_time"]
    assert changed["last_modified_time"] == entries(service, key, "?limit=1")[0]["time"]
    assert (changed["scheduled_hour_pst"], changed["hour_of"]) == (7, "ingestion")
    sources = service.ask("GET", path + "?type=files&dataset=Events", key).json["data"]
    shell = [one for one in entries(service, key, "?limit=200")
             if one["name"] == "purchases" and one["updatedByKind"] == "shell"][0]
    assert [(one["data"]["last_modifier"], one["data"]["last_modified_time"]) for one in sources
            if one["data"]["name"] == "purchases"] == [(shell["updatedBy"], shell["time"])]
    service.ask("DELETE", path + "?type=files&dataset=Events&source_name=Signed", key)


def test_refused_calls_are_there_and_a_hundred_alike_are_two_lines(shop, service, key):
    weak = unlimited(shop, "console", "--description", "reads only", "--scope", "omni_read_only")
    for _ in range(100):
        assert service.ask("POST", "/console/v1/unit_id_types", weak, {"name": "x"}).status == 403
    assert service.ask("GET", "/console/v1/keys", "console-nonsense").status == 401
    refused = entries(service, key, "?actionType=call_refused")
    about = {(one["updatedBy"], one["name"], one["changeLog"]) for one in refused}
    assert ("reads only", "POST /console/v1/unit_id_types", "answered 403") in about
    assert ("no known key", "GET /console/v1/keys", "answered 401") in about
    assert len([one for one in refused if one["updatedBy"] == "reads only"]) <= 2


def test_pages_order_and_range(service, key):
    first = service.ask("GET", AUDIT + "?limit=2&page=1&sortOrder=asc", key).json
    second = service.ask("GET", first["pagination"]["nextPage"], key).json
    ids = [int(one["id"]) for one in first["data"] + second["data"]]
    assert ids == sorted(ids) and len(set(ids)) == 4
    assert entries(service, key, "?endDate=2001-01-01") == []
    assert service.ask("GET", AUDIT + "?sortKey=nonsense", key).status == 400


def test_what_people_do_at_the_machine_is_there_by_name(home, engine):
    shop = made(home, engine)
    key = unlimited(shop)
    backup = shop.path.parent / "backup.db"
    shop.run("load", "purchases", "--day", days_ago(1))
    shop.run("pause", "purchases", "--why", "a move")
    shop.run("pause", "purchases", code=0)
    shop.run("trigger", "purchases", "--day", days_ago(2))
    shop.run("cancel", "purchases")
    shop.run("cancel", "purchases", code=3)
    shop.run("resume", "purchases")
    shop.run("sweep", "--dry-run")
    shop.run("sweep")
    shop.run("backup", backup)
    shop.run("restore", backup)
    with Service(shop) as service:
        found = entries(service, key, "?limit=200")
    done = [one["actionType"] for one in found]
    # What the backup's own entry was is not in the backup.
    assert done[:7] == ["catalog_restore", "store_sweep", "ingestion_resume", "ingestion_cancel",
                        "ingestion_trigger", "ingestion_pause", "ingestion_load"]
    assert {one["updatedByKind"] for one in found[:7]} == {"shell"}
    pause, load = found[5], found[6]
    assert pause["changeLog"] == "purchases is paused: a move" and load["name"] == "purchases"


def test_a_backup_is_in_the_log_of_what_was_backed_up(home, engine):
    shop = made(home, engine)
    key = unlimited(shop)
    shop.run("backup", shop.path.parent / "backup.db")
    with Service(shop) as service:
        newest = entries(service, key, "?limit=1")[0]
    assert (newest["actionType"], newest["name"]) == ("catalog_backup", "backup.db")
