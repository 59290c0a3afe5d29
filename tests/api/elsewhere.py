"""A machine without a home, and a key."""
import json
import os
import subprocess

from home import BUILD


class Elsewhere:
    """A machine without a home."""

    def __init__(self, service, key, folder):
        self.url = f"http://{service.host}:{service.port}"
        self.key, self.folder = key, folder

    def run(self, *arguments, code=0, url=None, key=None, typed="", **more):
        told = {name: value for name, value in os.environ.items()
                if not name.startswith("MILLRACE")}
        told["HOME"] = str(self.folder)
        told["MILLRACE_KEY"] = self.key if key is None else key
        done = subprocess.run(
            [BUILD / "millrace", "--server", url or self.url, *map(str, arguments)],
            capture_output=True, text=True, timeout=90, input=typed,
            cwd=self.folder, env={**told, **more})
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments, **how):
        return json.loads(self.run("--json", *arguments, **how).stdout)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
