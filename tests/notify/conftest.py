"""A home whose owner has a mailbox."""
import pytest

from home import NOON_ZONE
from servers.smtp import PASSWORD, MailServer
from told import Told


@pytest.fixture
def mail_server(tmp_path):
    server = MailServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def told(home, mail_server, engine, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    home.init(NOON_ZONE)
    told = Told(home, mail_server, engine)
    told.configure()
    return told
