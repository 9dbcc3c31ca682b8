"""One client connection, from its first byte to its close.

Decides the order of things: TLS or not, head, body, application, answer, again. Must not know how a listener
accepts nor what the application does.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIApplication

from emulator.clock import monotonic
from emulator.serving.answer import DRAIN_BYTES, Answer
from emulator.serving.body import ChunkedBody, LengthBody, RequestBody
from emulator.serving.channel import Channel, ClientGone, ClientTooSlow
from emulator.serving.files import FileWrapper
from emulator.serving.head import RequestHead
from emulator.serving.listeners import Door
from emulator.serving.refusal import Refusal

log = logging.getLogger(__name__)

_TLS_HANDSHAKE = b"\x16"  # the first byte of every TLS connection; no HTTP method begins with it
_EAGER_BYTES = 64 * 1024  # smaller bodies are received before the application is called
_LINGER_S = 2.0
_DRAIN_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds: between requests (and between two pieces of a body, in or out),
    for a request head from its first byte to its last, for a TLS handshake."""

    idle_s: float = 75.0
    head_s: float = 30.0
    handshake_s: float = 10.0


class Connection:
    """Serves one accepted socket in the calling thread. `idle`: no request of it is with the application."""

    def __init__(
        self,
        sock: socket.socket,
        door: Door,
        app: WSGIApplication,
        patience: Patience,
        date: Callable[[], str],
    ) -> None:
        self.idle = True
        self.idle_since = monotonic()
        self.door = door
        self._app = app
        self._patience = patience
        self._date = date
        self._linger_s = 0.0
        self._hijacked = False
        self._base: dict[str, Any] = {}
        self._channel = Channel(sock, patience.idle_s)

    def run(self) -> None:
        """Until the client leaves, asks to close, breaks the protocol, or the door closes."""
        try:
            if self.door.listener.tls is None or self._choose_transport(self.door.listener.tls):
                self._base = self._connection_environ()
                while self.door.open and self._serve_one():
                    self.idle_since = monotonic()
                    self.idle = True
        except ClientGone:
            pass
        except Refusal as refusal:
            self._refuse(refusal)
        finally:
            self.idle = False
            if not self._hijacked:
                self._channel.close(self._linger_s if self.door.open else 0.0)

    def wake(self) -> None:
        """From another thread: take no further request."""
        self._channel.wake()

    def abort(self) -> None:
        """From another thread: end now, whatever is going on."""
        self._channel.abort()

    def hijack(self) -> tuple[socket.socket, bytes]:
        """`environ["homeport.hijack"]`: the socket, blocking, and the bytes already received from it.

        The caller owns and closes it; what the application returns for this request is not sent.
        """
        self._hijacked = True
        received, self._channel.pending = self._channel.pending, b""
        return self._channel.release(), received

    def _choose_transport(self, tls: ssl.SSLContext) -> bool:
        """TLS and plain HTTP share the port: the first byte tells. False: the handshake failed."""
        raw = self._channel.sock
        self._channel.set_timeout(self._patience.head_s)
        try:
            first = raw.recv(1, socket.MSG_PEEK)
            if first != _TLS_HANDSHAKE:
                self._channel.set_timeout(self._patience.idle_s)
                return bool(first)
            raw.settimeout(self._patience.handshake_s)
            secured = tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            return False
        self._channel = Channel(secured, self._patience.handshake_s)
        try:
            secured.do_handshake()
        except OSError as error:
            log.debug("TLS handshake on %s: %s", self.door.listener, error)
            return False
        self._channel.set_timeout(self._patience.idle_s)
        return True

    def _connection_environ(self) -> dict[str, Any]:
        """What every request of this connection shares."""
        sock, listener = self._channel.sock, self.door.listener
        environ: dict[str, Any] = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "homeport",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "",
            "REMOTE_PORT": "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self._channel.secure else "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
            "homeport.listener": listener,
            "homeport.socket": sock,
            "homeport.hijack": self.hijack,
        }
        if listener.unix_path is None:
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                here, there = sock.getsockname(), sock.getpeername()
            except OSError as error:
                raise ClientGone(str(error)) from error
            environ |= {
                "SERVER_NAME": here[0],
                "SERVER_PORT": str(here[1]),
                "REMOTE_ADDR": there[0],
                "REMOTE_PORT": str(there[1]),
            }
        return environ

    def _serve_one(self) -> bool:
        """One request and its answer. False: the connection ends."""
        head = self._read_head()
        if head is None:
            return False
        self.idle = False
        body, environ = self._open_body(head), head.environ
        answer = Answer(
            self._channel,
            body,
            head.method,
            head.version_1_1,
            head.keep_alive,
            self.door,
            self._date,
        )
        try:
            result = self._app(environ, answer.start)
            try:
                if not self._hijacked:
                    answer.deliver(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except ClientGone:
            return self._fail(answer, body)
        except Refusal as refusal:
            return self._fail(answer, body, refusal, head.method)
        except Exception:
            log.exception("%s %s failed", head.method, environ["REQUEST_URI"])
            internal = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the application raised")
            return self._fail(answer, body, internal, head.method)
        return not self._hijacked and self._may_go_on(answer, body)

    def _may_go_on(self, answer: Answer, body: RequestBody | None) -> bool:
        if body is None:
            return answer.keep_alive
        if not answer.keep_alive:
            self._linger_s = 0.0 if body.ended() else _LINGER_S
            return False
        if body.ended():
            return True
        self._channel.set_timeout(_DRAIN_TIMEOUT_S)
        drained = body.drain(DRAIN_BYTES)
        self._channel.set_timeout(self._patience.idle_s)
        self._linger_s = 0.0 if drained else _LINGER_S
        return drained

    def _fail(
        self,
        answer: Answer,
        body: RequestBody | None,
        refusal: Refusal | None = None,
        method: str = "",
    ) -> bool:
        """The answer did not come to its end: say so if its head is still unsent, and end the connection."""
        failure = None if body is None else body.failure
        if isinstance(failure, ClientTooSlow):
            refusal = Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request body stalled")
        elif isinstance(failure, Refusal):
            refusal = failure
        if refusal is not None and not answer.head_sent and not self._hijacked:
            self._refuse(refusal, method)
        return False

    def _refuse(self, refusal: Refusal, method: str = "") -> None:
        log.debug("answered %d: %s", refusal.status, refusal)
        self._linger_s = _LINGER_S
        try:
            self._channel.send(refusal.answer(self._date(), with_body=method != "HEAD"))
        except ClientGone:
            self._linger_s = 0.0

    def _read_head(self) -> RequestHead | None:
        """The next request's head; None when the client has no other request."""
        channel = self._channel
        data = channel.pending or channel.receive()
        if not data:
            return None
        head = RequestHead(self._base)
        rest = head.feed(data)
        if rest is None:
            rest = self._read_rest(head)
            if rest is None:
                return None
        channel.pending = rest
        return head

    def _read_rest(self, head: RequestHead) -> bytes | None:
        """A head that did not come in one piece: the whole of it has one deadline, however it dribbles in."""
        deadline = monotonic() + self._patience.head_s
        try:
            while True:
                left = deadline - monotonic()
                if left <= 0:
                    raise ClientTooSlow
                self._channel.set_timeout(left)
                data = self._channel.receive()
                if not data:
                    return None
                rest = head.feed(data)
                if rest is not None:
                    self._channel.set_timeout(self._patience.idle_s)
                    return rest
        except ClientTooSlow:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request head stalled") from None

    def _open_body(self, head: RequestHead) -> RequestBody | None:
        """Set wsgi.input. None: the body is already whole in memory, nothing of it is left in the socket."""
        environ, channel = head.environ, self._channel
        if head.chunked:
            environ["wsgi.input"] = chunked = ChunkedBody(channel, head.expects_continue)
            return chunked
        length = head.length
        pending = channel.pending
        if length <= len(pending):
            environ["wsgi.input"] = io.BytesIO(pending[:length] if length else b"")
            if length:
                channel.pending = pending[length:]
            return None
        body = LengthBody(channel, length, head.expects_continue)
        if length > _EAGER_BYTES or head.expects_continue:
            environ["wsgi.input"] = body
            return body
        environ["wsgi.input"] = io.BytesIO(self._receive_whole(body, length))
        return None

    def _receive_whole(self, body: LengthBody, length: int) -> bytes:
        try:
            return body.read(length)
        except ClientTooSlow:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request body stalled") from None
