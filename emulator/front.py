"""The front door: every request of every listener comes in here and is shown to its room. A WSGI application.

`/v2/` is the registry, `/_emulator/` admin, everything else an AWS API. Behind a task's relay (169.254.170.2) `/v1/`
to `/v4/` and `/api/` are ECS's own paths, never the registry's (D6), and `/dns-query` is the name server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from emulator.guard import Guard
from emulator.serve import ClientGone, MalformedBody
from emulator.wire.errors import SerializationException
from emulator.wire.gateway import Gateway
from emulator.wire.request import HttpRequest

StartResponse = Callable[..., Any]
Environ = dict[str, Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_TASK_PATHS = ("/v1/", "/v2/", "/v3/", "/v4/", "/api/")
_NAMES = "/dns-query"


# One room at a time: two that import the same library for the first time at once may find it half imported.
_putting_up = threading.Lock()


class Lazily:
    """A room that is put up when somebody first comes to it."""

    def __init__(self, make: Callable[[], Wsgi]) -> None:
        self._make = make
        self._room: Wsgi | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        room = self._room
        if room is None:
            with _putting_up:
                room = self._room = self._room or self._make()
        return room(environ, start_response)


class Front:
    """`is_relay` tells whether a request came through a task's relay."""

    def __init__(
        self,
        guard: Guard,
        gateway: Gateway,
        registry: Wsgi,
        admin: Wsgi,
        task_endpoints: Wsgi,
        data_channel: Wsgi,
        names: Wsgi,
        is_relay: Callable[[Environ], bool],
    ) -> None:
        self._guard = guard
        self._gateway = gateway
        self._registry = registry
        self._admin = admin
        self._task_endpoints = task_endpoints
        self._data_channel = data_channel
        self._names = names
        self._is_relay = is_relay

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        refusal = self._guard.refusal(environ)
        if refusal is not None:
            return plain(start_response, 403, refusal)
        if not environ.get("QUERY_STRING", "").isascii():
            environ["QUERY_STRING"] = _escaped(environ["QUERY_STRING"])
        path = environ.get("PATH_INFO", "/")
        if self._is_relay(environ):
            if path.startswith(_TASK_PATHS):
                return self._task_endpoints(environ, start_response)
            if path == _NAMES:
                return self._names(environ, start_response)
            return self._api(environ, start_response)
        if (environ.get("HTTP_AUTHORIZATION") or "").startswith("AWS4-HMAC-SHA256"):
            return self._api(environ, start_response)  # some APIs that are not here have paths like the registry's
        if path.startswith("/v2/") or path in ("/v2", "/token", "/token/"):
            return self._registry(environ, start_response)
        if path.startswith("/v1/data-channel/"):
            return self._data_channel(environ, start_response)
        if path.startswith("/_emulator/"):
            return self._admin(environ, start_response)
        return self._api(environ, start_response)

    def _api(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self._gateway.handle(read_request(environ))
        headers = [*response.headers, ("Content-Length", str(len(response.body)))]
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
        return [response.body]


def read_request(environ: Environ) -> HttpRequest:
    """What the gateway needs of a WSGI request."""

    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            return environ.get(key) or None
        value: str | None = environ.get(f"HTTP_{key}")
        return value

    def read_body(limit: int) -> bytes:
        length = environ.get("CONTENT_LENGTH")
        wanted = limit + 1 if not length else min(int(length), limit + 1)
        try:
            body: bytes = environ["wsgi.input"].read(wanted) if wanted else b""
        except (ClientGone, MalformedBody) as error:
            # The caller's fault, and no failure of ours to be logged; the server closes the connection.
            raise SerializationException(f"The body did not come to its end: {error}") from error
        return body

    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "/"),
        query=environ.get("QUERY_STRING", ""),
        header=header,
        read_body=read_body,
        remote_address=environ.get("REMOTE_ADDR", ""),
    )


def _escaped(query: str) -> str:
    """Bytes that a URI may not have, escaped: not every library reads them as they came (as Latin-1, says WSGI)."""
    return "".join(c if c.isascii() else f"%{ord(c):02X}" for c in query)


def plain(start_response: StartResponse, status: int, text: str) -> Iterable[bytes]:
    """A short text."""
    return _answer(start_response, status, "text/plain; charset=utf-8", text.encode() + b"\n")


def _answer(start_response: StartResponse, status: int, kind: str, body: bytes) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]
