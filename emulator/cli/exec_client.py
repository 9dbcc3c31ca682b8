"""`homeport exec`: a command in a container of a task, for those without AWS's plugin.

The client side of the data channel: raw terminal, its size, the exit code; or, without a terminal, standard input in
and standard output and error out.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import termios
import tty
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, RejectConnection, Request, TextMessage

from emulator.clock import SystemClock
from emulator.domain import session_message as message
from emulator.domain.session_message import AgentMessage, Flags, PayloadType
from emulator.ids import Ids

_CHUNK: Final = 1024
_CONNECT_S: Final = 10.0


class Disconnected(Exception):
    """The emulator does not take the session; the text says so."""


class ExecClient:
    """One session to its end. `run` gives whether the channel was closed by the other side, as it should."""

    def __init__(self, endpoint: str, opened: dict[str, Any], *, interactive: bool) -> None:
        self._where = urlsplit(endpoint)
        self._opened = opened
        self._interactive = interactive
        self._websocket = WSConnection(ConnectionType.CLIENT)
        self._sequence = 0
        self._expected = 0
        self._early: dict[int, AgentMessage] = {}
        self._ready = False
        self._closed = False
        self._binary = b""
        self._input_open = True
        self._now = SystemClock().now
        self._ids = Ids()
        self._sock = self._connect()

    def run(self) -> bool:
        with _raw_terminal(self._interactive) as resized:
            self._greet()
            while not self._closed:
                inputs: list[Any] = [self._sock, resized]
                if self._ready and self._input_open:
                    inputs.append(sys.stdin)
                ready = select.select(inputs, [], [])[0]
                if resized in ready:
                    os.read(resized, 64)
                    self._send_size()
                if sys.stdin in ready:
                    self._send_input()
                if self._sock in ready and not self._receive():
                    return self._closed
        return True

    def _connect(self) -> socket.socket:
        host, port = self._where.hostname or "localhost", self._where.port or 80
        try:
            sock = socket.create_connection((host, port), timeout=_CONNECT_S)
        except OSError as error:
            raise Disconnected(f"no emulator answers at {host}:{port}: {error}") from error
        sock.settimeout(None)
        return sock

    def _greet(self) -> None:
        host = f"{self._where.hostname}:{self._where.port}"
        self._event(Request(host=host, target=self._opened["path"]))
        while not self._ready:
            if not self._receive():
                raise Disconnected("the emulator does not take the session")

    def _hello(self) -> None:
        hello = {
            "MessageSchemaVersion": "1.0",
            "RequestId": str(uuid.UUID(self._ids.uuid())),
            "TokenValue": self._opened["tokenValue"],
            "ClientId": "homeport",
            "ClientVersion": "1.0.0",
        }
        self._event(TextMessage(data=json.dumps(hello)))

    def _receive(self) -> bool:
        """Whether there will be more."""
        data = self._sock.recv(65536)
        if not data:
            return False
        self._websocket.receive_data(data)
        for event in self._websocket.events():
            match event:
                case AcceptConnection():
                    self._hello()
                case BytesMessage():
                    self._binary += event.data
                    if event.message_finished:
                        whole, self._binary = bytes(self._binary), b""
                        self._take(message.decode(whole))
                case Ping():
                    self._event(event.response())
                case CloseConnection() | RejectConnection():
                    return False
        return True

    def _take(self, told: AgentMessage) -> None:
        if told.message_type == message.CHANNEL_CLOSED:
            self._closed = True
        if told.message_type != message.OUTPUT:
            return
        self._send(message.ACKNOWLEDGE, 0, message.acknowledgement(told), flags=Flags.SYN | Flags.FIN)
        if told.sequence >= self._expected:
            self._early[told.sequence] = told
        while self._expected in self._early:
            self._show(self._early.pop(self._expected))
            self._expected += 1

    def _show(self, told: AgentMessage) -> None:
        match told.payload_type:
            case PayloadType.HANDSHAKE_REQUEST:
                done = {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}
                answer = {"ClientVersion": "1.0.0", "ProcessedClientActions": [done], "Errors": []}
                self._say(PayloadType.HANDSHAKE_RESPONSE, json.dumps(answer).encode())
            case PayloadType.HANDSHAKE_COMPLETE:
                self._ready = True
                if self._interactive:
                    self._send_size()
            case PayloadType.OUTPUT:
                _write(sys.stdout.fileno(), told.payload)
            case PayloadType.STDERR:
                _write(sys.stderr.fileno(), told.payload)

    def _send_size(self) -> None:
        size = os.get_terminal_size(sys.stdin.fileno())
        self._say(PayloadType.SIZE, json.dumps({"cols": size.columns, "rows": size.lines}).encode())

    def _send_input(self) -> None:
        data = os.read(sys.stdin.fileno(), _CHUNK)
        if data:
            self._say(PayloadType.OUTPUT, data)
        else:
            self._input_open = False
            self._say(PayloadType.OUTPUT, b"", Flags.FIN)

    def _say(self, kind: PayloadType, payload: bytes, flags: Flags = Flags.NONE) -> None:
        self._send(message.INPUT, self._sequence, payload, kind, flags)
        self._sequence += 1

    def _send(self, name: str, sequence: int, payload: bytes, kind: int = 0, flags: Flags = Flags.NONE) -> None:
        identity = uuid.UUID(self._ids.uuid())
        told = AgentMessage(name, sequence, payload, kind, flags, identity, int(self._now() * 1000))
        self._event(BytesMessage(data=told.encode()))

    def _event(self, event: Any) -> None:
        self._sock.sendall(self._websocket.send(event))


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def _raw_terminal(interactive: bool) -> Iterator[int]:
    """Keys go through as they are typed; the descriptor tells of every change of the terminal's size."""
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    before = termios.tcgetattr(sys.stdin) if interactive else None
    old_handler = signal.signal(signal.SIGWINCH, lambda *_: None)
    old_wakeup = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    try:
        if before is not None:
            tty.setraw(sys.stdin)
        yield heard
    finally:
        signal.set_wakeup_fd(old_wakeup)
        signal.signal(signal.SIGWINCH, old_handler)
        if before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        os.close(heard)
        os.close(tell)
