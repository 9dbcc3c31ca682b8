"""The events of `GET /_emulator/events`: the newest ones, then, if asked, what comes, a JSON document a line."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from emulator.events.eventbridge import Event, Wanted, later, newest
from emulator.events.journal import last_sequence
from emulator.store.database import Database

DEFAULT_COUNT: Final = 100
MAX_COUNT: Final = 10_000
_LOOK_EVERY_S: Final = 0.5


class BadQuestion(ValueError):
    """Why the question is none, for the user."""


def event_lines(database: Database, asked: Mapping[str, str]) -> Iterator[bytes]:
    """`asked`: `of`, `type`, `count` (the newest so many, 100), `follow` (`1`). Raises BadQuestion, before a line."""
    count = asked.get("count", str(DEFAULT_COUNT))
    if not count.isascii() or not count.isdigit() or int(count) > MAX_COUNT:
        raise BadQuestion(f"count is a number from 0 to {MAX_COUNT}")
    wanted = Wanted(asked.get("of", ""), asked.get("type", ""))
    return _lines(database, wanted, int(count), follow=asked.get("follow") == "1")


def _lines(database: Database, wanted: Wanted, count: int, *, follow: bool) -> Iterator[bytes]:
    with database.read() as reader:
        sequence = last_sequence(reader)
        found = newest(reader, wanted, count)
    yield _written(found)
    pause = threading.Event()
    while follow:
        pause.wait(_LOOK_EVERY_S)
        with database.read() as reader:
            found = later(reader, wanted, sequence)
        sequence = found[-1].sequence if found else sequence
        yield _written(found)


def _written(events: list[Event]) -> bytes:
    return b"".join(msgspec.json.encode(event.whole) + b"\n" for event in events)
