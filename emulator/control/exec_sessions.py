"""Sessions of ECS Exec that are under way: the process in its container, and the stream to who sits at the other end.

What is wanted stands in the store: a session that is marked ended is ended here. The data channel (data_channel/)
brings a connection; it may come back after it was lost, and gets what it has not acknowledged.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from emulator.clock import Clock, monotonic
from emulator.domain import session_message as message
from emulator.domain.exec_session import ExecSession as Record
from emulator.domain.exec_session import WrongCommand, ends_at, words
from emulator.domain.session_message import AgentMessage, Flags, PayloadType
from emulator.domain.task import Container, Task
from emulator.domain.task_metadata import timestamp
from emulator.engine.base import Engine, EngineError
from emulator.engine.exec_session import ExecSession
from emulator.ids import Ids
from emulator.store.database import Database
from emulator.store.ecs_tables import EXEC_SESSIONS, TASKS

_log = logging.getLogger("homeport.control")

AGENT_VERSION: Final = "3.1.0.0"
"""What the plugin takes for an agent that hands over its session's type and ends sessions by a flag."""

MOST_UNACKNOWLEDGED: Final = 512
RESEND_AFTER_S: Final = 0.5
LAST_WORDS_S: Final = 3.0

Send = Callable[[bytes], None]


class NoSession(Exception):
    """There can be no session; the text says why."""


class ExecSessions:
    """Key of the controller: the session's id."""

    def __init__(self, clock: Clock, database: Database, engine: Engine, ids: Ids) -> None:
        self._clock = clock
        self._database = database
        self._engine = engine
        self._ids = ids
        self._live: dict[str, LiveSession] = {}
        self._lock = threading.Lock()

    def open(self, session_id: str, token: str) -> LiveSession | None:
        """The session that the token opens, once; None for any other."""
        now = self._clock.now()
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is None or record.ended_at is not None or not record.token or record.token != token:
                return None
            tx.put(EXEC_SESSIONS, replace(record, token="", opened=True, last_active=now))
        with self._lock:
            live = self._live.get(session_id)
            if live is None:
                live = self._live[session_id] = LiveSession(record, self._engine, self._ids, self._clock, self)
        return live

    def reconcile(self, key: str) -> float | None:
        """Ends what is marked ended, is idle, or runs for nobody after a restart of ours."""
        now = self._clock.now()
        with self._database.read() as reader:
            record = reader.get(EXEC_SESSIONS, key)
        live = self._live.get(key)
        if record is None or record.ended_at is not None:
            if live is not None:
                live.end(record.reason if record else "")
                self._live.pop(key, None)
            return None if record is None else self._forget(record, now)
        if now >= ends_at(record):
            self.ended(key, "Session timed out: nothing was typed for 20 minutes" if record.opened else "never opened")
            return now
        return ends_at(record)

    def _forget(self, record: Record, now: float) -> float | None:
        if now < ends_at(record):
            return ends_at(record)
        with self._database.write() as tx:
            tx.delete(EXEC_SESSIONS, record.id)
        return None

    def make(self, asked: Mapping[str, Any]) -> Record:
        """A session for the user of this machine. NoSession, with the reason, when there can be none."""
        task_id, name = str(asked.get("task", "")).rpartition("/")[2], asked.get("container")
        command = str(asked.get("command") or "/bin/sh")
        try:
            words(command)
        except WrongCommand as error:
            raise NoSession(f"the command cannot be read: {error}") from error
        now = self._clock.now()
        with self._database.write() as tx:
            found = [t for t in tx.find(TASKS, last_status="RUNNING") if task_id and t.id.startswith(task_id)]
            if len(found) != 1:
                raise NoSession(f"{'no' if not found else 'more than one'} running task is {task_id or 'named'}")
            container = _chosen(found[0], name)
            record = Record(
                id=f"homeport-exec-{self._ids.hex(17)}",
                account=found[0].account,
                region=found[0].region,
                task_arn=found[0].arn,
                container=container.name,
                runtime_id=container.runtime_id or "",
                command=command,
                interactive=bool(asked.get("interactive")),
                token=self._ids.letters(64),
                created_at=now,
                last_active=now,
            )
            tx.insert(EXEC_SESSIONS, record)
        return record

    def record(self, session_id: str) -> Record | None:
        with self._database.read() as reader:
            return reader.get(EXEC_SESSIONS, session_id)

    def end_former(self) -> None:
        """At start: the streams of an earlier process of ours are gone, so its sessions are over."""
        with self._database.write() as tx:
            for record in tx.find(EXEC_SESSIONS):
                if record.ended_at is None:
                    over = replace(record, ended_at=self._clock.now(), reason="Homeport was restarted", token="")
                    tx.put(EXEC_SESSIONS, over)

    def active(self, session_id: str) -> None:
        """Something was typed."""
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is not None and record.ended_at is None:
                tx.put(EXEC_SESSIONS, replace(record, last_active=self._clock.now()))

    def ended(self, session_id: str, reason: str, exit_code: int | None = None) -> None:
        """It is over; the first cause stays."""
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is not None and record.ended_at is None:
                over = replace(record, ended_at=self._clock.now(), reason=reason, exit_code=exit_code, token="")
                tx.put(EXEC_SESSIONS, over)

    def close(self) -> None:
        with self._lock:
            live, self._live = list(self._live.values()), {}
        for session in live:
            session.end("Homeport is shutting down")


def _chosen(task: Task, name: object) -> Container:
    """The container of that name; without one the only one, or the only essential one."""
    running = [c for c in task.containers if c.last_status == "RUNNING" and c.runtime_id is not None]
    wanted = [c for c in running if c.name == name] if name else running
    if not name and len(wanted) > 1:
        wanted = [c for c in running if c.essential]
    if len(wanted) == 1:
        return wanted[0]
    names = ", ".join(c.name for c in running)
    raise NoSession(f"no container {name} runs in the task" if name else f"name one of the containers: {names}")


class LiveSession:
    """One session: numbers what it sends, sends again what was not acknowledged, takes input in its order."""

    def __init__(self, record: Record, engine: Engine, ids: Ids, clock: Clock, sessions: ExecSessions) -> None:
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
        threading.Thread(target=self._pump, name="homeport-exec", daemon=True).start()

    # -- out

    def _pump(self) -> None:
        """What the process writes, until it ends."""
        process = self._process
        assert process is not None
        try:
            while (output := process.read()) is not None:
                name, data = output
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
