"""What Slack and a webhook's receiver look like to those who call them.

The stand-in for Slack takes a call only in the shape that Slack documents, and answers in that of
Slack: https://api.slack.com/methods/users.lookupByEmail and …/chat.postMessage."""
import http.server
import json
import threading
import urllib.parse

TOKEN = "xoxb-1234-secret-token"
PEOPLE = {"ana@example.com": "U024BE7LH"}
CHANNELS = {"#data-alerts", "C0123456789"}


class HttpServer:
    """Runs `answer(request)`, which gives (status, headers, object), for every request."""

    def __init__(self):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.take("")

            def do_POST(self):
                self.take(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def take(self, body):
                request = {"method": self.command, "path": self.path, "body": body,
                           "headers": {name.lower(): value for name, value in self.headers.items()}}
                outer.requests.append(request)
                status, headers, answer = outer.answer(request)
                text = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Slack(HttpServer):
    def __init__(self):
        self.posted = []
        self.limited = 0  # How many calls more are answered with 429.
        super().__init__()

    def table(self, more=""):
        return f'\n[notify.slack]\ntoken = "env:SLACK_TOKEN"\nurl = "{self.url}/api"\n{more}\n'

    def answer(self, request):
        if self.limited > 0:
            self.limited -= 1
            return 429, {"Retry-After": "30"}, {"ok": False, "error": "ratelimited"}
        if request["headers"].get("authorization") != f"Bearer {TOKEN}":
            return 200, {}, {"ok": False, "error": "invalid_auth"}
        url = urllib.parse.urlsplit(request["path"])
        if url.path == "/api/users.lookupByEmail" and request["method"] == "GET":
            asked = urllib.parse.parse_qs(url.query, strict_parsing=True)
            return 200, {}, self.user(asked)
        if url.path == "/api/chat.postMessage" and request["method"] == "POST":
            if request["headers"]["content-type"] != "application/json; charset=utf-8":
                return 200, {}, {"ok": False, "error": "invalid_post_type"}
            return 200, {}, self.post(json.loads(request["body"]))
        return 404, {}, {"ok": False, "error": "unknown_method"}

    @staticmethod
    def user(asked):
        if set(asked) != {"email"} or len(asked["email"]) != 1:
            return {"ok": False, "error": "invalid_arguments"}
        if asked["email"][0] not in PEOPLE:
            return {"ok": False, "error": "users_not_found"}
        return {"ok": True, "user": {"id": PEOPLE[asked["email"][0]], "name": "ana"}}

    def post(self, message):
        known = {"channel": str, "text": str, "unfurl_links": bool, "unfurl_media": bool,
                 "metadata": dict}
        shape = all(name in known and isinstance(value, known[name])
                    for name, value in message.items())
        if not shape or set(message.get("metadata", {})) != {"event_type", "event_payload"}:
            return {"ok": False, "error": "invalid_arguments"}
        if message["channel"] not in CHANNELS | set(PEOPLE.values()):
            return {"ok": False, "error": "channel_not_found"}
        if not message["text"]:
            return {"ok": False, "error": "no_text"}
        if len(message["text"]) > 40_000:
            return {"ok": False, "error": "msg_too_long"}
        self.posted.append(message)
        return {"ok": True, "channel": message["channel"], "ts": "1503435956.000247",
                "message": {"text": message["text"], "type": "message"}}


class Receiver(HttpServer):
    """Takes webhooks; `statuses` are what it answers first."""

    def __init__(self):
        self.statuses = []
        super().__init__()

    def answer(self, _request):
        return (self.statuses.pop(0) if self.statuses else 204), {}, {}
