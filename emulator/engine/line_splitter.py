"""How a container's output becomes lines: at newlines, and no longer than an awslogs event. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from emulator.engine.base import OutputLine

MOST_LINE_BYTES = 262_144 - 26
"""What the awslogs driver puts in one event at most; CloudWatch counts 26 bytes for the event itself."""

StreamName = Literal["stdout", "stderr"]


class LineSplitter:
    """Cuts one stream into lines. A line's time is that of its first byte."""

    def __init__(self, stream: StreamName, most_bytes: int = MOST_LINE_BYTES) -> None:
        self._stream: StreamName = stream
        self._most = most_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._begun = 0.0

    def feed(self, data: bytes, at: float) -> Iterator[OutputLine]:
        """The lines that `data` completes."""
        first, *others = data.split(b"\n")
        for following in others:
            yield from self._add(first, at)
            yield self._take()
            first = following
        if first:
            yield from self._add(first, at)

    def end(self) -> Iterator[OutputLine]:
        """The unfinished last line, if there is one."""
        if self._size:
            yield self._take()

    def _add(self, data: bytes, at: float) -> Iterator[OutputLine]:
        if not self._size:
            self._begun = at
        self._parts.append(data)
        self._size += len(data)
        if self._size <= self._most:
            return
        whole = b"".join(self._parts)
        while len(whole) > self._most:
            cut = character_boundary(whole, self._most)
            yield OutputLine(self._stream, whole[:cut], self._begun)
            whole = whole[cut:]
        self._parts, self._size = [whole], len(whole)

    def _take(self) -> OutputLine:
        line = OutputLine(self._stream, b"".join(self._parts), self._begun)
        self._parts, self._size = [], 0
        return line


def character_boundary(data: bytes, limit: int) -> int:
    """The last place at or before `limit` that does not cut a UTF-8 character; `limit` in what is not UTF-8."""
    for cut in range(limit, max(limit - 4, 0), -1):
        if data[cut] & 0xC0 != 0x80:
            return cut
    return limit
