"""A home with a little of everything: two ingestions, three days, one of them with rejects."""
import pytest

from home import Home

DAY = "2026-11-02"

DEFINITIONS = """
[ingestion.purchases]
connection = "lake"
dataset = "events"
query = "select * from 'events/*.parquet'"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
[ingestion.purchases.limits]
max_rejected = "50%"

[ingestion.kpi]
connection = "lake"
dataset = "metrics"
query = "select * from 'kpi.parquet'"
[ingestion.kpi.mapping]
date = "ds"
units = { userID = "user_id" }
metrics = { revenue = "rev", conversion = { numerator = "orders", denominator = "visits" } }
"""


def write_events(engine, home, day, amount="i * 1.5", nameless="false"):
    """Ten events; those without a name are rejected."""
    (home.warehouse / "events").mkdir(exist_ok=True)
    engine.sql(f"""copy (select timestamp '2026-11-0{day} 00:00:00' + interval (i) hour as ts,
        'user' || i as user_id, case when {nameless} then '' else 'purchase' end as kind,
        {amount} as amount from range(10) r(i))
        to '{home.warehouse}/events/day{day}.parquet' (format parquet)""")


def write_metrics(engine, home):
    engine.sql(f"""copy (select date '2026-11-01' + d::int as ds, 'user' || u as user_id,
        u * 1.5 as rev, u % 2 as orders, 4 as visits from range(3) a(d), range(4) b(u))
        to '{home.warehouse}/kpi.parquet' (format parquet)""")


def furnish(home, engine):
    home.init()
    for day in (1, 2, 3):
        write_events(engine, home, day, nameless="i < 2" if day == 2 else "false")
    write_metrics(engine, home)
    home.apply(home.connect_files() + DEFINITIONS)
    return home


@pytest.fixture
def shop(home, engine):
    return furnish(home, engine)


@pytest.fixture(scope="session")
def known_shop(tmp_path_factory, engine):
    """One for all tests that only look, or only fail. The first of November is loaded."""
    home = furnish(Home(tmp_path_factory.mktemp("known") / "home"), engine)
    home.run("load", "purchases", "--day", "2026-11-01")
    return home
