"""What fails a load from PostgreSQL's protocol: the message says what, where and what to do, and
the day's old version stays. Both kinds that speak it answer alike."""
import json
import signal
import subprocess
import time

import pytest

from home import Home
from servers.cutting_proxy import CuttingProxy
from servers.postgres import wait_until

DAY = ("--day", "2026-11-02")

PURCHASES = """
create table purchases (ts timestamptz, user_id text, kind text, amount numeric(12,2), page text);
insert into purchases
  select timestamptz '2026-11-02 00:00+00' + i * interval '1 hour', 'user' || i, 'purchase',
         i * 1.5, 'page' || i
  from generate_series(0, 23) i;
create sequence visits;
grant usage, update on visits to reader;
create table large as  -- some 20 MB
  select timestamptz '2026-11-02 00:00+00' + i * interval '1 second' as ts, 'user' || i as user_id,
         'purchase' as kind, i as amount, repeat(md5(i::text), 10) as page
  from generate_series(0, 59999) i;
"""

MAPPING = {"event_name": '"kind"', "timestamp": '"ts"', "ids": '{ userID = "user_id" }',
           "event_value": '"amount"'}


def ingestion(query="select * from purchases", **mapping):
    return (f'[ingestion.purchases]\nconnection = "shop"\ndataset = "events"\n'
            f'query = """{query}"""\n[ingestion.purchases.mapping]\n'
            + "".join(f"{key} = {value}\n" for key, value in {**MAPPING, **mapping}.items()))


METRICS = """
[ingestion.views]
connection = "shop"
dataset = "metrics"
query = "select ts::date as ds, user_id, page from purchases"
[ingestion.views.mapping]
date = "ds"
units = { userID = "user_id" }
metrics = { views = "page" }
"""


class Shop:
    """A home whose one day is loaded, and the database it came from."""

    def __init__(self, home, database, kind):
        self.home, self.database, self.kind = home, database, kind

    def connection(self, **settings):
        return self.database.connection(kind=self.kind, **settings)

    def fails(self, definition=None, name="purchases", **settings):
        """The error of a load after this change; the version that was there must still answer."""
        self.home.apply(self.connection(**settings) + (definition or ingestion()))
        [outcome] = self.home.json("load", name, *DAY, code=1)
        assert outcome["status"] == "failed"
        error = outcome["error"]
        assert error["where"] == f"{name} 2026-11-02"
        assert error["message"] and error["advice"], error
        self.still_has_the_old_version()
        return error

    def still_has_the_old_version(self):
        assert self.home.rows("select count(*) as n, sum(value) as total from events") == [
            {"n": 24, "total": 414.0}]


@pytest.fixture(scope="module", params=["postgres", "redshift"])
def shop(request, database_of_module, tmp_path_factory):
    """Loaded once a kind: no load of these tests gets to replace the version, and what they change
    in the database they put back."""
    shop = Shop(Home(tmp_path_factory.mktemp(request.param) / "home"), database_of_module,
                request.param)
    if not database_of_module.sql("select 1 from pg_class where relname = 'purchases'"):
        database_of_module.with_redshift_names().sql(PURCHASES)
    shop.home.init()
    shop.home.apply(shop.connection() + ingestion())
    shop.home.run("load", "purchases", *DAY)
    return shop


# The way in


def test_a_wrong_password_names_the_user_and_never_shows_the_password(shop, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    error = shop.fails()
    port = shop.database.server.port
    assert (error["code"], error["fault"]) == ("wrong_password", "misconfigured")
    assert error["message"] == (f"connecting to 127.0.0.1:{port} as reader failed: password "
                             'authentication failed for user "reader"')
    assert f"psql -h 127.0.0.1 -p {port} -U reader {shop.database.name}" in error["advice"]
    assert "hunter2" not in str(error)


def test_the_day_shows_as_failed_with_the_reason_beside_the_version_that_it_keeps(shop):
    shop.fails(database="nothing")
    [row] = shop.home.json("days", "purchases")
    assert (row["status"], row["rows"]) == ("failed", 24)
    assert 'as reader failed: database "nothing"' in shop.home.run("days", "purchases").stdout


def test_a_password_that_is_not_set_names_the_variable(shop, monkeypatch):
    monkeypatch.delenv("SHOP_PASSWORD")
    error = shop.fails()
    assert error["code"] == "secret_missing"
    assert "environment variable SHOP_PASSWORD, which is not set" in error["message"]
    assert "export SHOP_PASSWORD=" in error["advice"]


def test_an_unknown_host_is_named(shop):
    error = shop.fails(host="db.invalid")
    assert (error["code"], error["fault"]) == ("unknown_host", "misconfigured")
    assert 'could not translate host name "db.invalid"' in error["message"]
    assert error["advice"] == "Check host: db.invalid"


def test_a_port_where_nobody_listens_may_be_tried_again(shop):
    error = shop.fails(port=9)
    assert (error["code"], error["fault"]) == ("unreachable", "unavailable")
    assert "connecting to 127.0.0.1:9 as reader failed" in error["message"]
    assert "Connection refused" in error["message"] and "Check host and port" in error["advice"]


def test_an_unknown_database_is_named(shop):
    error = shop.fails(database="shopp")
    assert (error["code"], error["fault"]) == ("unknown_database", "misconfigured")
    assert 'database "shopp" does not exist' in error["message"]
    assert "-l` lists what there is" in error["advice"]


def test_a_certificate_of_another_authority_is_refused_with_the_line_to_add(shop, postgres):
    error = shop.fails(sslmode="verify-full", sslrootcert=postgres.other_certificate)
    assert (error["code"], error["fault"]) == ("tls_failed", "misconfigured")
    assert "certificate verify failed" in error["message"]
    assert 'sslrootcert = "/path/to/ca.pem"' in error["advice"]


def test_a_certificate_for_another_name_is_refused(shop, postgres):
    with postgres.showing_the_other_certificate():
        error = shop.fails(sslmode="verify-full", sslrootcert=postgres.other_certificate)
    assert (error["code"], error["fault"]) == ("tls_failed", "misconfigured")
    assert "does not match host name" in error["message"]
    assert "Connect by the name in the certificate" in error["advice"]


def test_a_missing_file_of_authorities_is_named(shop):
    error = shop.fails(sslmode="verify-full", sslrootcert="/nowhere/ca.pem")
    assert error["code"] == "tls_failed" and '"/nowhere/ca.pem" does not exist' in error["message"]
    assert "Set sslrootcert to the file of the authority" in error["advice"]


def test_a_database_that_lets_nobody_in_says_what_to_ask_for(shop):
    shop.database.sql(f"revoke connect on database {shop.database.name} from public")
    try:
        error = shop.fails()
    finally:
        shop.database.sql(f"grant connect on database {shop.database.name} to public")
    assert (error["code"], error["fault"]) == ("no_permission", "misconfigured")
    assert f'GRANT CONNECT ON DATABASE "{shop.database.name}" TO "reader"' in error["advice"]


def test_an_account_at_its_limit_of_connections_is_throttled(shop):
    shop.database.sql("create role narrow login password 'secret' connection limit 0")
    try:
        error = shop.fails(user="narrow")
    finally:
        shop.database.sql("drop role narrow")
    assert (error["code"], error["fault"]) == ("too_many_connections", "throttled")
    assert 'too many connections for role "narrow"' in error["message"]
    assert "raise the server's limit" in error["advice"]


# The query


@pytest.mark.parametrize("query, code, what, mark, advice", [
    ("select * from purchase", "missing_table",
     'at line 1, column 15: relation "purchase" does not exist', "purchase", "name and schema"),
    ("select *\n  from sales.purchases", "missing_table",
     'at line 2, column 8: relation "sales.purchases" does not exist', "sales.purchases",
     "name and schema"),
    ("select ts, kind, amount,\n       usr as user_id from purchases", "missing_column",
     'at line 2, column 8: column "usr" does not exist', "usr", "Check its spelling"),
    ("select ts, user_idd as user_id, kind, amount from purchases", "missing_column",
     'at line 1, column 12: column "user_idd" does not exist', "user_idd", "purchases.user_id"),
    ("select 'é', ts user kind from purchases", "sql_error",
     'at line 1, column 21: syntax error at or near "kind"', "kind", "Correct the query"),
    ("with gone as (delete from purchases returning *) select * from gone", "not_read_only",
     "at line 1, column 6: WITH clause containing a data-modifying statement", "gone",
     "may only read"),
])
def test_what_the_server_refuses_is_told_in_its_words_at_the_place_in_the_query(
        shop, query, code, what, mark, advice):
    error = shop.fails(ingestion(query))
    assert (error["code"], error["fault"]) == (code, "misconfigured")
    first, line, caret = error["message"].split("\n")
    assert first.startswith("the warehouse refused the query " + what)
    assert line[caret.index("^"):].startswith(mark)
    assert advice in error["advice"]


def test_the_columns_of_a_table_that_is_not_there_are_told_with_the_nearest_name(shop):
    for asked, near in ("purchase", "purchases"), ("public.purchase", "public.purchases"):
        done = shop.home.run("connection", "columns", "shop", asked, code=1)
        assert f'does not exist; did you mean "{near}"?' in done.stderr
        assert "connection tables" in done.stderr


@pytest.mark.parametrize("query, what", [
    ("select * from purchases; select 1", "it holds more than one statement"),
    ("select 1 as a; drop table purchases", "it holds more than one statement"),
    ("delete from purchases", "it is not a SELECT but starts with delete"),
    ("update purchases set amount = 0", "it is not a SELECT but starts with update"),
    ("copy purchases to stdout", "it is not a SELECT but starts with copy"),
    ("select * from purchases) as q; drop table purchases; select * from (select 1", "parenthesis"),
])
def test_what_is_not_one_select_never_reaches_the_server(shop, query, what):
    shop.database.sql(f"alter database {shop.database.name} set log_statement = 'all'")
    seen = len(shop.database.server.log())
    error = shop.fails(ingestion(query))
    shop.database.sql(f"alter database {shop.database.name} reset log_statement")
    assert (error["code"], error["fault"]) == ("not_one_select", "misconfigured")
    assert error["message"].startswith("reading the query: ") and what in error["message"]
    assert "Give one SELECT statement" in error["advice"]
    assert query not in shop.database.server.log()[seen:]


@pytest.mark.parametrize("query", [
    "select *, nextval('visits') as visit from purchases",
    "select purchases.* from purchases, (select setval('visits', 7)) as v",
    "select * from purchases for update",
])
def test_a_select_that_writes_is_refused_by_its_read_only_transaction(shop, query):
    shop.database.sql("grant update on purchases to reader")
    error = shop.fails(ingestion(query))
    shop.database.sql("revoke update on purchases from reader")
    assert (error["code"], error["fault"]) == ("not_read_only", "misconfigured")
    assert "read-only transaction" in error["message"] and "may only read" in error["advice"]
    assert shop.database.sql("select last_value, is_called from visits") == [(1, False)]


def test_a_table_without_permission_is_named(shop):
    shop.database.sql("create role nosy login password 'secret'")
    try:
        error = shop.fails(user="nosy")
    finally:
        shop.database.sql("drop role nosy")
    assert (error["code"], error["fault"]) == ("no_permission", "misconfigured")
    assert "permission denied for table purchases" in error["message"]
    assert "may SELECT from a table" in error["advice"]


def test_a_value_that_the_query_cannot_compute_is_bad_data(shop):
    error = shop.fails(ingestion("select ts, user_id, kind, 1 / (amount - 3) as amount "
                                 "from purchases"))
    assert (error["code"], error["fault"]) == ("bad_value_in_query", "bad_data")
    assert "division by zero" in error["message"]


# The mapping


def test_a_mapped_column_that_is_missing_is_named_with_the_nearest(shop):
    error = shop.fails(ingestion(event_value='"amont"'))
    assert (error["code"], error["fault"]) == ("missing_column", "misconfigured")
    assert error["message"] == 'the query has no column amont; did you mean "amount"?'
    assert error["advice"] == "Its columns are: ts, user_id, kind, amount, page."


def test_a_mapped_column_that_is_there_twice_is_named(shop):
    error = shop.fails(ingestion("select *, page as kind from purchases"))
    assert (error["code"], error["fault"]) == ("duplicate_column", "misconfigured")
    assert error["message"] == 'reading the query: it has more than one column "kind"'
    assert "… as kind_2" in error["advice"]


def test_a_duplicate_column_that_nothing_maps_is_no_problem(shop):
    shop.home.apply(shop.connection()
                    + ingestion("select *, 1 as extra, 2 as extra from purchases"))
    shop.home.run("load", "purchases", *DAY)
    shop.still_has_the_old_version()


def test_a_metric_value_that_fails_on_every_row_names_its_column(shop):
    error = shop.fails(METRICS, name="views")
    assert (error["code"], error["fault"]) == ("cast_failed", "bad_data")
    assert error["message"] == "no value of column page could be read as a finite number"
    assert "convert page in the query" in error["advice"]


def test_a_time_that_fails_on_every_row_names_its_column(shop):
    error = shop.fails(ingestion("select * from purchases where ts >= {{day_start}} "
                                 "and ts < {{day_end}}", timestamp='"page"'))
    assert (error["code"], error["fault"]) == ("cast_failed", "bad_data")
    assert error["message"] == "no value of column page could be read as a time"


def test_a_text_column_as_the_days_time_says_how_to_convert_it(shop):
    error = shop.fails(ingestion(timestamp='"page"'))
    assert (error["code"], error["fault"]) == ("text_time", "misconfigured")
    assert "the column page is text" in error["message"]
    assert "cast(page as timestamp)" in error["advice"] and "{{day_start}}" in error["advice"]


# On the way


def test_a_connection_that_is_cut_in_mid_stream_fails_and_may_be_tried_again(shop):
    definition = ingestion("select * from large", metadata='"*"')
    with CuttingProxy(shop.database.server.port, bytes=5_000_000) as proxy:
        error = shop.fails(definition, port=proxy.port)
        assert proxy.cuts == 1
    assert (error["code"], error["fault"]) == ("source_failed", "unavailable")
    assert "the warehouse stopped delivering" in error["message"]
    assert error["advice"] == "Load the day again"
def test_a_server_that_goes_silent_in_mid_stream_does_not_keep_a_stopped_load_waiting(shop):
    with CuttingProxy(shop.database.server.port, bytes=5_000_000, silent=True) as proxy:
        shop.home.apply(shop.connection(port=proxy.port)
                        + ingestion("select * from large", metadata='"*"'))
        load = subprocess.Popen(shop.home.command("--json", "load", "purchases", *DAY),
                                stdout=subprocess.PIPE, text=True)
        assert wait_until(lambda: proxy.cuts == 1)
        asked = time.monotonic()
        load.send_signal(signal.SIGINT)
        [outcome] = json.loads(load.communicate(timeout=10)[0])
        assert time.monotonic() - asked < 3
    assert outcome["error"]["fault"] == "cancelled"
    assert wait_until(lambda: not shop.database.running(), seconds=2)
    shop.still_has_the_old_version()


def test_a_session_that_is_ended_at_the_server_fails_in_the_servers_words(shop):
    shop.home.apply(shop.connection() + ingestion(
        "select purchases.* from purchases, (select pg_sleep(20)) as waited"))
    load = subprocess.Popen(shop.home.command("--json", "load", "purchases", *DAY),
                            stdout=subprocess.PIPE, text=True)
    assert wait_until(lambda: any("pg_sleep" in text for text in shop.database.running()))
    shop.database.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                      "where usename = 'reader' and datname = current_database()")
    [outcome] = json.loads(load.communicate(timeout=10)[0])
    assert load.returncode == 1
    error = outcome["error"]
    assert (error["code"], error["fault"]) == ("connection_lost", "unavailable")
    assert error["message"].startswith("the connection to the warehouse broke: ")
    assert "terminating connection due to administrator command" in error["message"]
    shop.still_has_the_old_version()
