"""Rows so long that the engine's 2,048 at a time do not fit a load's memory."""
import os
import subprocess
import sys

import pytest

from home import ROOT

sys.path.insert(0, str(ROOT / "bench"))

from contest import MIB, Watch  # noqa: E402

INGESTION = """
[ingestion.pages]
connection = "lake"
dataset = "events"
query = "select * from 'pages.parquet'"
[ingestion.pages.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
metadata = { page = "page" }
"""


@pytest.mark.parametrize("days", [1, 3])
def test_rows_of_20_kb_in_large_row_groups_are_loaded_whole_in_bounded_memory(home, engine, days):
    home.init()
    engine.sql("set preserve_insertion_order = false")
    engine.sql(f"""copy (select 'view' as kind,
        timestamp '2026-11-01 12:00' + interval (i % {days}) day as ts, 'user' || i as user_id,
        repeat(md5(i::varchar), 625) as page from range(6500) as r(i))
        to '{home.warehouse}/pages.parquet' (format parquet, row_group_size_bytes '64MB')""")
    home.apply(home.connect_files() + INGESTION)

    load = subprocess.Popen(home.command("load", "pages", "--from", "2026-11-01",
                                         "--to", f"2026-11-0{days}"),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watch = Watch(load.pid)
    status = load.wait(timeout=120)
    peaks = watch.stop()
    assert status == os.EX_OK, load.stderr.read()
    assert peaks["child"] < 600 * MIB

    assert home.rows("""select count(*) as n, min(strlen(metadata)) as shortest,
        count(*) filter (metadata = '{"page":"' || repeat(md5(substr("unit_userID", 5)), 625)
                         || '"}') as whole from events""") == [
        {"n": 6500, "shortest": 20011, "whole": 6500}]
