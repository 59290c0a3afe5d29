"""A service with two ingestions of events and one of metrics that wait for calls."""
import pytest

from called_service import made, running, unlimited


def pytest_configure(config):
    config.addinivalue_line("markers", "one_shop: all tests of the file share shop and service")


def of(request, name):
    shared = request.node.get_closest_marker("one_shop")
    return request.getfixturevalue(f"{name}_of_{'module' if shared else 'test'}")


@pytest.fixture
def shop(request):
    """Two ingestions of events and one of metrics, each with three days of rows."""
    return of(request, "shop")


@pytest.fixture
def service(request):
    return of(request, "service")


@pytest.fixture
def key(request):
    """Without limits; it may do everything."""
    return of(request, "key")


def key_of(shop):
    return unlimited(shop, "console", "--scope", "omni_read_write", "can_access_keys")


@pytest.fixture
def shop_of_test(home, engine):
    return made(home, engine)


@pytest.fixture
def service_of_test(shop_of_test):
    yield from running(shop_of_test)


@pytest.fixture
def key_of_test(shop_of_test):
    return key_of(shop_of_test)


@pytest.fixture(scope="module")
def shop_of_module(home_of_module, engine):
    return made(home_of_module, engine)


@pytest.fixture(scope="module")
def service_of_module(shop_of_module):
    yield from running(shop_of_module)


@pytest.fixture(scope="module")
def key_of_module(shop_of_module):
    return key_of(shop_of_module)
