"""One client's socket: bytes in, bytes out, under deadlines.

Decides how bytes are moved cheaply and tells a client that left or stalls from every other error.
Must not know HTTP.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import struct

from emulator.clock import monotonic
from emulator.serving.files import FileSlice

RECEIVE_BYTES = 16 * 1024
"""One receive while waiting for a request head; also what a small read of a body asks for."""

_JOIN_BYTES = 32 * 1024  # below this, copying two pieces into one costs less than a vectored send
_SENDFILE_BYTES = 1 << 30
_DISCARD_BYTES = 64 * 1024
_NO_TIMEOUT = struct.pack("ll", 0, 0)
_LEFT = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class ClientGone(ConnectionError):
    """The client closed, reset, or never finished its handshake. No fault of ours, so never logged."""


class ClientTooSlow(ClientGone):
    """The client neither sent nor took a byte before the deadline."""


class Channel:
    """A connected socket plus the bytes already received from it (`pending`).

    Deadlines of plain sockets are the kernel's (SO_RCVTIMEO): Python's own cost a poll for every call,
    and would make os.sendfile fail instead of wait.
    """

    __slots__ = ("_timeout_s", "pending", "secure", "sock")

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self.sock = sock
        self.pending = b""
        self.secure = isinstance(sock, ssl.SSLSocket)
        self._timeout_s = -1.0
        self.set_timeout(timeout_s)
        if not self.secure:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout_s))

    def set_timeout(self, seconds: float) -> None:
        """How long one receive may wait; on TLS one send too."""
        if seconds == self._timeout_s:
            return
        self._timeout_s = seconds
        if self.secure:
            self.sock.settimeout(max(seconds, 0.001))
        else:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))

    def receive(self, size: int = RECEIVE_BYTES) -> bytes:
        """At most `size` bytes, as soon as there are any; b"" at the end of the stream."""
        try:
            return self.sock.recv(size)
        except OSError as error:
            raise _gone(error) from error

    def receive_into(self, view: memoryview) -> int:
        try:
            return self.sock.recv_into(view)
        except OSError as error:
            raise _gone(error) from error

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise _gone(error) from error

    def send_pair(self, head: bytes, data: bytes) -> None:
        """Both in one system call, unless the client is slower than the socket's buffer."""
        try:
            if len(data) <= _JOIN_BYTES:
                self.sock.sendall(b"".join((head, data)))
            elif self.secure:
                self.sock.sendall(head)
                self.sock.sendall(data)
            else:
                sent = self.sock.sendmsg((head, data)) - len(head)
                if sent < 0:
                    self.sock.sendall(head[sent:])
                    sent = 0
                if sent < len(data):
                    self.sock.sendall(memoryview(data)[sent:])
        except OSError as error:
            raise _gone(error) from error

    def send_file(self, head: bytes, part: FileSlice) -> int:
        """Head and part of a file, by sendfile on a plain socket. Returns how many bytes the file gave.

        Raises ClientGone, or the OSError of a file that cannot be read.
        """
        if part.length == 0:
            self.send(head)
            return 0
        if self.secure:
            return self._send_file_pieces(head, part)
        try:
            self.sock.sendall(head, socket.MSG_MORE)
        except OSError as error:
            raise _gone(error) from error
        return self._sendfile(part)

    def _sendfile(self, part: FileSlice) -> int:
        out, source = self.sock.fileno(), part.fileobj.fileno()
        sent = 0
        while sent < part.length:
            try:
                moved = os.sendfile(out, source, part.offset + sent, min(part.length - sent, _SENDFILE_BYTES))
            except (ConnectionError, BlockingIOError) as error:
                raise _gone(error) from error
            if moved == 0:
                break
            sent += moved
        return sent

    def _send_file_pieces(self, head: bytes, part: FileSlice) -> int:
        sent = 0
        for piece in part:
            if sent == 0:
                self.send_pair(head, piece)
            else:
                self.send(piece)
            sent += len(piece)
        if sent == 0:
            self.send(head)
        return sent

    def is_left(self) -> bool:
        """Whether the client will send nothing more, or we were woken: nobody waits for a stream that has paused."""
        ready = select.poll()
        ready.register(self.sock.fileno(), _LEFT)
        return bool(ready.poll(0))

    def release(self) -> socket.socket:
        """Give the socket away, blocking and without deadlines."""
        self.sock.settimeout(None)
        if not self.secure:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.sock.setsockopt(socket.SOL_SOCKET, option, _NO_TIMEOUT)
        return self.sock

    def wake(self) -> None:
        """From another thread: nothing more will be received, an answer may still go out."""
        self._shutdown(socket.SHUT_RD)

    def abort(self) -> None:
        """From another thread: every waiting send and receive fails now."""
        self._shutdown(socket.SHUT_RDWR)

    def _shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown: that one drops the encryption under the feet of the serving thread.
            socket.socket.shutdown(self.sock, how)

    def close(self, linger_s: float = 0.0) -> None:
        """Close. With `linger_s` the client's remaining bytes are taken in for that long at most.

        Closing with bytes unread makes the kernel send a reset, which can destroy the answer on its way.
        """
        try:
            self._say_goodbye()
            if linger_s > 0:
                self._discard(monotonic() + linger_s)
        except OSError:
            pass
        finally:
            self.sock.close()

    def _say_goodbye(self) -> None:
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.settimeout(0)
            with contextlib.suppress(OSError, ValueError):
                self.sock.unwrap()  # sends close_notify, then would wait for the client's
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def _discard(self, deadline: float) -> None:
        raw = self.sock.fileno()
        ready = select.poll()
        ready.register(raw, select.POLLIN)
        scratch = bytearray(_DISCARD_BYTES)
        while (left := deadline - monotonic()) > 0 and ready.poll(left * 1000):
            if not os.readv(raw, [scratch]):
                return


def _timeval(seconds: float) -> bytes:
    """struct timeval; zero would mean "for ever", so at least a millisecond."""
    microseconds = max(int(seconds * 1_000_000), 1000)
    return struct.pack("ll", *divmod(microseconds, 1_000_000))


def _gone(error: OSError) -> ClientGone:
    if isinstance(error, BlockingIOError | TimeoutError):
        return ClientTooSlow("the client stalled")
    return ClientGone(str(error))
