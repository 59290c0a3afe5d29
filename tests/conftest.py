"""What every test may ask for: a home, an engine to make files with, and the real servers."""
import sys

import pytest

from home import BUILD, ROOT, Home

sys.path.insert(0, str(ROOT / "tools"))

from engine_sql import Engine  # noqa: E402


@pytest.fixture(scope="session")
def engine():
    return Engine(str(BUILD / "lib" / "millrace" / "libduckdb.so"))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")
