"""The `s3` kind against a real radosgw: both ways of reading, wrong settings, hostile SQL."""
import pytest

from servers.cutting_proxy import CuttingProxy


def put(s3, engine, tmp_path, key, select):
    file = tmp_path / "object.parquet"
    engine.sql(f"copy ({select}) to '{file}' (format parquet)")
    s3.upload_file(str(file), "shop", key)


def rows_of(day, amount="i * 1.5"):
    return f"""select timestamp '2026-11-0{day} 00:00:00' + interval (i) hour as ts,
        'user' || i as user_id, 'purchase' as kind, {amount} as amount from range(10) r(i)"""


@pytest.fixture
def bucket(s3, engine, tmp_path):
    """Three days of ten events, by key and by folder; and a secret beside the prefix."""
    s3.create_bucket(Bucket="shop")
    for day in (1, 2, 3):
        put(s3, engine, tmp_path, f"lake/sales/day{day}.parquet", rows_of(day))
        put(s3, engine, tmp_path, f"lake/days/2026-11-0{day}/part.parquet", rows_of(day))
    put(s3, engine, tmp_path, "private/secret.parquet", "select 'hush' as secret")
    yield s3
    for entry in s3.list_objects_v2(Bucket="shop")["Contents"]:
        s3.delete_object(Bucket="shop", Key=entry["Key"])


def connection(s3_server, **settings):
    lines = {"kind": "s3", "prefix": "lake/", **s3_server.settings(**settings)}
    return "[connection.lake]\n" + "".join(f'{k} = "{v}"\n' for k, v in lines.items() if v)


def ingestion(name, source):
    return f"""
[ingestion.{name}]
connection = "lake"
dataset = "events"
{source}
[ingestion.{name}.mapping]
event_name = "kind"
timestamp = "ts"
ids = {{ userID = "user_id" }}
event_value = "amount"
"""


@pytest.fixture
def lake(home, bucket, s3_server):
    """A home connected to the bucket, by SQL over a glob and by the folder layout."""
    home.init()
    home.apply(connection(s3_server)
               + ingestion("by_sql", """query = "select * from 'sales/*.parquet'\"""")
               + ingestion("by_folder", 'folder = "days"'))
    return home


@pytest.mark.parametrize("name", ["by_sql", "by_folder"])
def test_days_are_loaded_from_objects_and_an_equal_count_edit_is_found(
        lake, bucket, engine, tmp_path, name):
    loaded = lake.json("load", name, "--from", "2026-11-01", "--to", "2026-11-03")
    assert [o["status"] for o in loaded] == ["loaded"] * 3
    assert lake.rows("select day::varchar as day, count(*) as n, sum(value) as total from events "
                     "group by all order by all") == [
        {"day": f"2026-11-0{day}", "n": 10, "total": 67.5} for day in (1, 2, 3)]
    assert not any(r["changed"] for r in lake.json("check", name))
    key = "lake/sales/day2.parquet" if name == "by_sql" else "lake/days/2026-11-02/part.parquet"
    put(bucket, engine, tmp_path, key, rows_of(2, amount="i * 2.0"))
    changed = [r for r in lake.json("check", name) if r["changed"]]
    assert [(r["day"], r["by"]) for r in changed] == [("2026-11-02", "fingerprint")]


def test_a_day_without_a_folder_succeeds_without_data(lake):
    lake.run("load", "by_folder", "--day", "2026-11-09")
    assert lake.json("days", "by_folder")[0]["status"] == "succeeded, no data"


def test_any_query_over_objects_can_be_sampled(lake):
    sampled = lake.json("sample", "--connection", "lake", "--query",
                        "select count(*) as n from 'sales/*.parquet'")
    assert "30" in str(sampled)


def test_the_bucket_is_browsed_as_tables(lake):
    tables = {(t["kind"], t["name"]) for t in lake.json("connection", "tables", "lake")}
    assert tables == {("files", "sales/*.parquet"), ("folder", "days")}


@pytest.mark.parametrize("settings, words", [
    ({"secret_access_key": "env:WRONG"}, ["refused", "secret_access_key"]),
    ({"access_key_id": "nobody"}, ["refused", "access_key_id"]),
    ({"bucket": "nothing"}, ["no bucket nothing"]),
    ({"endpoint": "127.0.0.1:9"}, ["could not read from 127.0.0.1:9", "endpoint"]),
    ({"access_key_id": "", "secret_access_key": ""}, ["AWS chain", "access_key_id"]),
])
def test_wrong_settings_are_named_with_what_to_do(
        home, bucket, s3_server, monkeypatch, settings, words):
    home.init()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    home.apply(connection(s3_server, **settings))
    done = home.run("connection", "test", "lake", code=1, env={"WRONG": "hunter2"})
    said = done.stdout + done.stderr
    for word in words:
        assert word in said
    assert "hunter2" not in said and "millrace-secret" not in said


def test_the_standard_aws_chain_finds_keys_in_the_environment(home, bucket, s3_server):
    home.init()
    home.apply(connection(s3_server, access_key_id="", secret_access_key=""))
    home.run("connection", "test", "lake", env={
        "AWS_ACCESS_KEY_ID": "millrace", "AWS_SECRET_ACCESS_KEY": "millrace-secret"})


@pytest.mark.parametrize("sql", [
    "from 's3://shop/private/secret.parquet'",
    "from '../private/secret.parquet'",
    "from 's3://shop/lake/../private/secret.parquet'",
    "from 'sales/day1.parquet?s3_endpoint=127.0.0.1:9'",
    "from 'http://ENDPOINT/shop/private/secret.parquet'",
    "from read_text('/etc/passwd')",
    "select * from duckdb_secrets()",
    "copy (select 1) to 's3://shop/lake/out.parquet'",
    "select 1; select 2",
])
def test_hostile_sql_reads_and_writes_nothing(lake, bucket, s3_server, sql):
    sql = sql.replace("ENDPOINT", f"127.0.0.1:{s3_server.port}")
    before = [entry["Key"] for entry in bucket.list_objects_v2(Bucket="shop")["Contents"]]
    nothing_found = 3 if "/etc/passwd" in sql else 1  # of the bucket's own objects
    done = lake.run("sample", "--connection", "lake", "--query", sql, code=nothing_found)
    said = done.stdout + done.stderr
    for secret in ("hush", "root:", "millrace-secret"):
        assert secret not in said
    assert [entry["Key"] for entry in bucket.list_objects_v2(Bucket="shop")["Contents"]] == before


def test_temporary_keys_need_their_session_token(lake, bucket, s3_server, monkeypatch):
    keys = s3_server.temporary_keys()
    monkeypatch.setenv("TEMPORARY_SECRET", keys["SecretAccessKey"])
    monkeypatch.setenv("TEMPORARY_TOKEN", keys["SessionToken"])
    temporary = {"access_key_id": keys["AccessKeyId"],
                 "secret_access_key": "env:TEMPORARY_SECRET"}
    lake.apply(connection(s3_server, **temporary, session_token="env:TEMPORARY_TOKEN")
               + ingestion("by_folder", 'folder = "days"'))
    lake.run("load", "by_folder", "--day", "2026-11-02")
    assert lake.rows("select count(*) as n from events") == [{"n": 10}]
    lake.apply(connection(s3_server, **temporary) + ingestion("by_folder", 'folder = "days"'))
    done = lake.run("connection", "test", "lake", code=1)
    assert "refused" in done.stdout and keys["SecretAccessKey"] not in done.stdout + done.stderr


def test_a_stream_that_dies_fails_the_load_and_leaves_the_old_version(
        lake, bucket, s3_server, engine, tmp_path):
    key = "lake/days/2026-11-02/part.parquet"
    lake.run("load", "by_folder", "--day", "2026-11-02")
    put(bucket, engine, tmp_path, key, """select timestamp '2026-11-02 12:00:00' as ts,
        'purchase' as kind, 1.5 as amount, md5(i::varchar) || md5((-i)::varchar) as user_id
        from range(200000) r(i)""")
    with CuttingProxy(s3_server.port, bytes=1_000_000) as proxy:
        lake.apply(connection(s3_server, endpoint=f"127.0.0.1:{proxy.port}")
                   + ingestion("by_folder", 'folder = "days"'))
        [outcome] = lake.json("load", "by_folder", "--day", "2026-11-02", code=1)
        assert proxy.cuts > 0
    assert outcome["error"]["fault"] == "unavailable" and outcome["error"]["advice"]
    assert lake.rows("select count(*) as n from events") == [{"n": 10}]
    lake.apply(connection(s3_server) + ingestion("by_folder", 'folder = "days"'))
    lake.run("load", "by_folder", "--day", "2026-11-02")
    assert lake.rows("select count(*) as n from events") == [{"n": 200000}]
