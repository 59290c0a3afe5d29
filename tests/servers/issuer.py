"""A real issuer of OpenID Connect of a test: oauth2-mock-server, which can be told to err."""
import json
import os
import pathlib
import subprocess

from servers.ports import free_port

CACHE = pathlib.Path(
    os.environ.get("MILLRACE_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace"
)
MODULES = CACHE / "node-test" / "node_modules"


class Issuer:
    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.wishes = folder / "issuer.json"
        self.wish()
        self.process = None

    def wish(self, **wishes):
        """From now on: claims (null: left out), userinfo, token (the whole answer), alg."""
        self.wishes.write_text(json.dumps(wishes))

    def start(self):
        self.process = subprocess.Popen(
            ["node", pathlib.Path(__file__).with_suffix(".mjs"), MODULES, str(self.port),
             self.wishes], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
