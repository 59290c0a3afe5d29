"""What stands for a Delta Sharing server in tests: the protocol of its lists, metadata and queries,
over real Delta tables whose files lie in the S3 server of the tests, behind links that it really
signs. The vendor's own server cannot be had from a package registry here; the vendor's own client
reads from this one in tests/e2e/test_delta_sharing.py and must see the same rows."""
import hashlib
import http.server
import json
import pathlib
import tempfile
import threading
import time
import urllib.parse

import deltalake

TOKEN = "dss-millrace"
PREFIX = "/delta-sharing"
BUCKET = "shared"


class SharingServer:
    """`write` and `delete` change a table as its provider would; the rest is for whom it is shared
    with. `stale`: so many answers hold links that have ended; `refused`: so often it answers with
    this status and message, `(times, status, message)`."""

    def __init__(self, s3_server):
        self.s3 = s3_server.client()
        self.folder = tempfile.TemporaryDirectory()
        self.stale, self.refused, self.asked = 0, (0, 0, ""), []
        self.link = None  # What its links lead to instead.
        self.tables = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}{PREFIX}"

    def start(self):
        self.s3.create_bucket(Bucket=BUCKET)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def profile(self, **changed):
        """The file that a provider gives."""
        return json.dumps({"shareCredentialsVersion": 1, "endpoint": self.endpoint + "/",
                           "bearerToken": TOKEN, "expirationTime": "2099-01-01T00:00:00.0Z",
                           **changed})

    def connection(self, name="shop", **changed):
        lines = {"kind": "delta_sharing", "profile": "env:SHARE_PROFILE", **changed}
        return f"[connection.{name}]\n" + "".join(
            f'{key} = "{value}"\n' for key, value in lines.items())

    # The provider's side

    def path(self, name):
        return pathlib.Path(self.folder.name, *name.split("."))

    def write(self, name, rows, mode="overwrite", partition_by=None):
        """`rows` is an Arrow table; `name` is share.schema.table."""
        deltalake.write_deltalake(str(self.path(name)), rows, mode=mode, partition_by=partition_by,
                                  schema_mode="merge" if mode == "append" else "overwrite")
        self.share(name)

    def delete(self, name, predicate):
        deltalake.DeltaTable(str(self.path(name))).delete(predicate)
        self.share(name)

    def compact(self, name):
        deltalake.DeltaTable(str(self.path(name))).optimize.compact()
        self.share(name)

    def share(self, name):
        self.tables[name] = self.path(name)
        for file in self.tables[name].rglob("*.parquet"):
            key = str(file.relative_to(self.folder.name))
            self.s3.upload_file(str(file), BUCKET, key)

    def state(self, name):
        """The version, what describes the table, and its files, by the table's own log."""
        described, files, version = {}, {}, -1
        for log in sorted((self.tables[name] / "_delta_log").glob("*.json")):
            version = int(log.stem)
            for line in log.read_text().splitlines():
                [(kind, action)] = json.loads(line).items()
                if kind == "add":
                    files[action["path"]] = action
                elif kind == "remove":
                    files.pop(action["path"], None)
                elif kind in ("metaData", "protocol"):
                    described[kind] = action
        return version, described, files

    # Whom it is shared with

    def lines(self, name, with_files):
        version, described, files = self.state(name)
        yield {"protocol": {"minReaderVersion": described["protocol"]["minReaderVersion"]}}
        kept = ("id", "name", "format", "schemaString", "partitionColumns", "configuration")
        yield {"metaData": {key: described["metaData"].get(key) for key in kept}}
        if not with_files:
            return
        ends = 3600
        if self.stale > 0:
            self.stale -= 1
            ends = 1
        for path, action in sorted(files.items()):
            key = str((self.tables[name] / urllib.parse.unquote(path)).relative_to(
                self.folder.name))
            url = self.s3.generate_presigned_url(
                "get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=ends)
            yield {"file": {"url": self.link or url, "id": hashlib.md5(path.encode()).hexdigest(),
                            "partitionValues": action["partitionValues"], "size": action["size"],
                            "stats": action["stats"],
                            "expirationTimestamp": int(time.time() * 1000) + ends * 1000}}
        if ends == 1:
            time.sleep(2)

    def answer(self, method, path):
        """Status, headers and body."""
        times, status, message = self.refused
        if times > 0:
            self.refused = (times - 1, status, message)
            return status, {}, {"errorCode": "INTERNAL_ERROR", "message": message}
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        shares = sorted({name.split(".")[0] for name in self.tables})
        if parts == ["shares"]:
            return 200, {}, {"items": [{"name": share} for share in shares]}
        if len(parts) == 3 and parts[2] == "all-tables" and parts[1] in shares:
            names = [name.split(".") for name in sorted(self.tables)]
            return 200, {}, {"items": [{"share": share, "schema": schema, "name": table}
                                       for share, schema, table in names if share == parts[1]]}
        if len(parts) == 7 and parts[0::2][:3] == ["shares", "schemas", "tables"]:
            name = ".".join(parts[1::2])
            if name in self.tables:
                version = {"delta-table-version": str(self.state(name)[0])}
                if (method, parts[6]) == ("GET", "version"):
                    return 200, version, ""
                if (method, parts[6]) in (("GET", "metadata"), ("POST", "query")):
                    lines = [json.dumps(line, separators=(",", ":"))
                             for line in self.lines(name, parts[6] == "query")]
                    return 200, version, "\n".join(lines) + "\n"
        return 404, {}, {"errorCode": "RESOURCE_DOES_NOT_EXIST",
                         "message": f"[Share/Schema/Table] '{path}' does not exist"}

    def handler(self):
        share = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.take()

            def do_POST(self):
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.take()

            def take(self):
                path = self.path.partition("?")[0].removeprefix(PREFIX)
                share.asked.append((self.command, path))
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    status, headers, body = 401, {}, {"errorCode": "UNAUTHENTICATED",
                                                      "message": "Invalid token"}
                else:
                    status, headers, body = share.answer(self.command, path)
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler
