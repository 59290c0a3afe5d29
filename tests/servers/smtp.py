"""A real SMTP server of a test: aiosmtpd with STARTTLS and a login, in a thread."""
import email
import email.policy
import ssl
import subprocess

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from servers.ports import free_port

USER, PASSWORD = "millrace", "mail-secret-7391"


def certificate(folder):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    made = folder / "smtp.crt", folder / "smtp.key"
    if not made[0].exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", made[1], "-out", made[0]], check=True, capture_output=True, timeout=60)
    return made


class MailServer:
    """Keeps what it accepted, each as (recipient, parsed mail)."""

    def __init__(self, folder, starttls=True):
        self.folder, self.starttls = folder, starttls
        self.port = free_port()
        self.mails = []
        self.unknown = set()  # Mailboxes that are refused.
        self.before_reply = None  # Called with a mail that is accepted, before the sender knows.
        self.controller = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.unknown:
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        assert session.ssl is not None or not self.starttls
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails += [(to, mail) for to in envelope.rcpt_tos]
        if self.before_reply:
            self.before_reply(mail)
        return "250 accepted"

    def login(self, _server, _session, _envelope, _mechanism, given):
        return AuthResult(success=(given.login, given.password) ==
                          (USER.encode(), PASSWORD.encode()))

    def start(self):
        words = {}
        if self.starttls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate(self.folder))
            words = {"tls_context": context, "require_starttls": True, "auth_required": True,
                     "authenticator": self.login}
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **words)
        self.controller.start()
        return self

    def stop(self):
        if self.controller:
            self.controller.stop()
            self.controller = None

    def table(self):
        """As TOML."""
        return f"""
[notify.smtp]
host = "127.0.0.1"
port = {self.port}
from = "Millrace <millrace@example.com>"
user = "{USER}"
password = "env:SMTP_PASSWORD"
ca_file = "{certificate(self.folder)[0]}"
"""

    def to(self, address):
        return [mail for to, mail in self.mails if to == address]

    def subjects(self, address):
        return [mail["Subject"] for mail in self.to(address)]
