"""A shop's three days of events, as files."""
import pytest

from home import BUILD, ROOT, Home  # noqa: F401  for tests that import them from here


@pytest.fixture
def shop(home, engine):
    """Ten events on each of three days of November 2026, as one Parquet file a day."""
    home.init()
    for day in (1, 2, 3):
        write_day(engine, home.warehouse, day)
    home.apply(home.connect_files() + EVENTS)
    return home


def write_day(engine, folder, day, where="true", amount="i * 1.5"):
    engine.sql(f"""copy (select timestamp '2026-11-0{day} 00:00:00' + interval (i) hour as ts,
        'user' || i as user_id, 'device' || i as device_id, 'purchase' as kind,
        {amount} as amount, 'page' || (i % 3) as page
        from range(10) r(i) where {where}) to '{folder}/day{day}.parquet' (format parquet)""")


EVENTS = """
[ingestion.purchases]
connection = "lake"
dataset = "events"
query = "select * from '*.parquet'"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id", stableID = "device_id" }
event_value = "amount"
metadata = { page = "page" }
"""
