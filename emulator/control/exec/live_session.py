"""One session of ECS Exec that is under way: its process, and the messages to and from who sits at the other end.

It numbers what it sends and sends again what was not acknowledged; who may open it, and when it is over, is
exec_sessions.py's.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from emulator.clock import Clock, monotonic
from emulator.control.background import begin
from emulator.domain import session_message as message
from emulator.domain.exec_session import ExecSession as Record
from emulator.domain.exec_session import words
from emulator.domain.session_message import AgentMessage, Flags, PayloadType
from emulator.domain.tasks.task_metadata import timestamp
from emulator.engine.base import Engine, EngineError
from emulator.engine.exec_session import ExecSession
from emulator.ids import Ids

_log = logging.getLogger("homeport.control")

AGENT_VERSION: Final = "3.1.0.0"
"""What the plugin takes for an agent that hands over its session's type and ends sessions by a flag."""

MOST_UNACKNOWLEDGED: Final = 512
RESEND_AFTER_S: Final = 0.5
LAST_WORDS_S: Final = 3.0

Send = Callable[[bytes], None]


class Keeper(Protocol):
    """Who keeps the session's record, and its log."""

    def began(self, session_id: str, process_id: str) -> None: ...

    def active(self, session_id: str) -> None: ...

    def wrote(self, session_id: str, data: bytes) -> None: ...

    def ended(self, session_id: str, reason: str, exit_code: int | None = None) -> None: ...


class LiveSession:
    """One session: numbers what it sends, sends again what was not acknowledged, takes input in its order."""

    def __init__(self, record: Record, engine: Engine, ids: Ids, clock: Clock, sessions: Keeper) -> None:
        self._record = record
        self._engine = engine
        self._ids = ids
        self._clock = clock
        self._sessions = sessions
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self._send: Send | None = None
        self._hang_up: Callable[[], None] | None = None
        self._next_out = 0
        self._unacknowledged: OrderedDict[int, tuple[bytes, float]] = OrderedDict()
        self._next_in = 0
        self._early: dict[int, AgentMessage] = {}
        self._began = monotonic()
        self._process: ExecSession | None = None
        self._size: tuple[int, int] | None = None
        self._over = False
        self._told_active = 0.0
        self._pumping: threading.Thread | None = None

    def attach(self, send: Send, hang_up: Callable[[], None]) -> None:
        """A connection; one that was there before is let go. What it has not acknowledged is sent to the new one."""
        with self._lock:
            before, self._send, self._hang_up = self._hang_up, send, hang_up
            fresh = self._next_out == 0
            for data, _ in self._unacknowledged.values():
                self._transmit(data)
        if before is not None:
            before()
        if fresh:
            kind = "InteractiveCommands" if self._record.interactive else "NonInteractiveCommands"
            self._say(PayloadType.HANDSHAKE_REQUEST, message.handshake_request(AGENT_VERSION, kind), Flags.SYN)

    def detach(self, send: Send) -> None:
        """The connection was lost; the process runs on until the session is resumed, ended or idle."""
        with self._lock:
            if self._send is send:
                self._send = self._hang_up = None

    def receive(self, data: bytes) -> None:
        """One binary message. Malformed for anything else."""
        told = message.decode(data)
        match told.message_type:
            case message.ACKNOWLEDGE:
                with self._room:
                    self._unacknowledged.pop(message.acknowledged_sequence(told.payload), None)
                    self._room.notify_all()
            case message.INPUT:
                self._acknowledge(told)
                for each in self._in_order(told):
                    self._take(each)

    def resend(self) -> None:
        """What has waited for its acknowledgement for half a second."""
        with self._lock:
            due = monotonic() - RESEND_AFTER_S
            for sequence, (data, sent_at) in list(self._unacknowledged.items()):
                if sent_at <= due:
                    self._unacknowledged[sequence] = (data, monotonic())
                    self._transmit(data)

    def end(self, reason: str) -> None:
        """Ends the process and tells the other side; once is enough."""
        with self._lock:
            if self._over:
                return
            self._over = True
            process = self._process
        if process is not None:
            process.close()
        self._last_words(reason)

    def wait(self, timeout_s: float) -> None:
        """Until what the process wrote is taken care of, and its end is on record."""
        if self._pumping is not None:
            self._pumping.join(timeout_s)

    # -- in

    def _in_order(self, told: AgentMessage) -> list[AgentMessage]:
        with self._lock:
            if told.sequence >= self._next_in and len(self._early) < MOST_UNACKNOWLEDGED:
                self._early[told.sequence] = told
            ready = []
            while self._next_in in self._early:
                ready.append(self._early.pop(self._next_in))
                self._next_in += 1
            return ready

    def _take(self, told: AgentMessage) -> None:
        match told.payload_type:
            case PayloadType.HANDSHAKE_RESPONSE:
                took_ns = int((monotonic() - self._began) * 1e9)
                self._say(PayloadType.HANDSHAKE_COMPLETE, message.handshake_complete(took_ns))
                self._start()
            case PayloadType.SIZE:
                self._size = message.terminal_size(told.payload)
                if self._process is not None:
                    self._process.resize(*self._size)
                self._start()
            case PayloadType.OUTPUT:
                self._start()  # a client that knows no handshake begins with what is typed
                self._type(told)
            case PayloadType.FLAG if int.from_bytes(told.payload, "big") == message.TERMINATE_SESSION:
                self._sessions.ended(self._record.id, "the client ended the session")

    def _type(self, told: AgentMessage) -> None:
        if self._process is None:
            return
        if told.payload:
            self._process.write(told.payload)
        if told.flags & Flags.FIN:
            self._process.end_input()
        if monotonic() - self._told_active > 1.0:
            self._told_active = monotonic()
            self._sessions.active(self._record.id)

    def _start(self) -> None:
        with self._lock:
            if self._process is not None or self._over:
                return
            record = self._record
            try:
                command = words(record.command)
                self._process = self._engine.start_exec(
                    record.runtime_id, command, terminal=record.interactive, user="0"
                )
            except EngineError as error:
                self._sessions.ended(record.id, f"the command could not be started: {error}")
                return
            if self._size is not None:
                self._process.resize(*self._size)
        self._sessions.began(record.id, self._process.id)
        self._pumping = begin("homeport-exec", self._pump)

    # -- out

    def _pump(self) -> None:
        """What the process writes, until it ends."""
        process = self._process
        assert process is not None
        try:
            while (output := process.read()) is not None:
                name, data = output
                self._sessions.wrote(self._record.id, data)
                kind = PayloadType.OUTPUT if name == "stdout" else PayloadType.STDERR
                for start in range(0, len(data), message.PIECE_BYTES):
                    self._say(kind, data[start : start + message.PIECE_BYTES])
            code = process.exit_code()
        except EngineError as error:
            _log.info("session %s: %s", self._record.id, error)
            code = None
        if not self._record.interactive and code is not None:
            self._say(PayloadType.EXIT_CODE, str(code).encode(), Flags.FIN)
        self._sessions.ended(self._record.id, "", code)

    def _say(self, kind: PayloadType, payload: bytes, flags: Flags = Flags.NONE) -> None:
        """Waits while too much is unacknowledged."""
        with self._room:
            while len(self._unacknowledged) >= MOST_UNACKNOWLEDGED and not self._over:
                self._room.wait(0.5)
            told = self._message(message.OUTPUT, self._next_out, payload, kind, flags)
            self._next_out += 1
            data = told.encode()
            self._unacknowledged[told.sequence] = (data, monotonic())
            self._transmit(data)

    def _acknowledge(self, told: AgentMessage) -> None:
        flags = Flags.SYN | Flags.FIN
        reply = self._message(message.ACKNOWLEDGE, 0, message.acknowledgement(told), 0, flags)
        with self._lock:
            self._transmit(reply.encode())

    def _last_words(self, reason: str) -> None:
        """Once all output has arrived, or after a few seconds, the channel is closed."""
        deadline = monotonic() + LAST_WORDS_S
        with self._room:
            while self._unacknowledged and self._send is not None and monotonic() < deadline:
                self._room.wait(0.1)
            now = self._clock.now()
            identity = self._ids.uuid()
            payload = message.closed(self._record.id, uuid.UUID(identity), timestamp(now) or "", reason)
            told = self._message(message.CHANNEL_CLOSED, self._next_out, payload, 0, Flags.FIN)
            self._transmit(told.encode())
            hang_up, self._send, self._hang_up = self._hang_up, None, None
            self._room.notify_all()
        if hang_up is not None:
            hang_up()

    def _message(self, name: str, sequence: int, payload: bytes, kind: int, flags: Flags) -> AgentMessage:
        identity = uuid.UUID(self._ids.uuid())
        return AgentMessage(name, sequence, payload, kind, flags, identity, int(self._clock.now() * 1000))

    def _transmit(self, data: bytes) -> None:
        """A connection that fails is noticed by its own reader."""
        if self._send is not None:
            with contextlib.suppress(OSError):
                self._send(data)
