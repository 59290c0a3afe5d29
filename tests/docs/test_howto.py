"""The commands of the how-to pages, run as they are written: one shell a page, from top to bottom.

Blocks marked `sh` and `python` are run. `<!-- test: … -->` is what happens meanwhile: a shell line,
or `shop "SQL"` for what the warehouse's owner does. What differs from a reader's machine is where
the server listens."""
import datetime
import os
import pathlib
import re
import subprocess

import pyarrow as pa
import pytest

from home import BUILD, ROOT
from purchases import ingestion
from servers.databricks import TOKEN
from servers.ports import free_port
from servers.smtp import PASSWORD, MailServer, certificate

PAGES = ROOT / "docs/howto"
CACHE = pathlib.Path(os.environ["MILLRACE_CACHE"])

# A row a minute for five days; a few of them without an id.
PURCHASES = """
create table purchases (id bigint primary key, ts timestamptz, user_id text, kind text,
                        amount numeric, page text);
insert into purchases
  select i, timestamptz '2026-11-18 08:00+00' + i * interval '1 minute',
         case when i % 1440 <> 7 then 'user' || i % 50 end, 'purchase', i % 100 * 0.5, '/' || i % 5
  from generate_series(0, 7199) i;
"""
RECENT = """
insert into purchases
  select 10000 + i, now() - i * interval '10 minutes', 'user' || i % 50, 'purchase', 1, '/'
  from generate_series(0, 1000) i;
"""


def steps(page, languages="sh|python"):
    """The page as one script."""
    text = (PAGES / page).read_text()
    lines = []
    found = re.finditer(rf"^```({languages})\n(.*?)^```$|^<!-- test: (.*?) -->$", text,
                        re.M | re.S)
    for block in found:
        language, code, meanwhile = block.groups()
        if language == "python":
            lines.append(f"{CACHE}/venv-test/bin/python - <<'END_OF_PYTHON'\n{code}END_OF_PYTHON")
        else:
            lines.append(code or meanwhile)
    assert lines, f"{page} has nothing to run"
    return "\n".join(lines)


class Reader:
    """Somebody at a machine of their own, with the page open."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database
        self.environment = {
            "HOME": str(folder), "PATH": f"{folder}/bin:{os.environ['PATH']}", "LANG": "C.UTF-8",
            "SHOP_PASSWORD": "secret", "MILLRACE_CACHE": str(CACHE)}
        programs = folder / "bin"
        programs.mkdir()
        (programs / "millrace").symlink_to(BUILD / "millrace")
        if database:
            shop = programs / "shop"
            shop.write_text('#!/bin/sh\nexec psql -q -v ON_ERROR_STOP=1 -h 127.0.0.1 '
                            f'-p {database.server.port} -U millrace_admin -d {database.name} '
                            '-c "set timezone to \'Etc/GMT+8\'; $1"\n')
            shop.chmod(0o755)
            self.environment["PGPASSWORD"] = "secret"

    def run(self, script, **places):
        """What the page printed; each command that fails unforeseen ends it."""
        for written, actual in places.items():
            assert written in script
            script = script.replace(written, actual)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.folder,
                              env=self.environment, capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path, None)


@pytest.fixture
def shop(tmp_path, database):
    """A reader with a PostgreSQL full of purchases."""
    database.sql(PURCHASES)
    return Reader(tmp_path, database)


@pytest.fixture
def loaded(shop):
    """The same, after the first page: purchases are defined, and five days of them loaded."""
    home = shop.folder / ".millrace"
    shop.run("millrace init --zone UTC-8 --unit-types userID")
    (home / "purchases.toml").write_text(shop.database.connection() + ingestion())
    shop.run("millrace apply ~/.millrace/purchases.toml\n"
             "millrace load purchases --from 2026-11-18 --to 2026-11-22")
    return shop


def test_every_page_with_commands_is_run():
    run = set(re.findall(r'steps\("(.*?)"', pathlib.Path(__file__).read_text()))
    assert {page.name for page in PAGES.glob("*.md") if "```sh\n" in page.read_text()} == run


def test_own_postgresql(shop):
    shop.database.sql(RECENT)
    server = shop.database.server
    said = shop.run(steps("own-postgresql.md"), **{
        "port=5432 database=shop": f"port={server.port} database={shop.database.name}"})
    assert "Added shop (PostgreSQL)" in said
    assert "1 day loaded: 144 rows read, 144 stored" in said


def test_own_databricks(reader, databricks):
    databricks.sql("create or replace table purchases as select i as id, timestamptz '2026-11-18 "
                   "08:00:00+00' + to_minutes(i::int) as ts, 'user' || i % 50 as user_id, "
                   "'purchase' as kind, 1.5::double as amount from range(7200) t(i)")
    reader.environment |= {
        "DATABRICKS_HOST": databricks.host, "DATABRICKS_TOKEN": TOKEN,
        "DATABRICKS_HTTP_PATH": f"/sql/1.0/warehouses/{databricks.warehouse}"}
    said = reader.run(steps("own-databricks.md"), **{
        "token=env:DATABRICKS_TOKEN": "token=env:DATABRICKS_TOKEN use_ssl=false"})
    assert "Added lake (Databricks)" in said
    assert "1 day loaded: 1,440 rows read, 1,440 stored" in said


def test_own_delta_sharing(reader, sharing):
    start = datetime.datetime(2026, 11, 18, 8, tzinfo=datetime.timezone.utc)
    sharing.write("retail.shop.purchases", pa.table({
        "id": range(7200),
        "ts": pa.array([start + datetime.timedelta(minutes=i) for i in range(7200)],
                       pa.timestamp("us", "UTC")),
        "user_id": [f"user{i % 50}" for i in range(7200)], "kind": ["purchase"] * 7200,
        "amount": [1.5] * 7200}))
    (reader.folder / ".millrace").mkdir(exist_ok=True)
    (reader.folder / ".millrace/config.share").write_text(sharing.profile())
    said = reader.run(steps("own-delta-sharing.md"))
    assert "Added partner (Delta Sharing)" in said
    assert "1 day loaded: 1,440 rows read, 1,440 stored" in said


def test_own_files_and_s3(reader, engine, s3, s3_server, tmp_path):
    for place in "sales", "clicks/2026-11-20":
        (tmp_path / "exports" / place).mkdir(parents=True)
        engine.sql(f"""copy (select timestamp '2026-11-20 00:00:00' + interval (i) hour as ts,
            'user' || i as user_id, 'click' as kind from range(10) r(i))
            to '{tmp_path}/exports/{place}/part.parquet' (format parquet)""")
    s3.create_bucket(Bucket="shop")
    s3.upload_file(str(tmp_path / "exports/sales/part.parquet"), "shop", "lake/sales/a.parquet")
    reader.environment["SHOP_S3_SECRET"] = "millrace-secret"
    keys = " ".join(f"{key}={value}" for key, value in s3_server.settings().items()
                    if key != "bucket")
    said = reader.run(steps("own-files-and-s3.md"), **{
        "/data/exports": str(tmp_path / "exports"), "region=eu-west-1": keys})
    s3.delete_object(Bucket="shop", Key="lake/sales/a.parquet")
    assert said.count("1 day loaded: 10 rows read, 10 stored") == 2
    assert "Added lake" in said


def test_when_the_warehouse_changed(loaded):
    said = loaded.run(steps("when-the-warehouse-changed.md"))
    assert re.search(r"2026-11-20  yes +fingerprint", said)
    assert "exit code 5: something changed" in said
    assert "sum of value" in said
    assert "5 days were loaded by an older definition" in said
    assert "5 days loaded" in said


def test_undo_hold_accept(loaded):
    said = loaded.run(steps("undo-hold-accept.md"))
    assert "2026-11-20  held" in said and "is no longer held" in said
    assert "exit code 4: held" in said and "2026-11-21  held" in said


def test_backfill_and_failures(loaded):
    said = loaded.run(steps("backfill-and-failures.md"))
    assert "2 days loaded (2 without data)" in said
    assert "exit code 4" in said and "2026-11-20  failed" in said
    assert re.search(r"purchases: 2 days loaded: 2,880 rows read.*\n", said)
    assert "BAD" not in said


def test_quarantine(loaded):
    said = loaded.run(steps("quarantine.md"))
    assert (loaded.folder / "rejected.csv").read_text().count("no_id") == 1
    assert "289 of 1440 rows were rejected (289 no_id), max_rejected is 1%" in said
    assert "289 of 289 rejected rows fit now; 0 stay in quarantine" in said


def test_read_the_tables(loaded):
    said = loaded.run(steps("read-the-tables.md"))
    totals = re.findall(r"^2026-11-\d\d +\d+ +([\d.]+)$", said, re.M)
    assert len(totals) == 5 and all(said.count(total) == 2 for total in totals)


def test_notifications(reader):
    mail = MailServer(reader.folder).start()
    reader.environment["SMTP_PASSWORD"] = PASSWORD
    try:
        reader.run("millrace init --zone UTC-8")
        said = reader.run(steps("notifications.md"), **{
            '"smtp.example.com"': '"127.0.0.1"',
            "port = 587 ": f'ca_file = "{certificate(reader.folder)[0]}"\nport = {mail.port} '})
    finally:
        mail.stop()
    assert "mail data@example.com: sent" in said and "exit code 3: nothing waits" in said
    assert mail.subjects("data@example.com") == [
        "[Millrace] A test: messages of Millrace arrive here"]


def dbt_project(folder, database):
    """Two models of the same rows, for the dbt on the PATH."""
    (folder / "models").mkdir()
    for model in "purchases", "visits":
        (folder / f"models/{model}.sql").write_text("select * from public.purchases\n")
    (folder / "dbt_project.yml").write_text(
        "{name: shop, version: 1.0.0, profile: shop, models: {shop: {+materialized: table}}}\n")
    (folder / "profiles.yml").write_text(f"""
shop:
  target: test
  outputs:
    test: {{type: postgres, host: 127.0.0.1, port: {database.server.port}, user: millrace_admin,
            password: secret, dbname: {database.name}, schema: analytics, threads: 1}}
""")


def test_dbt(loaded):
    (loaded.folder / "bin/dbt").symlink_to(CACHE / "venv-dbt/bin/dbt")
    loaded.environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    dbt_project(loaded.folder, loaded.database)
    by_call = ingestion().replace("from purchases", "from analytics.purchases")
    by_call = by_call.replace("dataset", "enabled = true\ndataset")
    by_call += '[ingestion.purchases.schedule]\nmode = "api"\n'
    (loaded.folder / ".millrace/purchases.toml").write_text(
        loaded.database.connection() + by_call + by_call.replace("purchases", "visits"))
    loaded.run("millrace apply ~/.millrace/purchases.toml")
    said = loaded.run(steps("dbt.md"))
    assert "purchases 2026-11-20 is asked for" in said
    assert "visits 2026-11-20 is asked for" in said
    assert "purchases 2026-11-21 is asked for" in said
    assert "visits is not asked for: model.shop.visits did not succeed" in said
    assert len(re.findall(r"^(?:purchases|visits) +2026-11-2[01] +load .* loaded", said, re.M)) == 3


@pytest.fixture
def airflow(loaded):
    """The reader has a service and an Airflow with the page's DAG."""
    by_call = ingestion().replace("dataset", "enabled = true\ndataset")
    (loaded.folder / ".millrace/purchases.toml").write_text(
        loaded.database.connection() + by_call + '[ingestion.purchases.schedule]\nmode = "api"\n')
    loaded.run("millrace apply ~/.millrace/purchases.toml")
    [programs] = CACHE.glob("airflow-*/bin")
    dags = loaded.folder / "airflow/dags"
    dags.mkdir(parents=True)
    page = (PAGES / "airflow.md").read_text()
    code = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S)[1]
    (dags / "purchases.py").write_text(code.replace("poke_interval=30", "poke_interval=1"))
    loaded.environment |= {
        "PATH": f"{loaded.environment['PATH']}:{programs}", "AIRFLOW_HOME": str(dags.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    loaded.run("airflow db migrate > airflow.log 2>&1 || { cat airflow.log; exit 1; }")
    loaded.address = f"127.0.0.1:{free_port()}"
    service = subprocess.Popen([BUILD / "millrace", "serve", "--listen", loaded.address],
                               env=loaded.environment, stderr=subprocess.DEVNULL)
    yield loaded
    service.terminate()
    service.wait(30)


def test_airflow(airflow):
    shop, script = airflow.database, steps("airflow.md", languages="sh")
    shop.sql("update purchases set amount = amount + 1")
    said = airflow.run(script, **{"127.0.0.1:8080": airflow.address})
    assert "DagRun Finished" in said and "state=success" in said
    assert re.search("2026-11-20  succeeded", said)
    assert "0 of 1 day changed" in airflow.run("millrace check purchases --day 2026-11-20")

    shop.sql("alter table purchases rename to moved")
    said = airflow.run(script, **{
        "127.0.0.1:8080": airflow.address,
        "airflow dags test purchases 2026-11-20": "airflow dags test purchases 2026-11-21 || true"})
    assert "the day was not loaded: see `millrace run show`" in said
    assert re.search("2026-11-21  failed", said)


def test_restore_and_rebuild(loaded):
    said = loaded.run(steps("restore-and-rebuild.md"))
    assert "exit code 1" in said and "rebuild-catalog" in said
    assert re.search(r"Rebuilt from \d+ publish records", said)
    assert "0 of 5 days changed since loaded" in said
