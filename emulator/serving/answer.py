"""One answer: what the application told `start_response`, framed as HTTP/1.1 and sent.

Decides the framing (Content-Length, chunked, until close), the headers that belong to the connection rather
than to the application, and whether the connection may be used again. Must not know how requests are read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from types import TracebackType

from emulator.serving.admission import Gate
from emulator.serving.body import RequestBody
from emulator.serving.channel import Channel, ClientGone
from emulator.serving.files import FileSlice, FileWrapper
from emulator.serving.refusal import Refusal

log = logging.getLogger(__name__)

DRAIN_BYTES = 1 << 20
"""How much of a request body that the application left unread is read over, to keep the connection."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

# The connection's own headers. What an application says about them is not passed on (PEP 3333 forbids it
# to say anything), except that `Connection: close` is a wish we can grant.
_OURS = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})
_WATCHED = _OURS | {"content-length", "date"}


class Answer:
    """The response to one request; `start` is its start_response."""

    __slots__ = (
        "_bodiless", "_body", "_channel", "_chunked", "_date", "_gate", "_headers", "_length", "_sent",
        "_status", "_version_1_1", "head_sent", "keep_alive",
    )  # fmt: skip

    def __init__(
        self,
        channel: Channel,
        body: RequestBody | None,
        method: str,
        version_1_1: bool,
        keep_alive: bool,
        gate: Gate,
        date: Callable[[], str],
    ) -> None:
        """`gate`: what the connection came through; once it is closed, no answer promises to keep it."""
        self._channel = channel
        self._body = body
        self._bodiless = method == "HEAD"
        self._version_1_1 = version_1_1
        self._gate = gate
        self._date = date
        self._status: str | None = None
        self._headers: list[tuple[str, str]] = []
        self._length: int | None = None
        self._chunked = False
        self._sent = 0
        self.head_sent = False
        self.keep_alive = keep_alive

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """PEP 3333's start_response. Returns its `write`."""
        if exc_info is not None:
            try:
                if self.head_sent and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._status is not None:
            raise AssertionError("start_response was called twice without exc_info")
        self._status = status
        self._headers = headers
        return self.write

    def deliver(self, result: Iterable[bytes]) -> None:
        """Send what the application returned. Raises ClientGone, Refusal, or whatever the iterable raises."""
        if isinstance(result, FileWrapper):
            result = result.as_slice() or result
        if isinstance(result, FileSlice):
            self._deliver_file(result)
            return
        whole = isinstance(result, list | tuple) and len(result) == 1
        for piece in result:
            if piece:
                self.write(piece, whole)
                if self._bodiless:
                    break
            elif self._channel.is_left():
                # An empty piece says "nothing yet" (PEP 3333): a stream that waits would else never learn of it.
                raise ClientGone("the client left a stream that had nothing to send")
        self._finish()

    def write(self, piece: bytes, whole: bool = False) -> None:
        """Send a piece of the body, with the head before the first. `whole`: there will be no other piece."""
        if not piece:
            return
        if self.head_sent:
            if not self._bodiless:
                self._channel.send(self._framed(piece))
            return
        head = self._head(len(piece) if whole else None)
        if self._bodiless:
            self._channel.send(head)
            return
        framed = self._framed(piece)
        self._channel.send_pair(head, framed)

    def _framed(self, piece: bytes) -> bytes:
        if self._chunked:
            return b"%x\r\n%b\r\n" % (len(piece), piece)
        self._sent += len(piece)
        if self._length is not None and self._sent > self._length:
            piece = piece[: len(piece) - (self._sent - self._length)]
        return piece

    def _finish(self) -> None:
        if not self.head_sent:
            self._channel.send(self._head(None if self._bodiless else 0))
        elif self._chunked:
            self._channel.send(b"0\r\n\r\n")
        self._check_length()

    def _check_length(self) -> None:
        if self._length is not None and self._sent != self._length and not self._bodiless:
            # Whatever follows on this connection would be taken for the missing bytes, or they for it.
            self.keep_alive = False
            log.error("the application promised %d bytes and gave %d", self._length, self._sent)

    def _deliver_file(self, part: FileSlice) -> None:
        part.fileobj.fileno()  # a closed file must be found before the head is sent
        head = self._head(part.length)
        if self._length != part.length and not self._bodiless:
            self.head_sent = False
            raise ValueError(f"Content-Length {self._length} for a file slice of {part.length} bytes")
        if self._bodiless:
            self._channel.send(head)
            return
        self._sent = self._channel.send_file(head, part)
        self._check_length()

    def _head(self, length: int | None) -> bytes:
        """The head to send. `length`: the body's in bytes, if known; the application's own goes first."""
        status = self._status
        if status is None:
            raise RuntimeError("the application returned without calling start_response")
        self._check_body_failure(status)
        lines = [f"HTTP/1.1 {status}"]
        dated = False
        for name, value in self._headers:
            lowered = name.lower()
            if lowered in _WATCHED:
                if lowered in _OURS:
                    if lowered == "connection" and value.lower() == "close":
                        self.keep_alive = False
                    continue
                if lowered == "date":
                    dated = True
                elif self._length is not None or not value.isdecimal():
                    raise ValueError(f"Content-Length {value!r} is not one number")
                else:
                    self._length = int(value)
                    if status[0] == "1" or status.startswith("204"):
                        continue
            lines.append(f"{name}: {value}")
        self._frame(status, length, lines)
        block = "\r\n".join(lines)
        breaks = len(lines) - 1
        if block.count("\n") != breaks or block.count("\r") != breaks or not status[:3].isdecimal():
            raise ValueError("a line break in a response header, or a status without a number")
        encoded = f"{block}\r\n{'' if dated else self._date()}\r\n".encode("latin-1")
        self.head_sent = True
        return encoded

    def _frame(self, status: str, length: int | None, lines: list[str]) -> None:
        """Choose how the client will know the body's end, and say whether the connection goes on."""
        if status[0] == "1" or status.startswith(("204", "304")):
            self._bodiless = True
        elif self._length is None:
            if length is not None:
                self._length = length
                lines.append(f"Content-Length: {length}")
            elif not self._bodiless:
                self._chunked = self._version_1_1
                if self._chunked:
                    lines.append("Transfer-Encoding: chunked")
                else:
                    self.keep_alive = False
        body = self._body
        if not self._gate.open or (body is not None and body.beyond_draining(DRAIN_BYTES)):
            self.keep_alive = False
        if not self.keep_alive:
            lines.append("Connection: close")
        elif not self._version_1_1:
            lines.append("Connection: keep-alive")

    def _check_body_failure(self, status: str) -> None:
        """When an application answers 500 because its request body failed, the fault is the client's."""
        failure = None if self._body is None else self._body.failure
        if failure is None:
            return
        self.keep_alive = False
        if isinstance(failure, ClientGone) or (isinstance(failure, Refusal) and status[0] == "5"):
            raise failure
