"""Sources of type databricks with `use_delta_sharing`, as the contract has them. That their rows
come is proven by tests/e2e/test_delta_sharing.py."""
import pytest

DATABRICKS = "/console/v1/ingestion/connection/databricks"
SHARED = {"type": "databricks", "dataset": "Events", "source_name": "Shared",
          "use_delta_sharing": True, "share": "retail", "schema": "shop", "table": "purchases",
          "column_mapping": {"event_name": "kind", "timestamp": "ts", "ids": {"userID": "user_id"}}}
SOURCE = "/console/v1/ingestion"
NAMED = {"type": "databricks", "dataset": "Events", "source_name": "Shared"}


@pytest.fixture
def ask(service, key):
    return lambda method, path, body=None: service.ask(method, path, key, body)


@pytest.fixture
def shared(ask):
    """A source of Delta Sharing, until the test is over."""
    profile = {"shareCredentialsVersion": 1, "endpoint": "https://sharing.example.com/d/",
               "bearerToken": "b-secret"}
    assert ask("POST", DATABRICKS, {
        "token": "t", "host": "adb-1.example.com", "path": "/sql/1.0/warehouses/a1",
        "deltaSharingCredentials": profile}).json["data"]["data"]["sharing"] == "databricks_sharing"
    made = ask("POST", SOURCE, SHARED)
    assert made.status == 200, made.text
    yield made.json["data"]
    ask("DELETE", SOURCE + "?type=databricks&dataset=Events&source_name=Shared")
    assert ask("DELETE", "/api/v1/connections/databricks_sharing").status == 200


def test_a_shared_table_is_a_source_of_type_databricks(ask, shared):
    assert shared["type"] == "databricks" and shared["data"]["is_delta_sharing"] is True
    assert shared["data"]["connection"] == "databricks_sharing"
    assert shared["data"]["query"] == "select * from 'retail.shop.purchases'"
    read = ask("GET", SOURCE + "?type=databricks&dataset=Events&source_name=Shared")
    assert read.json["data"] == shared
    assert "b-secret" not in ask("GET", "/api/v1/connections/databricks_sharing").text
    changed = ask("PATCH", SOURCE, {**NAMED, "table": "it's"})
    assert changed.json["data"]["data"]["query"] == "select * from 'retail.shop.it''s'"


@pytest.mark.parametrize("method, body, said", [
    ("POST", {**SHARED, "source_name": "N", "table": None}, "table is required"),
    ("POST", {**SHARED, "source_name": "N", "share": None, "schema": None, "table": None},
     "share, schema and table are required"),
    ("POST", {**SHARED, "source_name": "N", "share": "a.b"}, "a name without a dot"),
    ("POST", {**SHARED, "source_name": "N", "type": "files"}, "type files are not shared"),
    ("POST", {**SHARED, "source_name": "N", "use_delta_sharing": False}, "query is required"),
    ("POST", {**SHARED, "source_name": "N", "use_delta_sharing": False, "query": "select 1"},
     "those of a source with use_delta_sharing"),
    ("PATCH", {**NAMED, "table": "a.b"}, "a name without a dot"),
])
def test_a_shared_table_that_is_not_told_whole_is_refused(ask, shared, method, body, said):
    reply = ask(method, SOURCE, body)
    assert reply.status == 400 and said in reply.json["message"], reply.text


def test_a_shared_table_needs_the_providers_profile(ask):
    reply = ask("POST", SOURCE, SHARED)
    assert reply.status == 404 and "deltaSharingCredentials" in reply.json["message"]
