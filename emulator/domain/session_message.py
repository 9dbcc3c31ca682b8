"""The binary messages of a Session Manager data channel, and the JSON some of them carry. Pure.

One message: header length (116), type (32 characters), schema version, time of creation, sequence number, flags, id,
SHA-256 of the payload, payload type, payload length, payload; big-endian. Source: the agent message of the Session
Manager plugin.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final

HEADER_LENGTH: Final = 116
PIECE_BYTES: Final = 1024
"""How much output one message carries; the agent's own measure."""

_HEADER: Final = struct.Struct(">I32sIQqQ16s32sI")
_LENGTH: Final = struct.Struct(">I")

INPUT: Final = "input_stream_data"
OUTPUT: Final = "output_stream_data"
ACKNOWLEDGE: Final = "acknowledge"
CHANNEL_CLOSED: Final = "channel_closed"


class PayloadType(IntEnum):
    """What a payload is."""

    OUTPUT = 1
    ERROR = 2
    SIZE = 3
    PARAMETER = 4
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    FLAG = 10
    STDERR = 11
    EXIT_CODE = 12


class Flags(IntFlag):
    """The first and the last message of a stream bear SYN and FIN."""

    NONE = 0
    SYN = 1
    FIN = 2


_NO_ID: Final = uuid.UUID(int=0)
TERMINATE_SESSION: Final = 2
"""The payload of a FLAG message by which the client ends the session."""


class Malformed(ValueError):
    """Bytes that are no message."""


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """`created_ms` are milliseconds since the epoch."""

    message_type: str
    sequence: int
    payload: bytes
    payload_type: int = 0
    flags: int = 0
    id: uuid.UUID = _NO_ID
    created_ms: int = 0
    schema_version: int = 1

    def encode(self) -> bytes:
        head = _HEADER.pack(
            HEADER_LENGTH,
            self.message_type.encode("ascii").ljust(32),
            self.schema_version,
            self.created_ms,
            self.sequence,
            self.flags,
            self.id.bytes[8:] + self.id.bytes[:8],
            hashlib.sha256(self.payload).digest(),
            self.payload_type,
        )
        return head + _LENGTH.pack(len(self.payload)) + self.payload


def decode(data: bytes) -> AgentMessage:
    """Malformed for bytes that are too short or too long.

    The digest is not compared, as AWS's agent does not: there are clients (the npm package ssm-session) that write
    half of it in hexadecimal, or that of another text.
    """
    if len(data) < HEADER_LENGTH + _LENGTH.size:
        raise Malformed("too short for a header")
    length, kind, schema, created, sequence, flags, identity, _, payload_type = _HEADER.unpack_from(data)
    if length != HEADER_LENGTH:
        raise Malformed(f"a header of {length} bytes")
    (size,) = _LENGTH.unpack_from(data, HEADER_LENGTH)
    payload = data[HEADER_LENGTH + _LENGTH.size :]
    if len(payload) != size:
        raise Malformed(f"{len(payload)} bytes of payload, {size} announced")
    try:
        name = kind.decode("ascii").strip(" \0")
    except UnicodeDecodeError as error:
        raise Malformed("a type that is no text") from error
    message_id = uuid.UUID(bytes=identity[8:] + identity[:8])
    return AgentMessage(name, sequence, payload, payload_type, flags, message_id, created, schema)


def acknowledgement(of: AgentMessage) -> bytes:
    """The payload with which a message is acknowledged."""
    return _json(
        {
            "AcknowledgedMessageType": of.message_type,
            "AcknowledgedMessageId": str(of.id),
            "AcknowledgedMessageSequenceNumber": of.sequence,
            "IsSequentialMessage": True,
        }
    )


def acknowledged_sequence(payload: bytes) -> int:
    """Which of our messages the other side has. Malformed otherwise."""
    told = read_json(payload)
    sequence = told.get("AcknowledgedMessageSequenceNumber")
    if type(sequence) is not int:
        raise Malformed("an acknowledgement of nothing")
    return sequence


def handshake_request(agent_version: str, session_type: str) -> bytes:
    action = {"ActionType": "SessionType", "ActionParameters": {"SessionType": session_type, "Properties": None}}
    return _json({"AgentVersion": agent_version, "RequestedClientActions": [action]})


def handshake_complete(took_ns: int) -> bytes:
    return _json({"HandshakeTimeToComplete": took_ns, "CustomerMessage": ""})


def terminal_size(payload: bytes) -> tuple[int, int]:
    """Columns and rows. Malformed otherwise."""
    told = read_json(payload)
    columns, rows = told.get("cols"), told.get("rows")
    if type(columns) is not int or type(rows) is not int or not (0 < columns < 10_000 and 0 < rows < 10_000):
        raise Malformed("a terminal of no size")
    return columns, rows


def closed(session_id: str, message_id: uuid.UUID, created: str, output: str) -> bytes:
    """The payload of `channel_closed`; `output` is shown to the user."""
    return _json(
        {
            "MessageId": str(message_id),
            "CreatedDate": created,
            "DestinationId": session_id,
            "SessionId": session_id,
            "MessageType": CHANNEL_CLOSED,
            "SchemaVersion": 1,
            "Output": output,
        }
    )


def read_json(payload: bytes) -> Mapping[str, Any]:
    """An object. Malformed otherwise."""
    try:
        told = json.loads(payload)
    except ValueError as error:
        raise Malformed("a payload that is no JSON") from error
    if not isinstance(told, dict):
        raise Malformed("a payload that is no object")
    return told


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
