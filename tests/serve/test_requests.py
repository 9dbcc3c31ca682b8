"""What the application sees of a request, and how requests follow each other on a connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from emulator.clock import VirtualClock
from tests.serve.conftest import Serve
from tests.serve.conversation import Client, answer, echo, request

Talk = Callable[..., Client]


def test_environ_is_complete(talk: Talk) -> None:
    client = talk(echo)
    seen = client.ask(
        request("/a%20b/%C3%A9?x=%31&y", "POST", b"{}", content_type="application/json", x_amz_target="T.Op")
    ).json()
    host, port = client.sock.getpeername()
    assert seen["REQUEST_METHOD"] == "POST"
    assert seen["SCRIPT_NAME"] == ""
    assert seen["PATH_INFO"] == "/a b/\u00c3\u00a9"  # PEP 3333: bytes as latin-1
    assert seen["QUERY_STRING"] == "x=%31&y"
    assert seen["REQUEST_URI"] == seen["RAW_URI"] == "/a%20b/%C3%A9?x=%31&y"
    assert seen["CONTENT_TYPE"] == "application/json"
    assert seen["CONTENT_LENGTH"] == "2"
    assert seen["HTTP_HOST"] == "test"
    assert seen["HTTP_X_AMZ_TARGET"] == "T.Op"
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == (host, str(port))
    assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == ("127.0.0.1", str(client.sock.getsockname()[1]))
    assert seen["wsgi.url_scheme"] == "http"
    assert seen["wsgi.input_terminated"] is True
    assert seen["wsgi.multithread"] is True
    assert seen["wsgi.multiprocess"] is False
    assert seen["wsgi.run_once"] is False
    assert seen["body"] == "{}"


def test_the_whole_interface_is_valid_wsgi(talk: Talk) -> None:
    from wsgiref.validate import validator

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(5)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"valid"]

    client = talk(validator(app))
    assert client.ask(request("/", "POST", b"hello")).body == b"valid"
    assert client.ask(request("/")).body == b"valid"


def test_the_application_may_change_its_environ(talk: Talk) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen = environ.get("mark", "clean")
        environ["mark"] = environ["SERVER_NAME"] = "changed"
        return answer(start_response, str(seen).encode())

    client = talk(app)
    assert client.ask(request()).body == b"clean"
    assert client.ask(request()).body == b"clean"


def test_repeated_headers_are_joined(talk: Talk) -> None:
    client = talk(echo)
    seen = client.ask(
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nCookie: a=1\r\naccept: y\r\nCookie: b=2\r\n\r\n"
    ).json()
    assert seen["HTTP_ACCEPT"] == "x,y"
    assert seen["HTTP_COOKIE"] == "a=1; b=2"


def test_headers_that_would_pass_for_others_are_dropped(talk: Talk) -> None:
    """Content_Length and Content-Length would be one key; Proxy would become the HTTP_PROXY of programs."""
    client = talk(echo)
    headers = b"Host: a\r\nContent_Length: 9\r\nX_A: 1\r\nProxy: evil\r\n\r\n"
    seen = client.ask(b"GET / HTTP/1.1\r\n" + headers).json()
    assert not {"CONTENT_LENGTH", "HTTP_X_A", "HTTP_PROXY", ""} & set(seen)


def test_absolute_form_names_the_host(talk: Talk) -> None:
    client = talk(echo)
    seen = client.ask(b"GET http://real:80/p?q HTTP/1.1\r\nHost: other\r\n\r\n").json()
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["HTTP_HOST"]) == ("/p", "q", "real:80")
    assert client.ask(b"GET http://real?q HTTP/1.1\r\nHost: o\r\n\r\n").json()["PATH_INFO"] == "/"
    assert client.ask(b"OPTIONS * HTTP/1.1\r\nHost: o\r\n\r\n").json()["PATH_INFO"] == "*"


def test_a_connection_serves_many_requests(talk: Talk) -> None:
    client = talk(echo)
    for number in range(5):
        assert client.ask(request(f"/{number}")).json()["PATH_INFO"] == f"/{number}"


def test_pipelined_requests_are_answered_in_order(talk: Talk) -> None:
    client = talk(echo)
    first, third = request("/1", "POST", b"one"), request("/3", "PUT", b"three")
    client.say(first + request("/2") + b"\r\n" + third + request("/4"))
    seen = [client.hear().json() for _ in range(4)]
    assert [(s["PATH_INFO"], s["body"]) for s in seen] == [
        ("/1", "one"),
        ("/2", ""),
        ("/3", "three"),
        ("/4", ""),
    ]


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "foo, Close", False),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "close", False),
    ],
)
def test_keep_alive(talk: Talk, version: str, connection: str | None, stays: bool) -> None:
    client = talk(echo)
    options = {} if connection is None else {"connection": connection}
    reply = client.ask(request(version=version, **options))
    assert reply.status == 200
    if stays:
        assert reply.headers.get("connection") == (None if version == "1.1" else "keep-alive")
        assert client.ask(request()).status == 200
    else:
        assert reply.headers["connection"] == "close"
        assert client.hear_end() == b""


def test_date_follows_the_clock(talk: Talk) -> None:
    clock = VirtualClock(1_700_000_000.0)
    client = talk(echo, clock=clock)
    assert client.ask(request()).headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    clock.advance(86_400 + 5)
    assert client.ask(request()).headers["date"] == "Wed, 15 Nov 2023 22:13:25 GMT"


def test_date_is_now_by_default(talk: Talk) -> None:
    date = talk(echo).ask(request()).headers["date"]
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)


def test_an_idle_connection_is_closed_quietly(talk: Talk) -> None:
    client = talk(echo, idle_timeout_s=1)
    assert client.ask(request()).status == 200
    assert client.hear_end() == b""


def test_a_head_has_a_deadline_however_it_dribbles_in(serve: Serve) -> None:
    server = serve(echo, head_timeout_s=1)
    with Client(server.addresses[0]) as client:
        client.say(b"GET / HTTP/1.1\r\nHos")
        reply = client.hear()
        assert (reply.status, client.hear_end()) == (408, b"")


def test_a_connection_can_be_hijacked(talk: Talk) -> None:
    """For protocols after HTTP: the socket and what was already received of them change hands."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        sock, received = environ["homeport.hijack"]()
        assert sock is environ["homeport.socket"]
        with sock:
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + received.upper())
            sock.sendall(sock.recv(100).upper())
        return answer(start_response, b"never sent")

    client = talk(app)
    client.say(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly ")
    assert client.hear().status == 101
    assert client.hear_bytes(6) == b"EARLY "
    client.say(b"late")
    assert client.hear_end() == b"LATE"
