"""A service with two ingestions of events and one of metrics that wait for calls."""
import pytest

from called_service import made, running


@pytest.fixture
def shop(home, engine):
    """Two ingestions of events and one of metrics, each with three days of rows."""
    return made(home, engine)


@pytest.fixture(scope="module")
def shop_of_module(home_of_module, engine):
    return made(home_of_module, engine)


@pytest.fixture
def service(shop):
    yield from running(shop)


@pytest.fixture(scope="module")
def service_of_module(shop_of_module):
    yield from running(shop_of_module)
