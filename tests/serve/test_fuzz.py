"""Whatever bytes come in, in whatever pieces: the server answers or closes, soon, and lives on, and so do the APIs."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emulator.app import SERVICES, Emulator, load_service
from emulator.clock import VirtualClock
from emulator.serve import Listener, Server
from emulator.serving.head import RequestHead
from emulator.serving.refusal import Refusal
from tests.conformance.said import signed
from tests.serve.conversation import DEADLINE_S, Client, chunked, echo, request

SETTINGS = settings(deadline=None, max_examples=150)
PATIENT: dict[str, Any] = {"clock": VirtualClock(), "idle_timeout_s": DEADLINE_S, "head_timeout_s": DEADLINE_S}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(echo, [Listener()], **PATIENT)
    server.start()
    yield server
    server.stop(grace_s=0)


def everything_said_to(server: Server, pieces: list[bytes]) -> bytes:
    """All the answers to `pieces`, each sent as a packet of its own, and then nothing more."""
    with Client(server.addresses[0]) as client:
        client.sock.settimeout(DEADLINE_S)
        try:
            for piece in pieces:
                client.sock.sendall(piece)
            client.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        # The only thing about a connection that differs from one to the next.
        return re.sub(rb'"REMOTE_PORT": "\d+"', b"", client.hear_end())


def split_at(data: bytes, points: list[int]) -> list[bytes]:
    ends = sorted({point % (len(data) + 1) for point in points} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


TOKENS = st.sampled_from(
    [
        b"GET ", b"POST ", b"HEAD ", b"/", b"/a%41%zz?b", b"*", b"http://h", b" HTTP/1.1", b" HTTP/1.0",
        b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"Host: a\r\n", b"Content-Length: 5\r\n",
        b"Content-Length: 99\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"5\r\nhello\r\n",
        b"0\r\n\r\n", b"hello", b":", b" ", b"\t", b"\x00", b"\xff", b"\x16\x03\x01",
        b"ffffffffffffffffff\r\n", b"X: " + b"y" * 9000,
    ]
)  # fmt: skip
NOISE = st.lists(TOKENS | st.binary(max_size=20), max_size=25).map(b"".join)
REQUEST_LIKE = NOISE.map(lambda noise: b"POST / HTTP/1.1\r\nHost: a\r\n" + noise)


@given(said=NOISE | REQUEST_LIKE, points=st.lists(st.integers(0, 5000), max_size=4))
@SETTINGS
@example(said=b"\r\n" * 50, points=[])
@example(said=b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhi", points=[])
def test_noise_is_answered_or_closed(server: Server, said: bytes, points: list[int]) -> None:
    heard = everything_said_to(server, split_at(said, points))
    assert heard == b"" or heard.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in heard.split(b"\r\n", 1)[0]
    assert everything_said_to(server, [request(connection="close")]).startswith(b"HTTP/1.1 200 ")


CONVERSATION = (
    request("/first?x=%20", "POST", b'{"maxResults": 10}', content_type="application/x-amz-json-1.1")
    + request("/second", accept="*/*")
    + request("/third", "PUT", transfer_encoding="chunked")
    + b"5;ext=1\r\nhello\r\n"
    + chunked(b"GET / HTTP/1.1\r\n\r\n", end=b"0\r\nX-Trailer: 1\r\n\r\n")
    + b"\r\n"
    + request("/fourth", "DELETE", b"")
    + request("/last", "POST", b"body", connection="close")
)


@pytest.fixture(scope="module")
def in_one_piece(server: Server) -> bytes:
    heard = everything_said_to(server, [CONVERSATION])
    assert heard.count(b"HTTP/1.1 200 OK") == 5
    return heard


@given(points=st.lists(st.integers(0, len(CONVERSATION)), max_size=12))
@SETTINGS
def test_any_split_of_a_conversation_gives_the_same_answers(
    server: Server, in_one_piece: bytes, points: list[int]
) -> None:
    assert everything_said_to(server, split_at(CONVERSATION, points)) == in_one_piece


def test_a_conversation_byte_by_byte(server: Server, in_one_piece: bytes) -> None:
    assert everything_said_to(server, split_at(CONVERSATION, list(range(len(CONVERSATION))))) == in_one_piece


def outcome(pieces: list[bytes]) -> tuple[object, ...]:
    """What a head comes to: refused with a status, unfinished, or understood, with what is left over."""
    head = RequestHead({"base": 1})
    try:
        for number, piece in enumerate(pieces):
            rest = head.feed(piece)
            if rest is not None:
                rest += b"".join(pieces[number + 1 :])
                return head.environ, head.method, head.length, head.chunked, head.keep_alive, rest
    except Refusal as refusal:
        return (refusal.status,)
    return ("unfinished",)


@given(said=NOISE | REQUEST_LIKE, points=st.lists(st.integers(0, 5000), max_size=6))
@settings(SETTINGS, max_examples=600)
def test_any_split_of_a_head_comes_to_the_same(said: bytes, points: list[int]) -> None:
    assert outcome(split_at(said, points)) == outcome([said])


@given(
    body=st.binary(max_size=3000),
    sizes=st.lists(st.integers(1, 700), max_size=8),
    points=st.lists(st.integers()),
)
@SETTINGS
def test_any_chunking_of_a_body_gives_the_body(
    server: Server, body: bytes, sizes: list[int], points: list[int]
) -> None:
    ends = sorted({sum(sizes[:count]) for count in range(len(sizes) + 1)} | {len(body)})
    pieces = [body[start:end] for start, end in pairwise(ends) if body[start:end]]
    said = request("/", "PUT", transfer_encoding="chunked", connection="close") + chunked(*pieces)
    whole = request("/", "PUT", body, connection="close")
    heard, expected = (
        everything_said_to(server, split).partition(b'"body"')[2]
        for split in (split_at(said, [abs(point) for point in points]), [whole])
    )
    assert heard == expected != b""


@pytest.fixture
def api(emulator: Emulator) -> Iterator[Server]:
    server = Server(
        emulator.front, [Listener()], clock=VirtualClock(), idle_timeout_s=DEADLINE_S, head_timeout_s=DEADLINE_S
    )
    server.start()
    yield server
    server.stop(grace_s=0)


def _whole(service: str, operation: str, members: bytes, **more: str) -> bytes:
    """A request of an operation that would be carried out, up to its members."""
    model = load_service(service).api
    named = {"authorization": signed(model.model.signing_name)["Authorization"], "connection": "close", **more}
    if model.protocol == "json":
        kind = {"content_type": "application/x-amz-json-1.1", "x_amz_target": f"{model.target_prefix}.{operation}"}
        return _to_us(request("/", "POST", members, **{**kind, **named}))
    body = f"Action={operation}&Version={model.model.api_version}&".encode() + members
    return _to_us(request("/", "POST", body, **{"content_type": "application/x-www-form-urlencoded", **named}))


def _to_us(said: bytes) -> bytes:
    return said.replace(b"Host: test", b"Host: localhost", 1)


Spoil = Callable[[str, str], bytes]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "a body that stops half way": (lambda s, o: _whole(s, o, b'{"clusterName": "fuzz"}')[:-9], "(400)?"),
    "a header of a megabyte": (lambda s, o: _whole(s, o, b"{}", x_odd="y" * (1 << 20)), "(431)?"),
    "thousands of headers": (lambda s, o: _whole(s, o, b"{}", **{f"x_{n}": "y" for n in range(20_000)}), "(400|431)?"),
    "another content type": (lambda s, o: _whole(s, o, b'{"x%ff', content_type="text/html; charset=utf-16"), "400"),
    "a length that is none": (lambda s, o: _whole(s, o, b"").replace(b"Content-Length: ", b"Content-Length: -"), "400"),
    "bytes that are no text": (lambda s, o: _whole(s, o, b'{"name": "\xff\xfe"}&x=%ff'), "400"),
    "an odd authorization": (
        lambda s, o: _whole(s, o, b"{}", authorization="AWS4 " + "/" * 3000),
        "40[03]",
    ),
}


OF_THE_HEAD = {"a header of a megabyte", "thousands of headers", "a length that is none"}
"""Refused before an operation is known: one of each service shows it."""


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_request_of_any_operation(emulator: Emulator, api: Server, how: str) -> None:
    """It is refused, or the connection closed, and nothing is kept of it."""
    spoil, expected = SPOILT[how]
    with closing(sqlite3.connect(emulator.database.path)) as watching:
        before = watching.execute("PRAGMA data_version").fetchone()
        for service in SERVICES:
            operations = sorted(load_service(service).implemented)
            for operation in operations[:1] if how in OF_THE_HEAD else operations:
                status = everything_said_to(api, [spoil(service, operation)])[9:12].decode()
                assert re.fullmatch(expected, status), f"{service}:{operation}: {status!r}"
        assert watching.execute("PRAGMA data_version").fetchone() == before
