"""One request to the Docker API whose answer is read from the socket: attach, logs, events, pulls, exec.

Knows HTTP as far as that needs, nothing of what the streams carry. Requests are HTTP/1.0, so that an answer ends with
its connection and is never chunked; what takes the connection over (attach, exec) is HTTP/1.1 with an Upgrade.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from emulator.clock import monotonic
from emulator.engine.base import EngineNotResponding, EngineUnavailable
from emulator.engine.docker.calls import ApiRefusal, EngineAddress

_MOST_HEAD_BYTES = 65536


class Deadline:
    """Counts down from `seconds`; `None` never ends."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._end = None if seconds is None else monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, for a socket's timeout; EngineNotResponding when there are none."""
        if self._end is None:
            return None
        left = self._end - monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> EngineNotResponding:
        return EngineNotResponding(f"the engine did not finish within {self._seconds:g} s")


class DockerStream:
    """An answered request. `read` gives what arrives, first of all what came along with the head."""

    def __init__(self, sock: socket.socket, first: bytes) -> None:
        self.socket = sock
        self._first = first

    def read(self, deadline: Deadline) -> bytes:
        """The next bytes; b"" at the end. EngineNotResponding past the deadline."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return _receive(self.socket, deadline)

    def take_first(self) -> bytes:
        """What arrived with the head, for a reader that goes on with the socket itself."""
        first, self._first = self._first, b""
        return first

    def json_lines(self, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """The JSON objects of a progress or event stream."""
        rest = b""
        while data := self.read(deadline):
            *lines, rest = (rest + data).split(b"\n")
            yield from (json.loads(line) for line in lines if line.strip())
        if rest.strip():
            yield json.loads(rest)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> DockerStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_stream(
    address: EngineAddress,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
    takes_over: bool = False,
    deadline: Deadline,
) -> DockerStream:
    """Sends the request and reads the answer's head.

    `path` begins with the API version; `body` is sent as JSON; `takes_over` asks for the bare connection. Raises
    ApiRefusal with the engine's text, EngineUnavailable without an engine, EngineNotResponding past the deadline.
    """
    sock = _connect(address, deadline)
    try:
        sock.settimeout(deadline.remaining())
        sock.sendall(_request(method, path, query or {}, headers or {}, body, takes_over))
        status, first = _read_head(sock, deadline)
        if status >= 400:
            raise _refusal(status, first, sock, deadline)
    except TimeoutError:
        sock.close()
        raise deadline.missed() from None
    except OSError as error:
        sock.close()
        raise EngineUnavailable(f"no engine answers: {error}") from error
    except BaseException:
        sock.close()
        raise
    return DockerStream(sock, first)


def send_get(address: EngineAddress, path: str, query: Mapping[str, str], deadline: Deadline) -> socket.socket:
    """Sends a request and leaves the whole answer, its head too, to who reads the connection. Raises as above."""
    sock = _connect(address, deadline)
    try:
        sock.settimeout(deadline.remaining())
        sock.sendall(_request("GET", path, query, {}, None, False))
    except TimeoutError:
        sock.close()
        raise deadline.missed() from None
    except OSError as error:
        sock.close()
        raise EngineUnavailable(f"no engine answers: {error}") from error
    return sock


def _connect(address: EngineAddress, deadline: Deadline) -> socket.socket:
    try:
        if not address.unix_path:
            return socket.create_connection((address.host, address.port), timeout=deadline.remaining())
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.remaining())
            sock.connect(address.unix_path)
        except BaseException:
            sock.close()
            raise
        return sock
    except TimeoutError:
        raise deadline.missed() from None
    except OSError as error:
        raise EngineUnavailable(f"no engine answers at {address.url}: {error.strerror or error}") from error


def _request(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: object, takes_over: bool
) -> bytes:
    target = f"{path}?{urlencode(query)}" if query else path
    payload = b"" if body is None else json.dumps(body).encode()
    head = {"Host": "docker", "User-Agent": "homeport", "Content-Length": str(len(payload)), **headers}
    if body is not None:
        head["Content-Type"] = "application/json"
    if takes_over:
        head.update({"Connection": "Upgrade", "Upgrade": "tcp"})
    lines = [f"{method} {target} HTTP/1.{1 if takes_over else 0}", *(f"{k}: {v}" for k, v in head.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def _read_head(sock: socket.socket, deadline: Deadline) -> tuple[int, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        data = _receive(sock, deadline)
        if not data or len(received) > _MOST_HEAD_BYTES:
            raise EngineUnavailable("the engine closed the connection without an answer")
        received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[1].isdigit():
        raise EngineUnavailable(f"not a Docker engine: it answered {head[:40]!r}")
    return int(words[1]), rest


def _refusal(status: int, body: bytes, sock: socket.socket, deadline: Deadline) -> ApiRefusal:
    while True:
        try:  # the body is short; it is whole when it parses, whichever way its length is told
            return ApiRefusal(str(json.loads(body[body.find(b"{") : body.rfind(b"}") + 1])["message"]), status)
        except (ValueError, KeyError):
            data = _receive(sock, deadline)
            if not data:
                return ApiRefusal(body.decode(errors="replace").strip(), status)
            body += data


def _receive(sock: socket.socket, deadline: Deadline) -> bytes:
    sock.settimeout(deadline.remaining())
    try:
        return sock.recv(262144)
    except TimeoutError:
        raise deadline.missed() from None
    except OSError as error:
        raise EngineUnavailable(f"the connection to the engine broke: {error}") from error
