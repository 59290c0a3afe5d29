"""What stands for Databricks in tests: minilake, an emulator of its REST API that runs SQL on
DuckDB and gives real rows, behind a front that adds what it lacks.

minilake asks nobody who he is and answers a statement when that is over. The front wants the token,
and from nobody who follows a link; it begins statements and tells how they go; and it says of one
that failed what Databricks says, with an SQLSTATE. A statement that has HELD in it waits, as for a
warehouse that starts, until it is cancelled."""
import http.server
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
import uuid

from servers.ports import free_port
from servers.postgres import wait_until

CACHE = pathlib.Path(
    os.environ.get("MILLRACE_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace"
)
PROGRAM = CACHE / "minilake-1.9.0" / "bin" / "minilake"
TOKEN = "dapi-millrace"
HELD = "'held'"
STATEMENTS = "/api/2.0/sql/statements"

# Spark's functions that DuckDB does not have; xxhash64 passes nulls over, there and here.
ARGUMENTS = [f"a{i}" for i in range(20)]
MACROS = [
    "create or replace macro xxhash64" + ", ".join(
        f"({', '.join(ARGUMENTS[:n])}) as (hash(concat_ws(chr(1), {', '.join(ARGUMENTS[:n])}))"
        "::hugeint - 9223372036854775808)::bigint" for n in range(1, 20)),
    "create or replace macro unix_micros(t) as epoch_us(t)",
    "create or replace macro unix_date(d) as d - date '1970-01-01'",
    "create or replace macro current_version() as {'dbsql_version': '2026.40'}",
]
# What DuckDB says, and what Databricks says of the same, with its SQLSTATE.
REFUSALS = [
    (r"Table with name (\S+) does not exist", "42P01", "[TABLE_OR_VIEW_NOT_FOUND] The table or "
     "view `{0}` cannot be found. Verify the spelling and correctness of the schema and catalog."),
    (r'Referenced column "(.*?)" not found', "42703", "[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A "
     "column, variable, or function parameter with name `{0}` cannot be resolved."),
    (r'Parser Error: syntax error at or near "(.*?)"', "42601", "[PARSE_SYNTAX_ERROR] Syntax error "
     "at or near '{0}'.")]


class Databricks:
    """`sql` asks minilake itself; everything else is for the program under test."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.behind = f"http://127.0.0.1:{free_port()}"
        self.statements, self.downloads, self.limited = {}, 0, 0
        self.deaf = 0  # So many looks at a statement are refused.
        self.cut, self.expired = False, 0  # What links lead to: half a chunk; so often nothing.
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.process = None

    def start(self):
        home = self.folder.name
        self.process = subprocess.Popen(
            [PROGRAM, "--port", self.behind.rpartition(":")[2]], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": home, "TZ": "UTC", "MINILAKE_NOTEBOOK": "0",
                 "MINILAKE_DATA_DIR": f"{home}/data", "MINILAKE_DUCKDB_EXTENSION_DIR": home})
        assert wait_until(self.answers, seconds=60)
        _, made = self.forward("POST", "/api/2.0/sql/warehouses", b'{"name": "tests"}')
        self.warehouse = json.loads(made)["id"]
        for macro in MACROS:
            self.sql(macro)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        if self.process:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def answers(self):
        try:
            return self.forward("GET", "/api/2.0/sql/warehouses")[0] == 200
        except OSError:
            return False

    def sql(self, statement):
        status, answer = self.forward("POST", STATEMENTS, json.dumps(
            {"warehouse_id": self.warehouse, "statement": statement}).encode())
        assert status == 200, answer
        return json.loads(answer)["result"]["data_array"]

    def connection(self, name="shop", **changed):
        lines = {"kind": "databricks", "host": self.host, "use_ssl": "false",
                 "http_path": f"/sql/1.0/warehouses/{self.warehouse}",
                 "token": "env:DATABRICKS_TOKEN", **changed}
        return f"[connection.{name}]\n" + "".join(
            f'{key} = "{value}"\n' for key, value in lines.items())

    def running(self):
        """Texts of the statements under way."""
        return [one["text"] for one in list(self.statements.values()) if not one["over"].is_set()]

    def forward(self, method, path, body=None):
        request = urllib.request.Request(self.behind + path, data=body, method=method, headers={
            "Content-Type": "application/json", "Host": self.host})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    # What it adds

    def run(self, statement, body):
        if HELD in statement["text"]:
            statement["over"].wait(60)
        if not statement["over"].is_set():
            status, answer = self.forward("POST", STATEMENTS, json.dumps(body).encode())
            said = self.told(statement["text"], status, json.loads(answer))
            statement["behind"] = said.get("statement_id")
            statement["answer"] = {**said, "statement_id": statement["id"]}
        statement["over"].set()

    @staticmethod
    def told(sql, status, answer):
        if status == 200:
            return answer
        state, words = "42000", answer["message"]
        for pattern, its_state, said in REFUSALS:
            if found := re.search(pattern, words):
                at = sql.index(found[1])
                line, pos = sql[:at].count("\n") + 1, at - (sql[:at].rfind("\n") + 1)
                state = its_state
                words = f"{said.format(found[1])} SQLSTATE: {state}; line {line} pos {pos}"
        return {"status": {"state": "FAILED", "sql_state": state, "error": {
            "error_code": "BAD_REQUEST", "message": words}}}

    def begin(self, body):
        assert body["wait_timeout"] == "0s"
        statement = {"id": str(uuid.uuid4()), "text": body["statement"],
                     "over": threading.Event(), "answer": None}
        self.statements[statement["id"]] = statement
        threading.Thread(target=self.run, args=(statement, body), daemon=True).start()
        return self.state_of(statement)

    def state_of(self, statement):
        if statement["answer"]:
            return statement["answer"]
        state = "CANCELED" if statement["over"].is_set() else "PENDING"
        return {"statement_id": statement["id"], "status": {"state": state}}

    def answer(self, method, path, body):
        """Status and body of what the front answers itself; None: what minilake answers."""
        id_ = re.fullmatch(rf"{STATEMENTS}/([^/]+)(/cancel)?", path)
        if path == STATEMENTS and method == "POST":
            asked = json.loads(body)
            if asked["warehouse_id"] != self.warehouse:
                return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST",
                             "message": f"SQL warehouse {asked['warehouse_id']} does not exist."}
            return 200, self.begin(asked)
        if id_ and id_[1] in self.statements:
            if id_[2]:
                self.statements[id_[1]]["over"].set()
                return 200, {}
            return 200, self.state_of(self.statements[id_[1]])
        chunk = re.fullmatch(rf"{STATEMENTS}/([^/]+)(/result/chunks/\d+)", path)
        if chunk and chunk[1] in self.statements:
            behind = self.statements[chunk[1]]["behind"]
            return self.forward(method, f"{STATEMENTS}/{behind}{chunk[2]}")
        if path.startswith("/api/2.0/sql/history/queries?"):
            return 200, {"res": [{"query_id": one["id"], "query_text": one["text"],
                                  "status": "RUNNING"} for one in self.statements.values()
                                 if not one["over"].is_set()]}
        return None

    def handler(self):
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.take(None)

            def do_POST(self):
                self.take(self.rfile.read(int(self.headers["Content-Length"])))

            def take(self, body):
                status, answer = self.refusal() or front.answer(
                    self.command, self.path, body) or front.forward(self.command, self.path, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                if front.cut and self.path.endswith("/data"):
                    data = data[:len(data) // 2]
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def refusal(self):
                login = self.headers.get("Authorization")
                if self.path.endswith("/data"):
                    front.downloads += 1
                    if front.expired > 0:
                        front.expired -= 1
                        return 403, {"message": "Request has expired"}
                    return (400, {"message": "Only one auth mechanism allowed"}) if login else None
                if login != f"Bearer {TOKEN}":
                    return 401, {"error_code": "UNAUTHENTICATED", "message": "Invalid token"}
                if front.deaf > 0 and self.command == "GET" and STATEMENTS in self.path:
                    front.deaf -= 1
                    return 503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Try again"}
                if front.limited > 0:
                    front.limited -= 1
                    return 429, {"error_code": "RESOURCE_EXHAUSTED", "message": "Too many"}
                return None

            def log_message(self, *_):
                pass

        return Handler
