"""`make demo` as a person sees it, on less than the year: nothing is asked, everything is shown."""
import os
import re

import pytest

from home import BUILD, ROOT
from screen import Screen


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    environment = {
        "MILLRACE_DEMO": str(folder), "MILLRACE_BUILD": str(BUILD),
        "MILLRACE_CACHE": os.environ["MILLRACE_CACHE"],
        "MILLRACE_DEMO_FROM": "2013-02-05", "MILLRACE_DEMO_TO": "2013-02-11"}
    return lambda: Screen([str(ROOT / "tools/demo")], environment=environment).end(seconds=120)


def test_it_loads_finds_an_edit_and_takes_it_back_and_the_second_time_loads_nothing(demo):
    first = demo()
    shown = "\n".join(first.lines)
    assert first.code == 0, shown
    assert "336776 flights on 365 days" in shown
    assert re.search(r"2013-02-08 +yes +fingerprint", shown)
    assert "in quarantine" in shown and "Nothing to load" not in shown
    assert re.search(r"fingerprint before .* is version .* again, and held", shown, re.S)
    assert "\N{REPLACEMENT CHARACTER}" not in first.text
    # What it printed can be typed.
    assert '$ millrace query "select ingestion, count(*) as events' in shown
    second = demo()
    shown = "\n".join(second.lines)
    assert second.code == 0 and shown.count("Nothing to load") == 3, shown
    assert "nothing was loaded now" in shown
