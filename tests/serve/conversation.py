"""A client that says exactly the bytes it is told to, and small applications to say them to."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DEADLINE_S = 60.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection. Every wait has a deadline: a server that hangs fails the test with TimeoutError."""

    def __init__(self, address: tuple[str, int] | str, tls: ssl.SSLContext | None = None) -> None:
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(DEADLINE_S)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout=DEADLINE_S)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self._received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def say(self, data: bytes) -> Client:
        self.sock.sendall(data)
        return self

    def ask(self, data: bytes, head: bool = False) -> Reply:
        return self.say(data).hear(head)

    def hear(self, head: bool = False) -> Reply:
        """The next response. `head`: it answers a HEAD request, so it has no body."""
        lines = self.hear_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        for line in lines[1:-2]:
            name, value = line.split(": ", 1)
            assert name.lower() not in headers or name.lower() == "set-cookie"
            headers[name.lower()] = value
        code = int(status)
        if head or code in (204, 304) or code < 200:
            return Reply(code, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Reply(code, headers, b"".join(self._chunks()))
        if "content-length" in headers:
            return Reply(code, headers, self.hear_bytes(int(headers["content-length"])))
        return Reply(code, headers, self.hear_end())

    def _chunks(self) -> Iterable[bytes]:
        while True:
            yield (piece := self.hear_chunk())
            if not piece:
                return

    def hear_chunk(self) -> bytes:
        size = int(self.hear_until(b"\r\n"), 16)
        piece = self.hear_bytes(size)
        assert self.hear_bytes(2) == b"\r\n"
        return piece

    def hear_until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            self._more()
        end = self._received.index(mark) + len(mark)
        found, self._received = self._received[:end], self._received[end:]
        return found

    def hear_bytes(self, size: int) -> bytes:
        pieces = [self._received]
        have = len(self._received)
        while have < size:
            self._received = b""
            self._more()
            pieces.append(self._received)
            have += len(self._received)
        whole = b"".join(pieces)
        found, self._received = whole[:size], whole[size:]
        return found

    def hear_end(self) -> bytes:
        """Everything until the server closes. A reset is a close, too."""
        pieces = [self._received]
        self._received = b""
        try:
            while piece := self.sock.recv(1 << 16):
                pieces.append(piece)
        except ConnectionError:
            pass
        return b"".join(pieces)

    def _more(self) -> None:
        piece = self.sock.recv(1 << 18)
        if not piece:
            raise EOFError(f"the server closed after {self._received!r}")
        self._received += piece


def request(
    target: str = "/", method: str = "GET", body: bytes | None = None, version: str = "1.1", **headers: str
) -> bytes:
    """A request with a Host header; keyword `content_type` becomes `Content-Type`."""
    lines = [f"{method} {target} HTTP/{version}", "Host: test"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers what it saw, as JSON: the plain strings of environ, and the body's length and digest."""
    body = environ["wsgi.input"].read()
    seen = {key: value for key, value in environ.items() if isinstance(value, str | bool)}
    seen["body"] = body.decode("latin-1") if len(body) <= 1000 else len(body)
    seen["sha256"] = hashlib.sha256(body).hexdigest()
    return answer(start_response, json.dumps(seen).encode())


def answer(start_response: Any, body: bytes, status: str = "200 OK") -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
