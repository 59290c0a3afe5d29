"""What every test may ask for: a home, an engine to make files with, and the real servers."""
import base64
import sys

import pytest

from home import BUILD, ROOT, Home

sys.path.insert(0, str(ROOT / "tools"))

from engine_sql import Engine  # noqa: E402
from servers.databricks import TOKEN, Databricks  # noqa: E402
from servers.sharing import SharingServer  # noqa: E402
from servers.hooks import Receiver  # noqa: E402
from servers.ports import free_port  # noqa: E402
from servers.postgres import PostgresServer  # noqa: E402
from servers.radosgw import S3Server  # noqa: E402
from servers.sshd import SshServer  # noqa: E402


@pytest.fixture(scope="session")
def engine():
    return Engine(str(BUILD / "lib" / "millrace" / "libduckdb.so"))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def home_of_module(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("module") / "home")


@pytest.fixture
def receiver(monkeypatch):
    """A webhook's, whose secret is in the environment."""
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + base64.b64encode(b"key-of-the-hook").decode())
    server = Receiver()
    yield server
    server.stop()


def running(server):
    """The server for as long as the fixture lives."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres():
    yield from running(PostgresServer())


@pytest.fixture(scope="session", autouse=True)
def passwords():
    """What the connections of tests refer to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_PASSWORD", "secret")
        patch.setenv("DATABRICKS_TOKEN", TOKEN)
        patch.setenv("SHOP_S3_SECRET", "millrace-secret")
        yield


@pytest.fixture
def database(postgres):
    """An empty database for one test."""
    yield from emptied(postgres)


@pytest.fixture(scope="module")
def database_of_module(postgres):
    """One for all tests of a file, which must put back what they change."""
    yield from emptied(postgres)


def emptied(postgres):
    database = postgres.create_database()
    yield database
    database.drop()


@pytest.fixture(scope="session")
def sshd(postgres):
    """Forwards to the PostgreSQL of the tests and nowhere else."""
    yield from running(SshServer(f"127.0.0.1:{postgres.port}", f"localhost:{postgres.port}"))


@pytest.fixture(scope="session")
def databricks():
    yield from running(Databricks())


@pytest.fixture(scope="session")
def s3_server():
    yield from running(S3Server(free_port()))


@pytest.fixture(scope="session")
def s3(s3_server):
    return s3_server.client()


@pytest.fixture(scope="session")
def sharing(s3_server):
    for server in running(SharingServer(s3_server)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SHARE_PROFILE", server.profile())
            yield server
