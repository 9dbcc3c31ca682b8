"""A client of the data channel, written from the protocol's description and sharing no code with the server."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage

DEADLINE_S = 60.0


@dataclass
class Plugin:
    """`acknowledges` False lets every message be sent again."""

    sock: socket.socket
    path: str
    token: str
    acknowledges: bool = True
    handshakes: bool = True
    true_digests: bool = True
    output: bytes = b""
    errors: bytes = b""
    exit_code: int | None = None
    session_type: str = ""
    agent: str = ""
    closed: str | None = None
    hung_up: bool = False
    seen: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    complete: bool = False
    connected: bool = False
    listening: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._websocket = WSConnection(ConnectionType.CLIENT)
        self._changed = threading.Condition()
        self.listening.set()
        self._expected = 0
        self._next = 0
        self._binary = b""
        self._sending = threading.Lock()
        self._event(Request(host="localhost", target=self.path))
        threading.Thread(target=self._read, daemon=True).start()

    # -- what a person does

    def type(self, data: bytes, flags: int = 0) -> None:
        self.send_input(1, data, flags=flags)

    def resize(self, columns: int, rows: int) -> None:
        self.send_input(3, json.dumps({"cols": columns, "rows": rows}).encode())

    def terminate(self) -> None:
        self.send_input(10, struct.pack(">I", 2))

    def until(self, true: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(true, DEADLINE_S), (self.output, self.closed, self.hung_up)

    def until_output(self, text: bytes) -> None:
        self.until(lambda: text in self.output)

    def leave(self) -> None:
        """The network is gone: no proper close."""
        self.sock.shutdown(socket.SHUT_RDWR)

    # -- the protocol

    def send_input(self, payload_type: int, payload: bytes, *, sequence: int | None = None, flags: int = 0) -> None:
        number = self._next if sequence is None else sequence
        self._next = max(self._next, number + 1)
        self.send_message("input_stream_data", number, payload_type, payload, flags)

    def send_message(self, kind: str, sequence: int, payload_type: int, payload: bytes, flags: int = 0) -> None:
        identity = uuid.UUID(bytes=os.urandom(16)).bytes
        head = struct.pack(">I", 116) + kind.encode().ljust(32) + struct.pack(">I", 1)
        head += struct.pack(">Q", int(time.time() * 1000)) + struct.pack(">q", sequence) + struct.pack(">Q", flags)
        digest = hashlib.sha256(payload).digest() if self.true_digests else b"a" * 32
        head += identity[8:16] + identity[0:8] + digest
        self._event(BytesMessage(data=head + struct.pack(">II", payload_type, len(payload)) + payload))

    def send_bytes(self, data: bytes) -> None:
        self._event(BytesMessage(data=data))

    def _event(self, event: Any) -> None:
        with self._sending:
            self.sock.sendall(self._websocket.send(event))

    def _read(self) -> None:
        try:
            while data := self.sock.recv(65536):
                self.listening.wait()
                self._websocket.receive_data(data)
                for event in self._websocket.events():
                    self._take(event)
        except OSError:
            pass
        with self._changed:
            self.hung_up = True
            self._changed.notify_all()

    def _take(self, event: Any) -> None:
        match event:
            case AcceptConnection():
                hello = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": self.token}
                self._event(TextMessage(data=json.dumps({**hello, "ClientId": "t", "ClientVersion": "1.2.0.0"})))
                with self._changed:
                    self.connected = True
                    self._changed.notify_all()
            case BytesMessage():
                self._binary += event.data
                if event.message_finished:
                    whole, self._binary = bytes(self._binary), b""
                    with self._changed:
                        self._message(whole)
                        self._changed.notify_all()
            case Ping():
                self._event(event.response())
            case CloseConnection():
                with self._changed:
                    self.hung_up = True
                    self._changed.notify_all()

    def _message(self, data: bytes) -> None:
        assert struct.unpack_from(">I", data)[0] == 116
        kind = data[4:36].decode().strip()
        sequence = struct.unpack_from(">q", data, 48)[0]
        swapped = data[64:80]
        identity = uuid.UUID(bytes=swapped[8:] + swapped[:8])
        payload_type, length = struct.unpack_from(">II", data, 112)
        payload = data[120:]
        assert len(payload) == length
        assert hashlib.sha256(payload).digest() == data[80:112]
        if kind == "acknowledge":
            self.acknowledged.append(json.loads(payload)["AcknowledgedMessageSequenceNumber"])
        elif kind == "channel_closed":
            self.closed = json.loads(payload)["Output"]
        elif kind == "output_stream_data":
            self.seen.append(sequence)
            if not self.acknowledges:
                return
            told = {
                "AcknowledgedMessageType": kind,
                "AcknowledgedMessageId": str(identity),
                "AcknowledgedMessageSequenceNumber": sequence,
                "IsSequentialMessage": True,
            }
            self.send_message("acknowledge", 0, 0, json.dumps(told).encode(), flags=3)
            if sequence == self._expected:
                self._expected += 1
                self._payload(payload_type, payload)

    def _payload(self, payload_type: int, payload: bytes) -> None:
        match payload_type:
            case 1:
                self.output += payload
            case 11:
                self.errors += payload
            case 12:
                self.exit_code = int(payload)
            case 5:
                asked = json.loads(payload)
                self.agent = asked["AgentVersion"]
                self.session_type = asked["RequestedClientActions"][0]["ActionParameters"]["SessionType"]
                if self.handshakes:
                    action = {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}
                    answer = {"ClientVersion": "1.2.0.0", "ProcessedClientActions": [action], "Errors": []}
                    self.send_input(6, json.dumps(answer).encode())
            case 7:
                self.complete = True
