"""Request bodies of every framing, read in every way, or not read at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any

import flask
import pytest

from tests.serve.conversation import DEADLINE_S, Client, answer, chunked, echo, request

Talk = Callable[..., Client]

NEXT = request("/next")


def upload(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """As a registry takes a layer: through one buffer."""
    buffer, digest, size = bytearray(256 * 1024), hashlib.sha256(), 0
    view = memoryview(buffer)
    while got := environ["wsgi.input"].readinto(buffer):
        digest.update(view[:got])
        size += got
    return answer(start_response, f"{size} {digest.hexdigest()}".encode())


def framed(body: bytes, how: str) -> bytes:
    if how == "length":
        return request("/", "PUT", body)
    pieces = [body[at : at + 32768] for at in range(0, len(body), 32768)]
    return request("/", "PUT", transfer_encoding="chunked") + chunked(*pieces)


@pytest.mark.parametrize("how", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 100, 65_536, 65_537, 5_000_000])
def test_a_body_arrives_whole_by_readinto(talk: Talk, how: str, size: int) -> None:
    body = os.urandom(size)
    client = talk(upload)
    reply = client.ask(framed(body, how))
    assert reply.body.decode() == f"{size} {hashlib.sha256(body).hexdigest()}"
    assert client.ask(NEXT).status == 200


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_small_reads_and_large_reads_give_the_same_body(talk: Talk, how: str) -> None:
    body = os.urandom(300_000)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        stream, pieces = environ["wsgi.input"], []
        for size in (1, 3, 0, 4095, 4096, 70_000, 10):
            piece = stream.read(size)
            assert len(piece) == size
            pieces.append(piece)
        small = bytearray(7)
        got = stream.readinto(small)
        pieces += [bytes(small[:got]), stream.read(), stream.read(), stream.read(5)]
        return answer(start_response, hashlib.sha256(b"".join(pieces)).digest())

    client = talk(app)
    assert client.ask(framed(body, how)).body == hashlib.sha256(body).digest()
    assert client.ask(framed(body, how)).body == hashlib.sha256(body).digest()


@pytest.mark.parametrize("how", ["length", "chunked"])
@pytest.mark.parametrize("padding", [0, 100_000])
def test_lines(talk: Talk, how: str, padding: int) -> None:
    lines = [b"one\n", b"\n", b"x" * padding + b"three\n", b"four"]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        stream = environ["wsgi.input"]
        seen = [stream.readline(), stream.readline(2), *stream]
        assert stream.readline() == b""
        return answer(start_response, repr(seen == lines and not stream.readlines()).encode())

    assert talk(app).ask(framed(b"".join(lines), how)).body == b"True"


def test_readlines_stops_at_its_hint(talk: Talk) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        stream = environ["wsgi.input"]
        return answer(start_response, repr([stream.readlines(3), stream.readline(1), stream.read()]).encode())

    reply = talk(app).ask(framed(b"ab\ncd\nef\n", "chunked"))
    assert reply.body == repr([[b"ab\n"], b"c", b"d\nef\n"]).encode()


def test_chunk_extensions_and_trailers_are_read_over(talk: Talk) -> None:
    client = talk(echo)
    said = b'5;name="va lue"\r\nhello\r\n0A ; x\r\n0123456789\r\n000;last\r\nX-Sum: 1\r\nX-Other:\r\n\r\n'
    reply = client.ask(request("/", "POST", transfer_encoding="Chunked") + said)
    assert reply.json()["body"] == "hello0123456789"
    assert client.ask(NEXT).status == 200


def test_a_chunk_is_handed_on_as_soon_as_it_is_there(talk: Talk) -> None:
    """A stream in both directions must not wait for a full buffer."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        buffer = bytearray(256 * 1024)
        while got := environ["wsgi.input"].readinto(buffer):
            yield bytes(buffer[:got]).upper()

    client = talk(app)
    client.say(request("/", "POST", transfer_encoding="chunked"))
    client.say(chunked(b"first", end=b""))
    client.hear_until(b"\r\n\r\n")
    assert client.hear_chunk() == b"FIRST"
    client.say(chunked(b"second", end=b""))
    assert client.hear_chunk() == b"SECOND"
    client.say(b"0\r\n\r\n")
    assert client.hear_chunk() == b""
    assert client.ask(NEXT).status == 200


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_flask_reads_the_body(talk: Talk, how: str) -> None:
    """Without wsgi.input_terminated Flask takes a body without Content-Length for an empty one."""
    app = flask.Flask(__name__)

    @app.put("/")
    def put() -> str:
        return hashlib.sha256(flask.request.stream.read()).hexdigest()

    body = os.urandom(200_000)
    client = talk(app)
    assert client.ask(framed(body, how)).body.decode() == hashlib.sha256(body).hexdigest()
    assert client.ask(framed(b"", how)).body.decode() == hashlib.sha256(b"").hexdigest()


def ignore(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return answer(start_response, environ["PATH_INFO"].encode())


@pytest.mark.parametrize("how", ["length", "chunked"])
@pytest.mark.parametrize("size", [10, 500_000, 1_000_000])
def test_a_body_left_unread_is_not_taken_for_the_next_request(talk: Talk, how: str, size: int) -> None:
    client = talk(ignore)
    client.say(framed(b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n" * (size // 31 + 1), how) + NEXT)
    assert client.hear().body == b"/"
    assert client.hear().body == b"/next"


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_a_large_body_left_unread_ends_the_connection_after_the_answer(talk: Talk, how: str) -> None:
    client = talk(ignore)
    sender = threading.Thread(target=_say_regardless, args=(client, framed(bytes(20_000_000), how)))
    sender.start()
    reply = client.hear()
    assert (reply.status, reply.body) == (200, b"/")
    if how == "length":
        assert reply.headers["connection"] == "close"
    assert client.hear_end() == b""
    client.sock.close()
    sender.join(DEADLINE_S)
    assert not sender.is_alive()


def _say_regardless(client: Client, data: bytes) -> None:
    with contextlib.suppress(OSError):
        client.say(data)


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_100_continue_is_sent_when_the_body_is_first_read(talk: Talk, how: str) -> None:
    about_to_read = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert about_to_read.wait(DEADLINE_S)
        return echo(environ, start_response)

    client = talk(app)
    framing = {"content_length": "5"} if how == "length" else {"transfer_encoding": "chunked"}
    client.say(request("/", "PUT", expect="100-Continue", **framing))
    client.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.hear()
    client.sock.settimeout(DEADLINE_S)
    about_to_read.set()
    assert client.hear().status == 100
    client.say(b"hello" if how == "length" else chunked(b"hello"))
    assert client.hear().json()["body"] == "hello"
    assert client.ask(NEXT).status == 200


def test_100_continue_is_not_sent_when_the_body_is_already_there(talk: Talk) -> None:
    client = talk(echo)
    assert client.ask(request("/", "PUT", b"hello", expect="100-continue")).json()["body"] == "hello"
    assert client.ask(NEXT).status == 200


@pytest.mark.parametrize("framing", [{"content_length": "5"}, {"transfer_encoding": "chunked"}])
def test_an_announced_body_not_wanted_ends_the_connection(talk: Talk, framing: dict[str, str]) -> None:
    """The client may send the body or not: what follows could be either."""
    client = talk(ignore)
    reply = client.ask(request("/", "PUT", expect="100-continue", **framing))
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert client.hear_end() == b""
