"""Asks a server for pages at a fixed pace, whatever it answers, over connections that stay open.

open_loop.py HOST PORT RATE SECONDS KEY PATH...; prints JSON. A time counts from when its request
was due: one that waits behind a slow one is slow itself.
"""
import gc
import json
import selectors
import socket
import sys
import time
from collections import Counter

MOST = 64  # Connections; what finds none free waits, and its time runs.


class Caller:
    """One connection, with at most one request under way."""

    def __init__(self, address):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due, self.path, self.got, self.ends = 0.0, "", b"", None

    def ask(self, due, path, request):
        self.due, self.path, self.got, self.ends = due, path, b"", None
        self.socket.sendall(request)

    def read(self):
        """(status, body) once the reply is complete."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError(f"the server closed a connection, after {self.got[:200]!r}")
        self.got += part
        if self.ends is None:
            head, blank, _ = self.got.partition(b"\r\n\r\n")
            if not blank:
                return None
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            self.ends = len(head) + 4 + int(length)
        if len(self.got) < self.ends:
            return None
        return int(self.got[9:12]), self.got.partition(b"\r\n\r\n")[2]


def main(host, port, rate, seconds, key, *paths):
    requests = [f"GET {path} HTTP/1.1\r\nHost: {host}\r\nSTATSIG-API-KEY: {key}\r\n\r\n".encode()
                for path in paths]
    address, gap, total = (host, int(port)), 1 / float(rate), int(float(rate) * float(seconds))
    events, idle, opened = selectors.DefaultSelector(), [], 0
    took, statuses, bodies, sent = [], Counter(), {path: set() for path in paths}, 0
    gc.disable()
    begin = time.monotonic() + 0.1
    while len(took) < total:
        while sent < total and begin + sent * gap <= time.monotonic():
            if not idle:
                if opened == MOST:
                    break
                opened += 1
                idle.append(Caller(address))
                events.register(idle[-1].socket, selectors.EVENT_READ, idle[-1])
            choice = sent % len(paths)
            idle.pop().ask(begin + sent * gap, paths[choice], requests[choice])
            sent += 1
        is_waiting = sent < total and (idle or opened < MOST)
        wait = max(0.0, begin + sent * gap - time.monotonic()) if is_waiting else 10
        for event, _ in events.select(wait):
            caller = event.data
            reply = caller.read()
            if reply:
                took.append(time.monotonic() - caller.due)
                statuses[reply[0]] += 1
                bodies[caller.path].add(reply[1])
                idle.append(caller)
    took.sort()
    at = {name: 1000 * took[min(total - 1, int(total * share))]
          for name, share in {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1}.items()}
    print(json.dumps({"ms": at, "statuses": statuses, "connections": opened, "rate": total / (
        time.monotonic() - begin), "bodies": {path: [body.decode() for body in each]
                                              for path, each in bodies.items()}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
