"""A request and an answer as plain values; which server carried them is not known here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class HttpRequest:
    """`header` looks a name up without regard to case; `read_body(limit)` gives at most limit + 1 bytes."""

    method: str
    path: str
    query: str
    header: Callable[[str], str | None]
    read_body: Callable[[int], bytes]
    remote_address: str = ""
    task_id: str | None = None  # set when it came through a task's relay


@dataclass(slots=True)
class HttpResponse:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
