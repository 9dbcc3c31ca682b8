"""Sessions of ECS Exec that are under way: the process in its container, and the stream to who sits at the other end.

What is wanted stands in the store: a session that is marked ended is ended here. The data channel (data_channel/)
brings a connection; it may come back after it was lost, and gets what it has not acknowledged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from emulator.clock import Clock, monotonic
from emulator.control.background import begin
from emulator.control.exec.exec_logs import SessionLogs
from emulator.control.exec.live_session import LiveSession
from emulator.domain.engines import LOCAL
from emulator.domain.exec_session import ExecSession as Record
from emulator.domain.exec_session import WrongCommand, ends_at, words
from emulator.domain.tasks.task import Container, Task
from emulator.engine.base import Engine
from emulator.ids import Ids
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import EXEC_SESSIONS, TASKS


class NoSession(Exception):
    """There can be no session; the text says why."""


class ExecSessions:
    """Key of the controller: the session's id."""

    def __init__(
        self,
        clock: Clock,
        database: Database,
        engine_named: Callable[[str], Engine | None],
        ids: Ids,
        logs: SessionLogs,
    ) -> None:
        self._clock = clock
        self._database = database
        self._engine_named = engine_named
        self._ids = ids
        self._logs = logs
        self._orphans: list[tuple[str, str]] = []  # engine and process
        self._live: dict[str, LiveSession] = {}
        self._lock = threading.Lock()

    def open(self, session_id: str, token: str) -> LiveSession | None:
        """The session that the token opens, once; None for any other."""
        now = self._clock.now()
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is None or record.ended_at is not None or not record.token or record.token != token:
                return None
            engine = self._engine_named(_engine_of(tx, record))
            if engine is None:
                return None
            tx.put(EXEC_SESSIONS, replace(record, token="", opened=True, last_active=now))
        with self._lock:
            live = self._live.get(session_id)
            if live is None:
                live = self._live[session_id] = LiveSession(record, engine, self._ids, self._clock, self)
        return live

    def reconcile(self, key: str) -> float | None:
        """Ends what is marked ended, is idle, or runs for nobody after a restart of ours."""
        now = self._clock.now()
        with self._database.read() as reader:
            record = reader.get(EXEC_SESSIONS, key)
        live = self._live.get(key)
        if record is None or record.ended_at is not None:
            if live is not None:
                # Its last words wait for a client that may not listen, and its end for an engine: not the loop's to do.
                begin("homeport-exec-end", partial(live.end, record.reason if record else ""))
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
        """At start: the streams of an earlier process of ours are gone, so its sessions are over. `end_orphans` follows
        once an engine answers."""
        with self._database.write() as tx:
            for record in tx.find(EXEC_SESSIONS):
                if record.ended_at is None:
                    over = replace(record, ended_at=self._clock.now(), reason="Homeport was restarted", token="")
                    tx.put(EXEC_SESSIONS, over)
                    self._orphans += [(_engine_of(tx, record), record.process_id)] if record.process_id else []

    def end_orphans(self, name: str, engine: Engine) -> None:
        """The processes of such sessions on an engine, which nobody can reach any more. EngineError when it does not
        answer."""
        for orphan in [each for each in self._orphans if each[0] == name]:
            engine.end_exec(orphan[1])
            self._orphans.remove(orphan)

    def began(self, session_id: str, process_id: str) -> None:
        """Its process runs: remembered, so that it is ended even if we are killed; and its log is opened."""
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is None:
                return
            tx.put(EXEC_SESSIONS, replace(record, process_id=process_id))
        self._logs.open(record)

    def wrote(self, session_id: str, data: bytes) -> None:
        self._logs.write(session_id, data)

    def active(self, session_id: str) -> None:
        """Something was typed."""
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is not None and record.ended_at is None:
                tx.put(EXEC_SESSIONS, replace(record, last_active=self._clock.now()))

    def ended(self, session_id: str, reason: str, exit_code: int | None = None) -> None:
        """It is over; the first cause stays."""
        self._logs.close(session_id)
        with self._database.write() as tx:
            record = tx.get(EXEC_SESSIONS, session_id)
            if record is not None and record.ended_at is None:
                over = replace(record, ended_at=self._clock.now(), reason=reason, exit_code=exit_code, token="")
                tx.put(EXEC_SESSIONS, over)

    def close(self, deadline: float) -> None:
        """Ends all, beside each other, and waits until then (by the stopwatch) for them to be told."""
        with self._lock:
            live, self._live = list(self._live.values()), {}
        ending = [begin("homeport-exec-end", partial(each.end, "Homeport is shutting down")) for each in live]
        for thread in ending:
            thread.join(max(0.0, deadline - monotonic()))
        for each in live:
            each.wait(max(0.0, deadline - monotonic()))


def _engine_of(reader: Reader, record: Record) -> str:
    """The name of the engine that runs the session's container; of a task that is gone, Homeport's own."""
    task = next(iter(reader.find(TASKS, account=record.account, region=record.region, arn=record.task_arn)), None)
    return task.engine if task is not None else LOCAL


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
