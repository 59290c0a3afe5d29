"""What travels on the wire: well-formed requests, malformed ones, and callers that dawdle."""
import json
import re
import signal
import socket
import time

import pytest

pytestmark = pytest.mark.one_shop


@pytest.fixture(scope="module")
def dawdler(service_of_module):
    """A connection that sent half a request before the other tests began."""
    connection = raw(service_of_module)
    connection.sendall(b"POST /v1/mark_data_ready HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    return connection, time.monotonic()


def raw(service):
    return socket.create_connection((service.host, int(service.port)), timeout=20)


def everything_from(connection):
    text = b""
    while chunk := connection.recv(65536):
        text += chunk
    return text.decode()


def said_to(service, request):
    connection = raw(service)
    connection.sendall(request)
    connection.shutdown(socket.SHUT_WR)
    return everything_from(connection)


def test_health_and_readiness_need_no_key(service, dawdler):
    assert service.ask("GET", "/healthz").json == {"status": "ok"}
    assert service.ask("GET", "/readyz").json == {"status": "ready"}


def test_what_is_not_there_is_404_and_a_wrong_method_405_in_the_same_form(service):
    reply = service.ask("GET", "/console/v2/ingestion")
    assert reply.status == 404
    assert reply.json == {"status": 404, "message": "There is no /console/v2/ingestion"}
    reply = service.ask("PUT", "/healthz")
    assert (reply.status, reply.headers["allow"], reply.json["status"]) == (405, "GET", 405)
    assert service.ask("GET", "/%zz").status == 400


@pytest.mark.parametrize("request_line", [
    b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/7.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"GET /healthz HTTP/1.1\r\nContent-Length: -4\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nbroken header\r\n\r\n"])
def test_what_is_no_http_is_answered_with_400_and_closed(service, request_line):
    answer = said_to(service, request_line)
    assert answer.startswith("HTTP/1.1 400 "), answer
    assert json.loads(answer.split("\r\n\r\n")[1])["status"] == 400
    assert service.ask("GET", "/healthz").status == 200


def test_heads_and_bodies_are_bounded(service):
    large = b"x: " + b"y" * 20_000
    assert "431" in said_to(service, b"GET /healthz HTTP/1.1\r\n" + large + b"\r\n\r\n")[:20]
    reply = service.ask("POST", "/v1/mark_data_ready", body=b"x" * 1_100_000)
    assert (reply.status, reply.json["message"]) == (
        413, "The body is larger than 1048576 bytes")
    assert service.ask("GET", "/healthz").status == 200


def test_requests_in_one_go_are_answered_in_their_order(service):
    three = (b"GET /healthz HTTP/1.1\r\n\r\n" b"GET /nowhere HTTP/1.1\r\n\r\n"
             b"GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n")
    answer = said_to(service, three)
    assert re.findall(r"HTTP/1.1 (\d+) ", answer) == ["200", "404", "200"]


def test_a_request_that_comes_byte_by_byte_is_answered(service):
    connection = raw(service)
    for byte in b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n":
        connection.sendall(bytes([byte]))
        time.sleep(0.002)
    assert everything_from(connection).startswith("HTTP/1.1 200 ")


def test_a_hundred_callers_that_say_nothing_keep_nobody_waiting(service):
    silent = [raw(service) for _ in range(100)]
    began = time.monotonic()
    assert service.ask("GET", "/healthz").status == 200
    assert time.monotonic() - began < 2
    for connection in silent:
        connection.close()


def test_more_connections_than_it_holds_are_closed_at_once_and_later_ones_are_served(service):
    many = [raw(service) for _ in range(300)]
    for connection in many[256:]:
        connection.settimeout(2)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    for connection in many:
        connection.close()
    until = time.monotonic() + 5
    while True:
        try:
            assert service.ask("GET", "/healthz").status == 200
            return
        except OSError:
            assert time.monotonic() < until


def test_half_a_request_is_given_up_after_ten_seconds(service, dawdler):
    connection, began = dawdler
    assert everything_from(connection) == ""
    assert 9 < time.monotonic() - began < 19
    assert service.ask("GET", "/healthz").status == 200


def test_being_told_to_stop_ends_idle_connections_and_the_process(shop_of_module, service):
    idle = raw(service)
    began = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    assert time.monotonic() - began < 3
    assert everything_from(idle) == ""
