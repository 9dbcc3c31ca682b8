"""The room of the task endpoints: which handler a path belongs to, and how often a task may ask. A WSGI application.

Amazon ECS developer guide, "Task metadata endpoint throttling": 40 requests a second and bursts of 60 for each task.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from emulator.clock import Clock
from emulator.domain.tasks.task import Task
from emulator.domain.token_bucket import TokenBucket, take

_log = logging.getLogger("homeport.task_endpoints")

RATE: Final = 40.0
BURST: Final = 60.0
_TASKS_REMEMBERED: Final = 4096
_MOST_BYTES: Final = 64 * 1024

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `parts` are what the path's pattern named. `caller`: the id of the task it is from, if known."""

    method: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    caller: str | None = None

    def may_see(self, task: Task) -> bool:
        """A task sees nothing of another, even if it has come by the other's ids."""
        return self.caller is None or self.caller == task.id


@dataclass(frozen=True, slots=True)
class Told:
    """The answer, as JSON."""

    status: int
    body: Any


Handler = Callable[[Asked], Told]


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` is a regular expression for the whole path; its group `id` is the endpoint's or the credentials' id.

    `broken` is the body of a 500, when the handler fails by a bug of ours.
    """

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    broken: Any = "Homeport failed; its log has the details"


class TaskEndpoints:
    """`routes` are tried in order; a path that none knows is 404, a method that none knows 405."""

    def __init__(self, clock: Clock, caller: Callable[[Environ], str | None], routes: Sequence[Route]) -> None:
        self._clock = clock
        self._caller = caller
        self._routes = tuple(routes)
        self._throttle = Throttle()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        told = self._tell(environ)
        body = msgspec.json.encode(told.body)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{told.status} {HTTPStatus(told.status).phrase}", headers)
        return [body]

    def _tell(self, environ: Environ) -> Told:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        known = [(route, found) for route in self._routes if (found := route.pattern.fullmatch(path))]
        if not known:
            return Told(404, "404 page not found")
        for route, found in known:
            if route.method == method:
                parts = {name: value or "" for name, value in found.groupdict().items()}
                caller = self._caller(environ)
                whose = caller or parts.get("id", "").partition("-")[0]
                if not self._throttle.lets(whose, self._clock.now()):
                    return Told(429, "You have reached maximum request limit.")
                query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
                return self._handled(route, Asked(method, parts, query, _body(environ), caller))
        return Told(405, f"{method[:16]} is not allowed here")

    def _handled(self, route: Route, asked: Asked) -> Told:
        try:
            return route.handler(asked)
        except Exception:  # noqa: BLE001 - the last line of defence: a bug becomes a logged 500
            _log.exception("a task endpoint failed")
            return Told(500, route.broken)


def _body(environ: Environ) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(min(length, _MOST_BYTES)) if length else b""
    return body


class Throttle:
    """A bucket of tokens for each task; the least recently asked one is forgotten first."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._lock = threading.Lock()

    def lets(self, whose: str, now: float) -> bool:
        with self._lock:
            self._buckets[whose], allowed = take(self._buckets.pop(whose, None), now, rate=RATE, burst=BURST)
            while len(self._buckets) > _TASKS_REMEMBERED:
                self._buckets.popitem(last=False)
            return allowed
