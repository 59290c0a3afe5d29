"""A real sshd of the test session that forwards to a few places only."""
import getpass
import pathlib
import shutil
import subprocess
import tempfile

from servers.ports import free_port

SCRIPT = pathlib.Path(__file__).with_name("sshd.sh")


class SshServer:
    def __init__(self, *targets):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-ssh-")) / "sshd"
        self.port = free_port()
        self.targets = targets

    def start(self):
        subprocess.run([SCRIPT, "start", self.folder, str(self.port), *self.targets], check=True,
                       timeout=60)
        return self

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.folder], check=True, timeout=60)
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def key(self, name="client_key"):
        return (self.folder / name).read_text()

    def settings(self, **changed):
        """What a connection needs to go through it, with `key` in the environment."""
        return {"ssh_host": "127.0.0.1", "ssh_port": self.port, "ssh_user": getpass.getuser(),
                "ssh_key": "env:SSH_KEY", "ssh_known_hosts": self.folder / "known_hosts",
                **changed}

    def log(self):
        return (self.folder / "log").read_text()
