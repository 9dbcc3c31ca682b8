"""Asks a running emulator at its admin paths, for the verbs of `homeport`; prints what came as tables.

Knows HTTP and columns, not what is asked.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

_HERE = ("localhost", "127.0.0.1")


class Unreachable(Exception):
    """No emulator answers, or it refused; the text says so."""


def get(asked: argparse.Namespace, path: str) -> Any:
    with open_answer(asked, path) as answer:
        return _read(asked, answer)


def call(asked: argparse.Namespace, path: str, body: dict[str, Any]) -> Any:
    with open_answer(asked, path, json.dumps(body).encode()) as answer:
        return _read(asked, answer)


def delete(asked: argparse.Namespace, path: str) -> Any:
    with open_answer(asked, path, method="DELETE") as answer:
        return _read(asked, answer)


def _read(asked: argparse.Namespace, answer: Any) -> Any:
    try:
        return json.load(answer)
    except ValueError as error:
        raise Unreachable(_stranger(asked, "not in JSON")) from error


def _stranger(asked: argparse.Namespace, how: object) -> str:
    return (
        f"what answers at {asked.endpoint} ({how}) is no Homeport: --endpoint or AWS_ENDPOINT_URL say where it is, "
        "by default http://localhost:4566"
    )


def query(**members: object) -> str:
    from urllib.parse import urlencode

    return urlencode(members)


def open_answer(asked: argparse.Namespace, path: str, body: bytes | None = None, method: str | None = None) -> Any:
    """The answer as a file. Raises Unreachable."""
    # Only those who ask pay for the import; `up` answers sooner without it.
    import urllib.error
    import urllib.request
    from http.client import HTTPException
    from urllib.parse import urlsplit

    if not urlsplit(asked.endpoint).hostname or not asked.endpoint.startswith(("http://", "https://")):
        raise Unreachable(
            f"--endpoint, or AWS_ENDPOINT_URL, is an address like http://localhost:4566, not {asked.endpoint!r}"
        )
    request = urllib.request.Request(f"{asked.endpoint.rstrip('/')}/_emulator/{path}", data=body, method=method)
    request.add_header("Content-Type", "application/json")
    # A proxy of the machine's does not know what is served on this host.
    direct = [urllib.request.ProxyHandler({})] if request.host.partition(":")[0] in _HERE else []
    try:
        return urllib.request.build_opener(*direct).open(request)
    except urllib.error.HTTPError as error:
        try:
            text = json.load(error)["error"]
        except (ValueError, KeyError, TypeError):
            told = f"{error.code} {error.reason}"
            text = f"the emulator failed ({told}); its log says why" if error.code >= 500 else _stranger(asked, told)
        raise Unreachable(text) from error
    except (urllib.error.URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(f"no emulator answers at {asked.endpoint}: {reason}; `homeport up` starts one") from error


def when(at: float) -> str:
    """Epoch seconds as people read them: 2026-01-31T12:00:00.000Z."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def table(head: str, rows: list[list[Any]]) -> None:
    """Prints rows under a head whose columns two blanks separate; nothing without rows."""
    lines = [head.split("  "), *([str(cell) for cell in row] for row in rows)]
    if not rows:
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print()
