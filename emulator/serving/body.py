"""Request bodies: `wsgi.input` over the socket, for Content-Length and for chunked requests.

Decides where a body ends and refuses chunks that are not exactly RFC 9112's. `readinto` receives into the
caller's own buffer, so that a registry can take gigabytes without a copy. Must not know requests or answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.serving.channel import RECEIVE_BYTES, Channel, ClientGone
from emulator.serving.refusal import MalformedBody

_PIECE_BYTES = 256 * 1024
_SMALL_BYTES = 4096  # a smaller read than this goes through `pending`, or readline would cost a call per byte
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_SIZE_LINE_BEGUN = re.compile(rb"[0-9A-Fa-f]{1,15}(?:[ \t;\r].*)?", re.DOTALL)
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_LINE_LIMIT = 4096
_TRAILERS_LIMIT = 16 * 1024


class RequestBody:
    """What both framings share: the readers of PEP 3333, built on one `_receive`."""

    __slots__ = ("_channel", "_unread", "awaits_continue", "failure")

    def __init__(self, channel: Channel, awaits_continue: bool) -> None:
        self._channel = channel
        self._unread = b""  # decoded bytes that readline looked at and did not use
        self.awaits_continue = awaits_continue
        self.failure: Exception | None = None

    def _receive(self, view: memoryview) -> int:
        """At least one byte of the body into `view`, 0 at its end."""
        raise NotImplementedError

    def ended(self) -> bool:
        """The body has been received to its end."""
        raise NotImplementedError

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """As many bytes as are there, at least one, 0 at the end of the body.

        Raises ClientGone when the client leaves before the end, MalformedBody on bad chunks.
        """
        view = memoryview(buffer).cast("B")
        if not view:
            return 0
        if self._unread:
            size = min(len(view), len(self._unread))
            view[:size] = self._unread[:size]
            self._unread = self._unread[size:]
            return size
        if self.failure is not None:
            raise self.failure
        try:
            return self._receive(view)
        except (ClientGone, MalformedBody) as failure:
            self.failure = failure
            raise

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end of the body; all of it without a size."""
        left = -1 if size is None or size < 0 else size
        pieces: list[bytes] = []
        while left:
            piece = bytearray(_PIECE_BYTES if left < 0 else min(left, _PIECE_BYTES))
            got = self.readinto(piece)
            if not got:
                break
            pieces.append(bytes(memoryview(piece)[:got]))
            left = left - got if left > 0 else left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        limit = -1 if size is None or size < 0 else size
        line = b""
        piece = bytearray(1024)
        while limit < 0 or len(line) < limit:
            got = self.readinto(piece)
            if not got:
                break
            line += bytes(memoryview(piece)[:got])
            if b"\n" in line:
                break
        end = line.find(b"\n") + 1 or len(line)
        end = end if limit < 0 else min(end, limit)
        self._unread = line[end:] + self._unread
        return line[:end]

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        lines, total = [], 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def drain(self, limit: int) -> bool:
        """Read what the application left, at most `limit` bytes. True: the next request can follow."""
        if self.ended():
            return True
        if self.awaits_continue or self.failure is not None:
            return False
        scratch = bytearray(_PIECE_BYTES)
        try:
            while (got := self._receive(memoryview(scratch))) and limit >= 0:
                limit -= got
        except (ClientGone, MalformedBody):
            return False
        return self.ended()

    def beyond_draining(self, limit: int) -> bool:
        """Already known: more is unread than `drain(limit)` would take, so the connection will close."""
        return not self.ended() and (self.awaits_continue or self.failure is not None)

    def _ask(self) -> None:
        """The client waits for a word before it sends: `Expect: 100-continue`, answered on the first read."""
        if self.awaits_continue:
            self.awaits_continue = False
            if not self._channel.pending:
                self._channel.send(_CONTINUE)

    def _more(self, view: memoryview) -> int:
        """Receive into `view`, or into `pending` (returns 0) when the view is small."""
        self._ask()
        if len(view) < _SMALL_BYTES:
            self._channel.pending = received = self._channel.receive(RECEIVE_BYTES)
            if not received:
                raise ClientGone("the client left in the middle of a body")
            return 0
        got = self._channel.receive_into(view)
        if not got:
            raise ClientGone("the client left in the middle of a body")
        return got


class LengthBody(RequestBody):
    """A body of `Content-Length` bytes."""

    __slots__ = ("_left",)

    def __init__(self, channel: Channel, length: int, awaits_continue: bool = False) -> None:
        super().__init__(channel, awaits_continue)
        self._left = length

    def ended(self) -> bool:
        return self._left == 0

    def beyond_draining(self, limit: int) -> bool:
        return self._left > limit or super().beyond_draining(limit)

    def drain(self, limit: int) -> bool:
        return self._left <= limit and super().drain(limit)

    def _receive(self, view: memoryview) -> int:
        size = min(len(view), self._left)
        if not size:
            return 0
        if not self._channel.pending and (got := self._more(view[:size])):
            self._left -= got
            return got
        pending = self._channel.pending
        size = min(size, len(pending))
        view[:size] = memoryview(pending)[:size]
        self._channel.pending = pending[size:]
        self._left -= size
        return size


class ChunkedBody(RequestBody):
    """A body in chunks, decoded in place.

    One receive fills the caller's buffer with chunks and their framing; the framing is then closed up by
    moving the data down. So a body in 32 KiB chunks costs no more system calls than one without chunks.
    """

    __slots__ = ("_chunk_left", "_line", "_state", "_trailer_bytes")

    _SIZE, _DATA, _DATA_END, _TRAILERS, _DONE = range(5)

    def __init__(self, channel: Channel, awaits_continue: bool = False) -> None:
        super().__init__(channel, awaits_continue)
        self._state = self._SIZE
        self._chunk_left = 0
        self._line = b""
        self._trailer_bytes = 0

    def ended(self) -> bool:
        return self._state == self._DONE

    def _receive(self, view: memoryview) -> int:
        while self._state != self._DONE:
            if self._channel.pending:
                raw = memoryview(self._channel.pending)
                used, written = self._decode(raw, view)
                self._channel.pending = bytes(raw[used:])
            else:
                got = self._more(view)
                used, written = self._decode(view[:got], view)
                if used < got:
                    self._channel.pending = bytes(view[used:got])
            if written:
                return written
        return 0

    def _decode(self, raw: memoryview, out: memoryview) -> tuple[int, int]:
        """Body bytes of `raw` to the start of `out`, perhaps the same memory. Returns (used, written)."""
        used = written = 0
        while used < len(raw) and self._state != self._DONE:
            if self._state != self._DATA:
                used = self._take_line(raw, used)
                continue
            size = min(self._chunk_left, len(raw) - used, len(out) - written)
            if not size:
                break
            if used != written or raw.obj is not out.obj:
                out[written : written + size] = raw[used : used + size]
            used += size
            written += size
            self._chunk_left -= size
            if not self._chunk_left:
                self._state = self._DATA_END
        return used, written

    def _take_line(self, raw: memoryview, start: int) -> int:
        """Collect framing from `start`; returns where it went to."""
        piece = bytes(raw[start : start + 64])
        end = piece.find(b"\n") + 1
        self._line += piece[: end or len(piece)]
        if end:
            line, self._line = self._line, b""
            self._accept_line(line)
            return start + end
        self._check_begun(self._line)
        return start + len(piece)

    def _check_begun(self, line: bytes) -> None:
        """Junk is refused as soon as it shows, not when a line end arrives that may never come."""
        if self._state == self._SIZE and not _SIZE_LINE_BEGUN.fullmatch(line):
            raise MalformedBody("a chunk size is not hexadecimal")
        if (self._state == self._DATA_END and line != b"\r") or len(line) > _LINE_LIMIT:
            raise MalformedBody("a chunk is longer than its size, or its framing is too long")

    def _accept_line(self, line: bytes) -> None:
        text = line[:-2]
        if not line.endswith(b"\r\n"):
            raise MalformedBody("a line of the chunk framing does not end with CRLF")
        if self._state == self._SIZE:
            size = _SIZE_LINE.fullmatch(text)
            if size is None or len(text) > _LINE_LIMIT:
                raise MalformedBody("a chunk size is not hexadecimal")
            self._chunk_left = int(size[1], 16)
            self._state = self._DATA if self._chunk_left else self._TRAILERS
        elif self._state == self._DATA_END:
            if text:
                raise MalformedBody("a chunk is longer than its size")
            self._state = self._SIZE
        elif not text:
            self._state = self._DONE
        else:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > _TRAILERS_LIMIT or not _TRAILER_LINE.fullmatch(text):
                raise MalformedBody("the trailers are not header lines, or too long")
