"""How answers are framed and sent: lengths, chunks, HEAD, files, TLS, applications that break the rules."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from emulator.serve import FileSlice, Listener
from tests.serve.conftest import Serve
from tests.serve.conversation import DEADLINE_S, Client, request

Talk = Callable[..., Client]


class Body:
    """An iterable that remembers whether it was closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces, self.error, self.closed = pieces, error, threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed.set()


def app_of(body: Any, *headers: tuple[str, str], status: str = "200 OK") -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list(headers))
        return body

    return app


def test_a_single_piece_gets_its_length(talk: Talk) -> None:
    reply = talk(app_of([b"hello"])).ask(request())
    assert (reply.headers["content-length"], reply.body) == ("5", b"hello")


def test_a_small_answer_comes_in_one_piece(talk: Talk) -> None:
    """Head and body in one system call: one packet, and no wait of one for the other's acknowledgement."""
    for body in ([b"x" * 1000], Body(b"x" * 1000)):
        client = talk(app_of(body, ("Content-Length", "1000"))).say(request())
        assert client.sock.recv(1 << 16).endswith(b"\r\n\r\n" + b"x" * 1000)


def test_an_answer_without_a_body(talk: Talk) -> None:
    client = talk(app_of([]))
    assert client.ask(request()).headers["content-length"] == "0"
    assert client.ask(request()).status == 200


def test_a_stream_is_chunked_and_each_piece_sent_at_once(talk: Talk) -> None:
    said = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        yield b""
        assert said.wait(DEADLINE_S)
        yield b"second"

    client = talk(app_of(pieces()))
    client.say(request())
    assert b"Transfer-Encoding: chunked\r\n" in client.hear_until(b"\r\n\r\n")
    assert client.hear_chunk() == b"first"
    said.set()
    assert client.hear_chunk() == b"second"
    assert client.hear_chunk() == b""


class Waiting:
    """A stream that says one thing, and then "nothing yet" every now and then, until it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"one"
        while not self.closed.wait(0.01):
            yield b""

    def close(self) -> None:
        self.closed.set()


def test_a_stream_that_waits_ends_when_its_client_leaves(talk: Talk) -> None:
    stream = Waiting()
    client = talk(app_of(stream)).say(request())
    while b"one" not in client.sock.recv(1 << 16):
        pass
    client.sock.close()
    assert stream.closed.wait(DEADLINE_S)


def test_a_stream_that_waits_ends_when_the_server_stops(serve: Serve) -> None:
    stream = Waiting()
    server = serve(app_of(stream))
    client = Client(server.addresses[0]).say(request())
    while b"one" not in client.sock.recv(1 << 16):
        pass
    server.stop(grace_s=0.2)
    assert stream.closed.wait(DEADLINE_S)
    client.sock.close()


def test_a_stream_to_http_1_0_ends_with_the_connection(talk: Talk) -> None:
    client = talk(app_of(Body(b"first", b"second")))
    reply = client.ask(request(version="1.0", connection="keep-alive"))
    assert "transfer-encoding" not in reply.headers
    assert (reply.headers["connection"], reply.body) == ("close", b"firstsecond")


def test_write_and_a_late_start_response(talk: Talk) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [("Content-Length", "9")])
        write(b"one")
        yield b"two"
        write(b"tri")

    client = talk(app)
    assert client.ask(request()).body == b"onetwotri"
    assert client.ask(request()).body == b"onetwotri"


def test_exc_info_replaces_an_answer_that_has_not_begun(talk: Talk) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        import sys

        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError
        except ValueError:
            start_response("503 Service Unavailable", [("X-Second", "2")], sys.exc_info())
        return [b"sorry"]

    reply = talk(app).ask(request())
    assert (reply.status, reply.headers.get("x-first"), reply.headers["x-second"]) == (503, None, "2")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body(talk: Talk, status: str) -> None:
    client = talk(app_of([b"never"], status=status))
    for _ in range(2):
        reply = client.ask(request())
        assert reply.status == int(status[:3])
        assert not {"content-length", "transfer-encoding"} & set(reply.headers)


def test_the_iterable_is_always_closed(talk: Talk) -> None:
    for body, said in (
        (Body(b"fine"), request()),
        (Body(b"head"), request(method="HEAD")),
        (Body(error=ValueError()), request()),
        (Body(b"begun", error=ValueError()), request()),
    ):
        client = talk(app_of(body))
        client.say(said)
        assert body.closed.wait(DEADLINE_S)


def test_an_answer_that_breaks_off_is_seen_to_break_off(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        client = talk(app_of(Body(b"begun", error=ValueError("in the middle"))))
        client.say(request())
        client.hear_until(b"\r\n\r\n")
        assert client.hear_chunk() == b"begun"
        assert client.hear_end() == b""  # and no final chunk
    assert "in the middle" in caplog.text


@pytest.mark.parametrize(("promised", "given"), [("10", b"short"), ("3", b"longer")])
def test_a_wrong_length_never_reaches_the_next_answer(
    talk: Talk, caplog: pytest.LogCaptureFixture, promised: str, given: bytes
) -> None:
    client = talk(app_of([given], ("Content-Length", promised)))
    client.say(request())
    client.hear_until(b"\r\n\r\n")
    assert client.hear_end() == given[: int(promised)]
    assert "promised" in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        [("X", "a\r\nSet-Cookie: evil=1")],
        [("X\n", "a")],
        [("X", "a\rb")],
        [("X", "\u20ac")],
        [("Content-Length", "x")],
        [("Content-Length", "5"), ("Content-Length", "5")],
    ],
)
def test_headers_that_would_break_the_answer_are_a_500(talk: Talk, headers: list[tuple[str, str]]) -> None:
    reply = talk(app_of([b"hello"], *headers)).ask(request())
    assert (reply.status, "set-cookie" in reply.headers) == (500, False)


def test_an_application_that_never_starts_its_response_is_a_500(talk: Talk) -> None:
    assert talk(lambda environ, start_response: [b"x"]).ask(request()).status == 500


def test_the_connection_belongs_to_the_server(talk: Talk) -> None:
    headers = ("Transfer-Encoding", "chunked"), ("Keep-Alive", "timeout=9"), ("Connection", "x")
    client = talk(app_of([b"x"], *headers))
    reply = client.ask(request())
    assert not {"transfer-encoding", "keep-alive", "connection"} & set(reply.headers)
    assert client.ask(request()).body == b"x"


def test_the_application_may_ask_to_close(talk: Talk) -> None:
    client = talk(app_of([b"x"], ("Connection", "close")))
    assert client.ask(request()).headers["connection"] == "close"
    assert client.hear_end() == b""


def test_the_applications_date_stays(talk: Talk) -> None:
    assert talk(app_of([], ("Date", "then"))).ask(request()).headers["date"] == "then"


def test_head_keeps_the_true_length_and_sends_no_body(talk: Talk, tmp_path: Path) -> None:
    """A registry must answer HEAD of a blob with the blob's size."""
    (tmp_path / "blob").write_bytes(bytes(1000))

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        length = [("Content-Length", "1000")] if "said" in environ["PATH_INFO"] else []
        start_response("200 OK", length)
        if "file" in environ["PATH_INFO"]:
            return FileSlice((tmp_path / "blob").open("rb"), 0, 1000)
        return [bytes(1000)] if "list" in environ["PATH_INFO"] else []

    client = talk(app)
    for path in ("/said", "/said/list", "/list", "/file", "/file/said"):
        assert client.ask(request(path, "HEAD"), head=True).headers["content-length"] == "1000", path
    reply = client.ask(request("/unknown", "HEAD"), head=True)
    assert not {"content-length", "transfer-encoding"} & set(reply.headers)
    assert client.ask(request("/list")).body == bytes(1000)


def test_flask_head_with_the_true_length(talk: Talk) -> None:
    app = flask.Flask(__name__)

    @app.route("/blob")
    def blob() -> flask.Response:
        # Response(b"") would set the length of b"" over it.
        return flask.Response([], headers={"Content-Length": "12345"})

    assert talk(app).ask(request("/blob", "HEAD"), head=True).headers["content-length"] == "12345"


# --- files ---


@pytest.fixture(scope="module")
def blob(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "blob"
    path.write_bytes(os.urandom(5_000_000))
    return path


def parts_of(path: Path) -> Any:
    """Serves `path`, or `?offset-length` of it, as a FileSlice."""

    def app(environ: dict[str, Any], start_response: Any) -> FileSlice:
        size = path.stat().st_size
        offset, length = (int(n) for n in (environ["QUERY_STRING"] or f"0-{size}").split("-"))
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return FileSlice(open(path, "rb"), offset, length)

    return app


@pytest.fixture(params=["plain", "tls", "unix"])
def file_client(
    request: pytest.FixtureRequest,
    serve: Serve,
    blob: Path,
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
    tmp_path: Path,
) -> Iterator[Client]:
    listener = {
        "plain": Listener(),
        "tls": Listener(tls=tls[0]),
        "unix": Listener(unix_path=str(tmp_path / "s")),
    }[request.param]
    server = serve(parts_of(blob), listener)
    with Client(server.addresses[0], tls[1] if request.param == "tls" else None) as client:
        yield client


def test_a_file_is_sent_whole_and_in_parts(file_client: Client, blob: Path) -> None:
    whole = blob.read_bytes()
    for query in ("", "?0-0", "?0-1", "?1000-500", "?4999999-1", "?1-4999998", ""):
        offset, length = (int(n) for n in (query[1:] or f"0-{len(whole)}").split("-"))
        reply = file_client.ask(request("/" + query))
        assert reply.headers["content-length"] == str(length)
        assert hashlib.sha256(reply.body).digest() == hashlib.sha256(whole[offset : offset + length]).digest()


def test_a_file_to_a_client_that_reads_late_arrives_whole(file_client: Client, blob: Path) -> None:
    """The socket's buffer fills: sendfile must wait for it, not fail."""
    file_client.say(request("/") + request("/?0-10"))
    file_client.hear_until(b"\r\n\r\n")
    threading.Event().wait(0.2)  # long enough for the server to run into the full buffer
    assert file_client.hear_bytes(5_000_000) == blob.read_bytes()
    assert file_client.hear().status == 200


def test_a_file_shorter_than_its_slice_ends_the_connection(file_client: Client, blob: Path) -> None:
    file_client.say(request("/?4999990-100"))
    assert b"Content-Length: 100" in file_client.hear_until(b"\r\n\r\n")
    assert file_client.hear_end() == blob.read_bytes()[-10:]


def test_a_file_slice_closes_its_file_and_leaves_its_position(talk: Talk, blob: Path) -> None:
    with blob.open("rb") as source:
        source.seek(77)
        assert b"".join(FileSlice(source, 10, 20)) == blob.read_bytes()[10:30]
        assert source.tell() == 77
    opened = blob.open("rb")
    client = talk(app_of(FileSlice(opened, 0, 10)))
    assert client.ask(request()).status == 200
    assert client.ask(request()).status == 500  # it was closed after the first answer
    assert opened.closed


def test_a_length_that_is_not_the_slices_is_a_500(talk: Talk, blob: Path) -> None:
    client = talk(app_of(FileSlice(blob.open("rb"), 0, 10), ("Content-Length", "11")))
    assert client.ask(request()).status == 500


def test_file_wrapper_sends_from_the_files_position(talk: Talk, blob: Path) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        source: Any = blob.open("rb")
        source.read(100)
        return environ["wsgi.file_wrapper"](source, 4096)

    reply = talk(app).ask(request())
    assert (reply.headers["content-length"], reply.body) == ("4999900", blob.read_bytes()[100:])


def test_file_wrapper_of_what_is_not_a_plain_file(talk: Talk, tmp_path: Path) -> None:
    """A gzip file has a descriptor, which leads to the compressed bytes: not what the application meant."""
    with gzip.open(tmp_path / "z", "wb") as packed:
        packed.write(b"unpacked")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        source = gzip.GzipFile(tmp_path / "z") if "z" in environ["PATH_INFO"] else io.BytesIO(b"in memory")
        return environ["wsgi.file_wrapper"](source)

    client = talk(app)
    assert client.ask(request("/z")).body == b"unpacked"
    assert client.ask(request("/m")).body == b"in memory"


def test_flask_sends_files_and_ranges_of_them(talk: Talk, blob: Path) -> None:
    app = flask.Flask(__name__)

    @app.get("/whole")
    def whole() -> flask.Response:
        return flask.send_file(blob, mimetype="application/octet-stream")

    @app.get("/part")
    def part() -> flask.Response:
        size = blob.stat().st_size
        asked = flask.request.range.range_for_length(size) if flask.request.range else (0, size)
        if asked is None:
            return flask.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        body = FileSlice(blob.open("rb"), asked[0], asked[1] - asked[0])
        response = flask.Response(body, status=206, direct_passthrough=True)
        response.content_length = body.length
        response.content_range = flask.request.range.make_content_range(size) if flask.request.range else None
        return response

    content = blob.read_bytes()
    client = talk(app)
    assert client.ask(request("/whole")).body == content
    assert client.ask(request("/whole", range="bytes=10-19")).body == content[10:20]
    assert client.ask(request("/whole", range="bytes=4000000-")).body == content[4000000:]
    assert client.ask(request("/whole", "HEAD"), head=True).headers["content-length"] == "5000000"
    for asked, given in (
        ("500-1499", content[500:1500]),
        ("4999000-", content[4999000:]),
        ("-5", content[-5:]),
    ):
        reply = client.ask(request("/part", range=f"bytes={asked}"))
        assert (reply.status, reply.body, reply.headers["content-length"]) == (206, given, str(len(given)))
    reply = client.ask(request("/part", range="bytes=5000000-"))
    assert (reply.status, reply.headers["content-range"]) == (416, "bytes */5000000")


# --- large answers from memory ---


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("pieces", [[bytes(10), bytes(3_000_000)], [bytes(3_000_000)], [b"a"] * 300])
def test_large_answers(
    serve: Serve, tls: tuple[ssl.SSLContext, ssl.SSLContext], secure: bool, pieces: list[bytes]
) -> None:
    server = serve(app_of(pieces), Listener(tls=tls[0]))
    with Client(server.addresses[0], tls[1] if secure else None) as client:
        for _ in range(2):
            assert client.ask(request()).body == b"".join(pieces)
