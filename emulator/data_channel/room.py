"""The room of the data channel: takes a WebSocket, checks the token of its first message, hands on the rest.

Source: RFC 6455 by wsproto; the Session Manager plugin: the first message is JSON text with the token, all others are
binary.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, Protocol

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import ProtocolError

from emulator.domain.session_message import Malformed

PATH: Final = "/v1/data-channel/"
FIRST_MESSAGE_S: Final = 15.0
SEND_S: Final = 10.0
_TICK_S: Final = 0.25
_RECEIVE_BYTES: Final = 64 * 1024
_MOST_TEXT: Final = 16 * 1024

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Session(Protocol):
    """What the room needs of a session."""

    def attach(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> None: ...

    def detach(self, send: Callable[[bytes], None]) -> None: ...

    def receive(self, data: bytes) -> None: ...

    def resend(self) -> None: ...


class DataChannel:
    """`open_session` gives the session that an id and a token open."""

    def __init__(self, open_session: Callable[[str, str], Session | None]) -> None:
        self._open = open_session

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = [
            (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), str(value).encode("latin-1"))
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        if "websocket" not in str(environ.get("HTTP_UPGRADE", "")).lower() or "homeport.hijack" not in environ:
            text = b"a data channel is a WebSocket\n"
            start_response(_status(426), [("Upgrade", "websocket"), ("Content-Length", str(len(text)))])
            return [text]
        sock, received = environ["homeport.hijack"]()
        session_id = environ["PATH_INFO"].removeprefix(PATH)
        try:
            _Connection(sock, self._open, session_id).serve(headers, environ["PATH_INFO"], received)
        finally:
            sock.close()
        return []


class _Connection:
    """One WebSocket, read by the thread that brought it; anybody may send."""

    def __init__(
        self, sock: socket.socket, open_session: Callable[[str, str], Session | None], session_id: str
    ) -> None:
        self._sock = sock
        self._open = open_session
        self._session_id = session_id
        self._websocket = WSConnection(ConnectionType.SERVER)
        self._lock = threading.Lock()
        self._text = ""
        self._binary = b""
        self._session: Session | None = None

    def serve(self, headers: list[tuple[bytes, bytes]], path: str, received: bytes) -> None:
        self._sock.settimeout(FIRST_MESSAGE_S)
        try:
            self._websocket.initiate_upgrade_connection(headers, path)
            self._converse(received)
        except (OSError, ProtocolError, Malformed):
            pass  # the client left, or is none
        finally:
            if self._session is not None:
                self._session.detach(self.send)

    def send(self, data: bytes) -> None:
        self._event(BytesMessage(data=data))

    def hang_up(self) -> None:
        """From any thread: a proper close, then the end of the connection, which its reader notices."""
        try:
            self._event(CloseConnection(code=1000))
            self._sock.shutdown(socket.SHUT_RDWR)
        except (OSError, ProtocolError):
            pass  # it had ended

    def _converse(self, received: bytes) -> None:
        if not self._take():
            return
        data: bytes | None = received or self._receive()
        while data is not None:
            if data:
                self._websocket.receive_data(data)
                if not self._take():
                    return
            if self._session is not None:
                self._session.resend()
            data = self._receive()

    def _receive(self) -> bytes | None:
        """What arrived; b"" when it is time to look after what was sent; None at the end."""
        if self._session is not None:
            pending = getattr(self._sock, "pending", None)
            if not (pending and pending()) and not select.select([self._sock], [], [], _TICK_S)[0]:
                return b""
        data = self._sock.recv(_RECEIVE_BYTES)
        return data or None

    def _take(self) -> bool:
        """Whether the conversation goes on."""
        for event in self._websocket.events():
            match event:
                case Request():
                    self._event(AcceptConnection())
                case TextMessage():
                    self._text += event.data
                    if len(self._text) > _MOST_TEXT:
                        return self._refuse()
                    if event.message_finished and self._session is None and not self._greet():
                        return self._refuse()
                case BytesMessage():
                    self._binary += event.data
                    if self._session is None:
                        return self._refuse()
                    if event.message_finished:
                        data, self._binary = bytes(self._binary), b""
                        self._session.receive(data)
                case Ping():
                    self._event(event.response())
                case CloseConnection():
                    self._event(event.response())
                    return False
                case RejectConnection():
                    return False
        return True

    def _greet(self) -> bool:
        """The first message: `{"MessageSchemaVersion", "RequestId", "TokenValue", "ClientId", "ClientVersion"}`."""
        text, self._text = self._text, ""
        try:
            told = json.loads(text)
        except ValueError:
            return False
        token = told.get("TokenValue") if isinstance(told, dict) else None
        session = self._open(self._session_id, token) if isinstance(token, str) else None
        if session is None:
            return False
        self._session = session
        self._sock.settimeout(SEND_S)
        session.attach(self.send, self.hang_up)
        return True

    def _refuse(self) -> bool:
        self._event(CloseConnection(code=1008, reason="the token opens no session"))
        return False

    def _event(self, event: Any) -> None:
        """A client that takes nothing for a while is let go: half a frame may be out, and who sends has a lock."""
        with self._lock:
            try:
                self._sock.sendall(self._websocket.send(event))
            except OSError:
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
                raise


def _status(number: int) -> str:
    return f"{number} {HTTPStatus(number).phrase}"
