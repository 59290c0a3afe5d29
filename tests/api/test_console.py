"""The Console API: sources, their schedule, runs, statuses, backfills, counts, unit types, keys."""
import sqlite3
import time

import pytest

from called_service import running, unlimited
from home import NOON_ZONE, days_ago

pytestmark = pytest.mark.one_shop

SOURCE = "/console/v1/ingestion"
CREATE = {"type": "files", "dataset": "Events", "source_name": "Web events",
          "query": "select * from 'visits*.parquet'", "enabled": True,
          "column_mapping": {"event_name": "kind", "timestamp": "ts", "ids": {"userID": "user_id"},
                             "event_value": "amount", "metadata": {}, "metadata_object": "null"}}


def finished(service, key, run):
    return service.wait_for(f"{SOURCE}/runs/{run}", key, lambda reply: reply["data"][
        "latestStatus"] in ("download_complete", "download_error")).json["data"]


def address(name, dataset="Events", kind="files"):
    return f"{SOURCE}?type={kind}&dataset={dataset}&source_name={name}"


def test_a_source_is_made_read_changed_and_taken_away(service, key, shop):
    made = service.ask("POST", SOURCE, key, CREATE)
    assert (made.status, made.json["message"]) == (200, "Ingestion created successfully")
    assert made.json["data"]["type"] == "files" and made.json["data"]["enabled"] is True
    read = service.ask("GET", address("Web%20events"), key)
    assert read.json == {"message": "Ingestion read successfully.", "data": made.json["data"]}
    inner = read.json["data"]["data"]
    assert inner["query"] == CREATE["query"] and inner["name"] == "Web events"
    assert inner["columnMappings"]["ids"] == {"userID": "user_id"}
    again = service.ask("POST", SOURCE, key, CREATE)
    assert (again.status, again.json["message"]) == (
        400, "Ingestion source already exists with name Web events")
    changed = service.ask("PATCH", SOURCE, key, {
        "type": "files", "dataset": "Events", "source_name": "Web events", "enabled": False,
        "column_mapping": {"event_value": "null"}})
    assert changed.json["message"] == "Ingestion updated successfully."
    assert changed.json["data"]["enabled"] is False
    assert changed.json["data"]["data"]["columnMappings"]["event_value"] == ""
    gone = service.ask("DELETE", address("Web%20events"), key)
    assert (gone.status, gone.json) == (200, {"message": "Ingestion deleted successfully."})
    assert service.ask("GET", address("Web%20events"), key).status == 404
    revived = service.ask("POST", SOURCE, key, CREATE)
    assert revived.json["data"]["id"] == made.json["data"]["id"]
    assert "web_events" in shop.run("ingestion", "list").stdout
    service.ask("DELETE", address("Web%20events"), key)


def test_a_source_of_metrics_can_be_made_with_the_contracts_words(service, key):
    body = {"type": "files", "dataset": "Metrics", "source_name": "Money", "query": "select 1",
            "column_mapping": {"unit_id": "uid", "id_type": "idt", "dateid": "ds",
                               "metric_name": "m", "metric_value": "v", "numerator": "null",
                               "denominator": "null"}}
    made = service.ask("POST", SOURCE, key, body)
    assert made.status == 200, made.text
    assert made.json["data"]["data"]["columnMappings"] == {
        **body["column_mapping"], "numerator": "", "denominator": ""}
    assert made.json["data"]["enabled"] is False
    service.ask("DELETE", address("Money", "Metrics"), key)


@pytest.mark.parametrize("change, status, said", [
    ({"type": "snowflake"}, 404, "no connection of type snowflake"),
    ({"dataset": "Cheese"}, 400, "no dataset Cheese"),
    ({"source_name": None}, 400, "source_name is required"),
    ({"query": 7}, 400, "query must be a string"),
    ({"query": "select {{dya}}"}, 400, "dya"),
    ({"enabled": "yes"}, 400, "enabled must be true or false"),
    ({"use_delta_sharing": True}, 400, "type files are not shared"),
    ({"query": None}, 400, "query is required"),
    ({"column_mapping": {"nonsense": "x"}}, 400, "column_mapping has no nonsense"),
    ({"column_mapping": {"event_name": "kind"}}, 400, "timestamp"),
    ({"column_mapping": {**CREATE["column_mapping"], "ids": {"planetID": "x"}}}, 400, "planetID"),
    ({"column_mapping": [1]}, 400, "column_mapping must be an object"),
    ({"schedule_mode": "never"}, 400, "schedule_mode must be"),
])
def test_a_source_that_could_not_be_loaded_is_refused(service, key, change, status, said):
    reply = service.ask("POST", SOURCE, key, {**CREATE, "source_name": "New", **change})
    assert (reply.status, reply.json["status"]) == (status, status), reply.text
    assert said in reply.json["message"]
    assert service.ask("GET", address("New"), key).status == 404


def test_what_a_file_owns_answers_409_with_the_files_name(service, key):
    for reply in (service.ask("DELETE", address("visits"), key),
                  service.ask("PATCH", SOURCE, key, {"type": "files", "dataset": "Events",
                                                     "source_name": "visits", "enabled": False})):
        assert reply.status == 409 and "definitions.toml" in reply.json["message"]


def test_several_sources_are_read_as_a_list_and_must_be_named_to_be_changed(service, key):
    found = service.ask("GET", f"{SOURCE}?type=files&dataset=events", key).json["data"]
    assert {"purchases", "visits"} <= {one["data"]["name"] for one in found}
    reply = service.ask("PATCH", SOURCE, key, {"type": "files", "dataset": "Events",
                                               "enabled": False})
    assert reply.status == 400 and "source_name is required" in reply.json["message"]
    assert service.ask("GET", f"{SOURCE}?type=s3&dataset=Events", key).json["message"] == (
        "Ingestion of type s3 not found.")


def test_the_hour_of_a_dataset_is_that_of_its_sources(service, key):
    made = {**CREATE, "source_name": "Hourly", "enabled": False}
    service.ask("POST", SOURCE, key, made)
    assert service.ask("GET", SOURCE + "/schedule?dataset=Events", key).json["data"][
        "scheduled_hour_pst"] == 10
    reply = service.ask("POST", SOURCE + "/schedule", key, {"dataset": "Events",
                                                            "scheduled_hour_pst": 7})
    assert reply.json["message"] == "Ingestion schedule updated successfully."
    data = service.ask("GET", SOURCE + "/schedule?dataset=Events", key).json["data"]
    assert (data["dataset"], data["scheduled_hour_pst"]) == ("Events", 7)
    assert {(one["source"], one["hour_of"]) for one in data["overridden"]} == {
        ("purchases", "dataset"), ("visits", "dataset")}

    def hour():
        data = service.ask("GET", address("Hourly"), key).json["data"]["data"]
        return data["scheduled_hour_pst"], data["hour_of"]

    assert hour() == (7, "dataset")
    own = {"type": "files", "dataset": "Events", "source_name": "Hourly", "scheduled_hour_pst": 3}
    assert service.ask("PATCH", SOURCE, key, own).status == 200
    assert service.ask("POST", SOURCE + "/schedule", key, {
        "dataset": "Events", "scheduled_hour_pst": 9}).status == 200
    assert hour() == (3, "ingestion")
    overridden = service.ask("GET", SOURCE + "/schedule?dataset=Events", key).json["data"][
        "overridden"]
    assert [(one["scheduled_hour_pst"], one["hour_of"]) for one in overridden
            if one["source"] == "Hourly"] == [(3, "ingestion")]
    service.ask("PATCH", SOURCE, key, {**own, "scheduled_hour_pst": None})
    assert hour() == (9, "dataset")
    by_query = service.ask("POST", SOURCE + "/schedule?dataset=Events&scheduled_hour_pst=8", key)
    assert by_query.json["data"]["scheduled_hour_pst"] == 8
    as_text = service.ask("POST", SOURCE + "/schedule", key, {"dataset": "Events",
                                                              "scheduled_hour_pst": "11"})
    assert as_text.json["data"]["scheduled_hour_pst"] == 11
    for wrong in (24, -1, 7.5, "seven", "24", "-1", ""):
        assert service.ask("POST", SOURCE + "/schedule", key, {
            "dataset": "Events", "scheduled_hour_pst": wrong}).status == 400
    service.ask("DELETE", address("Hourly"), key)


def test_a_backfill_is_one_run_that_shows_every_day_of_every_source(service, key, shop):
    reply = service.ask("POST", SOURCE + "/backfill", key, {
        "datestamp_start": days_ago(3), "datestamp_end": days_ago(1), "type": "files",
        "dataset": "Events", "source": ["purchases", "visits"]})
    assert reply.json["message"] == "Ingestion backfilled successfully."
    run = finished(service, key, reply.json["data"]["runID"])
    assert run["trigger"] == "backfill" and run["sources"] == ["purchases", "visits"]
    assert run["dateStamps"] == [days_ago(3), days_ago(2), days_ago(1)]
    assert [step["status"] for step in run["runHistory"]] == [
        "download_complete", "download_started", "started", "enqueued"]
    for source in run["granularHistory"]:
        assert source["latestSourceStatus"] == "download_complete"
        assert [one["dateStamp"] for one in source["statusByDate"]] == run["dateStamps"]
    listed = service.ask("GET", SOURCE + "/runs", key).json
    assert listed["data"][0] == run and listed["pagination"]["itemsPerPage"] == 10
    assert shop.rows("select count(*) as n from events") == [{"n": 60}]


def test_events_are_counted_per_day_and_event_or_of_one_event(service, key):
    query = f"start_date={days_ago(3)}&end_date={days_ago(2)}"
    grouped = service.ask("GET", f"{SOURCE}/events/count?{query}", key).json["data"]
    assert [(day["date"], day["events"][0]["event"], day["events"][0]["count"])
            for day in grouped] == [(days_ago(3), "purchase", 20), (days_ago(2), "purchase", 20)]
    flat = service.ask("GET", f"{SOURCE}/events/count?{query}&source_name=visits"
                              "&event_name=purchase", key).json["data"]
    assert [(row["date"], row["count"]) for row in flat] == [(days_ago(3), 10), (days_ago(2), 10)]
    assert flat[0]["last_updated_time"].endswith("Z")
    hostile = service.ask("GET", f"{SOURCE}/events/count?{query}&event_name=%27%20or%201=1--", key)
    assert (hostile.status, hostile.json["data"]) == (200, [])
    assert service.ask("GET", f"{SOURCE}/events/count?{query}&source_name=nobody", key).json[
        "data"] == []


def status_of(service, key, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return service.ask("GET", f"{SOURCE}/status?startDate={days_ago(1)}&endDate={days_ago(-1)}"
                              f"&{query}", key)


def test_statuses_are_filtered_and_paged_newest_first(service, key):
    whole = status_of(service, key, limit=1000).json
    times = [row["timestamp"] for row in whole["data"]]
    assert times == sorted(times, reverse=True) and whole["pagination"]["nextPage"] is None
    first = status_of(service, key, limit=4).json
    assert first["data"] == whole["data"][:4]
    assert first["pagination"]["nextPage"].startswith(SOURCE + "/status?page=2&")
    then = service.ask("GET", first["pagination"]["nextPage"], key).json
    assert then["data"] == whole["data"][4:8]
    one = status_of(service, key, source="visits", status="IMPORT_SUCCESSFUL").json["data"]
    assert {row["source_name"] for row in one} == {"visits"}
    assert {(row["status"], row["rowCount"], row["ingestion_source"], row["ingestion_dataset"])
            for row in one} == {("IMPORT_SUCCESSFUL", 10, "files", "events")}
    either = status_of(service, key, **{"statuses[]": "BACKFILL_REQUESTED", "limit": 1000}).json
    assert {row["status"] for row in either["data"]} == {"BACKFILL_REQUESTED"}
    assert status_of(service, key, dataset="Metrics").json["data"] == []


@pytest.mark.parametrize("path, said", [
    ("/status?startDate=2026-11-01", "endDate is required"),
    ("/status?startDate=2026-11-02&endDate=2026-11-01", "lies before"),
    ("/status?startDate=x&endDate=y", "must be a date"),
    ("/status?startDate=2026-11-01&endDate=2026-11-01&page=0", "page must be a number from 1"),
    ("/status?startDate=2026-11-01&endDate=2026-11-01&limit=many", "limit must be a number"),
    ("/events/count", "start_date is required"),
    ("/schedule", "dataset is required"),
    ("?type=files", "dataset is required"),
])
def test_wrong_parameters_are_named(service, key, path, said):
    reply = service.ask("GET", SOURCE + path, key)
    assert reply.status == 400 and said in reply.json["message"]


@pytest.mark.parametrize("change, said", [
    ({"datestamp_end": "2026-10-01"}, "lies before"),
    ({"datestamp_end": "2999-01-01"}, "Data is not available"),
    ({"datestamp_start": "1990-01-01", "datestamp_end": "2026-11-01"}, "at most"),
    ({"datestamp_start": None}, "datestamp_start is required"),
    ({"source": [7]}, "source must be a string or a list"),
])
def test_a_wrong_backfill_starts_nothing(service, key, change, said):
    body = {"datestamp_start": "2026-11-01", "datestamp_end": "2026-11-02", "type": "files",
            "dataset": "Events", **change}
    reply = service.ask("POST", SOURCE + "/backfill", key, body)
    assert reply.status == 400 and said in reply.json["message"]


def test_a_run_that_is_not_there_is_404(service, key):
    reply = service.ask("GET", SOURCE + "/runs/nothing", key)
    assert reply.json == {"status": 404, "message": "runID nothing not found"}


def test_a_failed_day_says_why(service, key, shop):
    made = {**CREATE, "source_name": "Broken", "enabled": False,
            "query": "select nothing from 'visits*.parquet'"}
    service.ask("POST", SOURCE, key, made)
    reply = service.ask("POST", SOURCE + "/backfill", key, {
        "datestamp_start": days_ago(2), "datestamp_end": days_ago(2), "type": "files",
        "dataset": "Events", "source": "Broken"})
    run = finished(service, key, reply.json["data"]["runID"])
    assert run["latestStatus"] == "download_error"
    row = status_of(service, key, source="Broken").json["data"][0]
    assert row["status"] == "QUERY_ERROR" and "nothing" in row["error_message"]
    service.ask("DELETE", address("Broken"), key)


def test_unit_types_are_listed(service, key):
    listed = service.ask("GET", "/console/v1/unit_id_types?limit=1", key).json
    assert listed["data"] == [{"name": "userID", "description": ""}]
    assert listed["pagination"]["nextPage"] == "/console/v1/unit_id_types?page=2&limit=1"
    assert service.ask("GET", "/console/v1/unit_id_types/stableID", key).status == 200
    assert service.ask("GET", "/console/v1/unit_id_types/planetID", key).status == 404


def test_keys_are_made_and_deactivated_by_who_may(service, key, shop):
    assert service.ask("GET", "/console/v1/keys", unlimited(shop)).status == 403
    made = service.ask("POST", "/console/v1/keys", key, {"type": "SERVER", "description": "job"})
    text = made.json["data"]["key"]
    assert text.startswith("secret-") and made.json["data"]["status"] == "active"
    listed = service.ask("GET", "/console/v1/keys", key)
    assert text not in listed.text and "job" in listed.text
    assert service.ask("POST", "/v1/mark_data_ready_dwh", text, {}).status == 400
    gone = service.ask("PATCH", f"/console/v1/keys/{text}/deactivate", key)
    assert gone.json["data"]["status"] == "deactivated"
    assert service.ask("POST", "/v1/mark_data_ready_dwh", text, {}).status == 401
    for wrong in ({"type": "SERVER"}, {"type": "KING", "description": "x"},
                  {"type": "CLIENT", "description": "x", "scopes": ["omni_read_write"]}):
        assert service.ask("POST", "/console/v1/keys", key, wrong).status == 400


def test_a_page_of_a_hundred_thousand_statuses_is_found_quickly(home, engine):
    home.init(NOON_ZONE)
    home.apply(home.connect_files())
    key = unlimited(home)
    with sqlite3.connect(home.path / "catalog.db") as catalog:
        now = int(time.time() * 1e6)
        project, = catalog.execute("select project_id from project").fetchone()
        catalog.execute("""
            insert into load (project_id, id, ingestion, dataset, day, revision, run, asked_by,
                              attempt, host, pid, process_start, started_at, closed_at,
                              error_code)
            with recursive n(i) as (select 0 union all select i + 1 from n where i < 49999)
            select ?, 'load' || i, 'gone', 'events', '2026-11-01', 'r', 'run' || i, 'scheduled',
                   iif(i % 50, 'loaded', 'failed'), 'h', 1, 1, ? - i * 1000000, ? - i * 1000000,
                   case when i % 50 then '' when i % 100 then 'sql_error' else 'odd' end from n""",
                        (project, now, now))
    for service in running(home):
        query = f"startDate={days_ago(60)}&endDate={days_ago(-1)}"
        took = []
        for page in range(1, 31):
            began = time.monotonic()
            reply = service.ask("GET", f"{SOURCE}/status?{query}&limit=100&page={page}", key)
            took.append(time.monotonic() - began)
            assert reply.status == 200 and len(reply.json["data"]) == 100
        assert sorted(took)[15] < 0.1, took
        for asked, found in (("IMPORT_SUCCESSFUL", 100), ("QUERY_ERROR", 100), ("ERROR", 100),
                             ("IMPORT_STARTED", 100), ("BACKFILL_REQUESTED", 0), ("NONSENSE", 0),
                             ("QUERY_ERROR,SETUP_ERROR", 100)):
            path = f"{SOURCE}/status?{query}&limit=100&status={asked}"
            rows = quickly(service, key, path)
            assert len(rows) == found, asked
            assert {row["status"] for row in rows} <= set(asked.split(",")), asked
        assert len(quickly(service, key, f"{SOURCE}/runs")) == 10
        assert len(quickly(service, key, f"{SOURCE}/runs?page=3")) == 10


def quickly(service, key, path):
    """The rows of a page that three of five times is there in a tenth of a second."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        reply = service.ask("GET", path, key)
        took.append(time.monotonic() - began)
        assert reply.status == 200, reply.text
    assert sorted(took)[2] < 0.1, (path, took)
    return reply.json["data"]


def test_a_run_says_why_it_waits_that_it_was_cancelled_or_has_nobody_left(service, key, shop):
    source = {"type": "files", "dataset": "Events", "source": "visits"}
    days = {"datestamp_start": days_ago(2), "datestamp_end": days_ago(1)}

    def asked(body):
        reply = service.ask("POST", SOURCE + "/backfill", key, {**days, **body})
        return f"{SOURCE}/runs/{reply.json['data']['runID']}"

    def shown(path):
        return service.ask("GET", path, key).json["data"]

    shop.run("pause", "visits", "--why", "a move")
    waiting = asked(source)
    assert shown(waiting)["latestStatus"] == "enqueued"
    assert shown(waiting)["waits_for"] == "visits is paused: a move"
    shop.run("cancel", "visits")
    assert shown(waiting)["latestStatus"] == "cancelled" and shown(waiting)["waits_for"] is None
    shop.run("resume", "visits")
    made = {**CREATE, "source_name": "Short-lived"}
    assert service.ask("POST", SOURCE, key, made).status == 200
    shop.run("pause", "short_lived")
    orphan = asked({**source, "source": "Short-lived"})
    service.ask("DELETE", address("Short-lived"), key)
    assert shown(orphan)["latestStatus"] == "download_error"
    with sqlite3.connect(shop.path / "catalog.db") as catalog:
        assert catalog.execute("select distinct error_text from asked where error_code = "
                               "'ingestion_archived'").fetchall() == [("short_lived was removed",)]


def test_both_spellings_of_the_contract_are_understood(service, key):
    query = f"startDate={days_ago(3)}&endDate={days_ago(2)}"
    other = f"start_date={days_ago(3)}&end_date={days_ago(2)}"
    for path in ("/events/count", "/status"):
        assert service.ask("GET", f"{SOURCE}{path}?{query}", key).json == service.ask(
            "GET", f"{SOURCE}{path}?{other}", key).json
    metrics = {"type": "files", "dataset": "Metrics", "source_name": "Dated", "enabled": False,
               "query": "select * from 'spend*.parquet'", "column_mapping": {
                   "date": "ds", "unit_id": "user_id", "id_type": "user_id", "metric_name":
                   "user_id", "metric_value": "amount"}}
    made = service.ask("POST", SOURCE, key, metrics)
    assert made.json["data"]["data"]["columnMappings"]["dateid"] == "ds", made.text
    service.ask("DELETE", address("Dated", "Metrics"), key)
