"""What the server refuses by itself: nothing ambiguous, nothing endless, and never after a wait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.serve.conversation import DEADLINE_S, Client, answer, chunked, echo, request

Talk = Callable[..., Client]

CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(64)


@pytest.mark.parametrize(
    "said",
    [
        CLIENT_HELLO,
        b"\x00",
        b"get / HTTP/1.1\r\n",
        b"GET /\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/0.9\r\n",
        b"GET / ICE/1.0\r\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET foo HTTP/1.1\r\n",
        b"GET * HTTP/1.1\r\n",
        b"CONNECT a:443 HTTP/1.1\r\n",
        b"GET /#x HTTP/1.1\r\n",
        b"GET /\xe9 HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_400_and_closed_at_once(talk: Talk, said: bytes) -> None:
    """Docker speaks TLS first to a plain port: a server that waited for the rest of a request would cost its
    client the whole TLS handshake timeout of 10 s."""
    client = talk(echo)
    client.sock.settimeout(2)
    reply = client.ask(said)
    assert (reply.status, reply.body) == (400, b"Bad Request\n")
    assert reply.headers["connection"] == "close"
    assert "date" in reply.headers
    assert client.hear_end() == b""


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (400, b"Content-Length: 3\r\nTransfer-Encoding: chunked"),
        (400, b"Transfer-Encoding: chunked\r\nContent-Length: 3"),
        (400, b"Content-Length: 3\r\nContent-Length: 4"),
        (400, b"Content-Length: 3, 4"),
        (400, b"Content-Length: -3"),
        (400, b"Content-Length: +3"),
        (400, b"Content-Length: 0x3"),
        (400, b"Content-Length:"),
        (400, b"Content-Length: 99999999999999999999999"),
        (400, b"Transfer-Encoding: chunked, chunked"),
        (400, b"Transfer-Encoding: chunked, gzip"),
        (501, b"Transfer-Encoding: gzip"),
        (501, b"Transfer-Encoding: xchunked"),
        (501, b"Transfer-Encoding: gzip, chunked"),
        (501, b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
        (417, b"Expect: tea"),
    ],
)
def test_ambiguous_framing_is_refused(talk: Talk, status: int, headers: bytes) -> None:
    called = []
    client = talk(lambda environ, start: called.append(environ) or answer(start, b""))
    said = b"POST / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n\r\n0\r\n\r\n" + request("/smuggled")
    assert client.ask(said).status == status
    assert client.hear_end() == b""
    assert called == []


def test_chunked_in_http_1_0_is_refused(talk: Talk) -> None:
    assert talk(echo).ask(request("/", "POST", version="1.0", transfer_encoding="chunked")).status == 400


@pytest.mark.parametrize(
    "junk",
    [
        b"zz\r\n",
        b"z",
        b"\r\n",
        b"-5\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"10000000000000000\r\n",
        b"5;" + b"x" * 10_000,
        b"5\r\nhello\r\n0\r\nnot a trailer\r\n\r\n",
        b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 4000 + b"\r\n",
    ],
)
def test_chunks_that_are_not_chunks_are_answered_400(talk: Talk, junk: bytes) -> None:
    client = talk(echo)
    client.sock.settimeout(2)
    assert client.ask(request("/", "POST", transfer_encoding="chunked") + junk).status == 400
    assert client.hear_end() == b""


def test_an_application_that_hides_bad_chunks_behind_a_500_is_corrected(talk: Talk) -> None:
    """Frameworks turn whatever a view raises into a 500; the fault is the client's all the same."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except Exception:  # noqa: BLE001
            return answer(start_response, b"oops", "500 Internal Server Error")
        return answer(start_response, b"fine")

    client = talk(app)
    assert client.ask(request("/", "POST", transfer_encoding="chunked") + b"junk\r\n").status == 400


def test_an_application_may_answer_bad_chunks_in_its_own_words(talk: Talk) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except ValueError:
            return answer(start_response, b"SIZE_INVALID", "416 Range Not Satisfiable")
        return answer(start_response, b"fine")

    client = talk(app)
    reply = client.ask(request("/", "POST", transfer_encoding="chunked") + b"junk\r\n")
    assert (reply.status, reply.body) == (416, b"SIZE_INVALID")
    assert client.hear_end() == b""


@pytest.mark.parametrize("headers", [{"x_long": "a" * 70_000}, {f"x_{n}": "a" * 60 for n in range(1100)}])
def test_a_head_over_64_kib_is_refused(talk: Talk, headers: dict[str, str]) -> None:
    client = talk(echo)
    assert client.ask(request(**headers)).status == 431
    assert client.hear_end() == b""


def test_an_endless_request_line_is_refused(talk: Talk) -> None:
    assert talk(echo).ask(b"GET /" + b"a" * 70_000).status == 431


def test_a_head_of_60_kib_is_served(talk: Talk) -> None:
    client = talk(echo)
    assert len(client.ask(request("/", x_long="a" * 60_000)).json()["HTTP_X_LONG"]) == 60_000


def test_an_exception_is_logged_and_not_told(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise KeyError("secret detail")

    client = talk(app)
    with caplog.at_level(logging.ERROR):
        reply = client.ask(request("/path"))
        assert (reply.status, reply.body) == (500, b"Internal Server Error\n")
        assert client.hear_end() == b""
    assert "secret detail" in caplog.text
    assert "GET /path" in caplog.text


def test_the_server_survives_an_exception(talk: Talk) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/bad":
            raise OSError("the application's own trouble, not the client's")
        return answer(start_response, b"fine")

    client = talk(app)
    assert client.ask(request("/bad")).status == 500
    with Client(client.sock.getpeername()) as other:
        assert other.ask(request("/good")).body == b"fine"


def test_a_client_that_leaves_is_not_an_error(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    import threading

    ended = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 100_000
        finally:
            ended.set()

    client = talk(app)
    client.say(request())
    client.hear_until(b"\r\n\r\n")
    client.sock.close()
    assert ended.wait(DEADLINE_S)
    assert caplog.records == []


def test_a_body_cut_short_is_told_to_the_application(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    import queue

    raised: queue.Queue[BaseException] = queue.Queue()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except ConnectionError as error:
            raised.put(error)
            raise
        return answer(start_response, b"fine")

    for said in (
        request("/", "PUT", content_length="100000") + b"part",
        request("/", "PUT", transfer_encoding="chunked") + chunked(b"part", end=b""),
    ):
        client = talk(app)
        client.say(said)
        client.sock.shutdown(1)
        assert isinstance(raised.get(timeout=DEADLINE_S), ConnectionError)
        assert client.hear_end() == b""
    assert caplog.records == []


def test_a_body_that_stalls_is_answered_408(talk: Talk) -> None:
    for length in ("10", "100000"):
        client = talk(echo, idle_timeout_s=1)
        assert client.ask(request("/", "PUT", content_length=length) + b"part").status == 408
