"""A home whose loads are killed and stopped."""
import pytest

from crash_home import CrashHome
from crash_points import crash_points  # noqa: F401  the fixture


@pytest.fixture
def shaken(tmp_path):
    return CrashHome(tmp_path / "home")
