"""`millrace serve` of a bench's home, and callers of it."""
import http.client
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from contest import Failed, cpu_of, tree_of

OPEN_LOOP = Path(__file__).resolve().parent / "peers/open_loop.py"


class Service:
    """Answers between entering and leaving the block, on a port of its own."""

    def __init__(self, home, *options):
        self.log = home.path / "serve.log"
        self.command = [*home.command, "serve", "--listen", "127.0.0.1:0", *options]
        self.env = os.environ | (home.env or {})

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen([str(word) for word in self.command], stderr=log,
                                            env=self.env)
        until = time.monotonic() + 30
        while not (found := re.search(r"listening address=([\d.]+):(\d+)", self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failed(f"the service does not listen:\n{self.log.read_text()}")
            time.sleep(0.02)
        self.host, self.port = found[1], int(found[2])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def ask(self, method, path, key, body=None, status=200):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body else None,
                               {"STATSIG-API-KEY": key, "Content-Type": "application/json"})
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        if reply.status != status:
            raise Failed(f"{method} {path} gave {reply.status}: {text}")
        return text

    def at_a_pace(self, rate, seconds, key, *paths):
        """What another process saw that asked so often, in turn for these."""
        done = subprocess.run([sys.executable, OPEN_LOOP, self.host, str(self.port), str(rate),
                               str(seconds), key, *paths], capture_output=True, text=True,
                              timeout=10 * seconds + 60)
        if done.returncode != 0:
            raise Failed(f"the caller ended with {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)

    def cpu(self):
        """Seconds so far, of the service and of all that it started."""
        return cpu_of([self.process.pid])

    def is_alone(self):
        return len(tree_of(self.process.pid)) == 1


def key_without_limit(home, kind="console"):
    return home.json("key", "create", "--type", kind, "--per-10s", "0", "--per-15min", "0")["key"]
