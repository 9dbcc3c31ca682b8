"""The output of ECS Exec sessions in CloudWatch Logs: one stream for each session, named by its id.

Where a session is logged is domain/exec_session.py's to say. A session goes on when it cannot be logged, as at AWS; the
journal says why. Sessions of `homeport exec` are not ECS's, and not logged.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from emulator.clock import Clock
from emulator.control.tasks.definitions import DefinitionMissing, Definitions, container_definition
from emulator.control.tasks.log_delivery import DestinationUnavailable, LogDelivery
from emulator.domain.exec_session import ExecSession, SessionLog, log_of
from emulator.domain.iam.policy_conditions import request_keys
from emulator.domain.iam.policy_evaluation import Access
from emulator.domain.logs.log_delivery import Destination
from emulator.domain.tasks.task import Task
from emulator.engine.line_splitter import LineSplitter
from emulator.events import journal
from emulator.ids import Ids
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import CLUSTERS, TASKS
from emulator.store.permissions import decide, role_standing

_OURS: Final = "ecs-execute-command-"
_ACTIONS: Final = ("CreateLogStream", "PutLogEvents")


@dataclass(slots=True)
class SessionLogs:
    """Used by the threads of the sessions; lines are given on as they end."""

    database: Database
    delivery: LogDelivery
    definitions: Definitions
    clock: Clock
    ids: Ids
    enforce_iam: bool = False
    _open: dict[str, LineSplitter] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, session: ExecSession) -> None:
        if not session.id.startswith(_OURS):
            return
        with self.database.write() as tx:
            task = next(iter(tx.find(TASKS, arn=session.task_arn)), None)
            log = self._log_of(tx, task, session) if task else None
            if task is None or log is None:
                return
            where = Destination(log.region, log.group, session.id)
            try:
                self._check_allowed(tx, task, where)
                stream = self.delivery.ensure_destination(tx, session.account, where, self.ids)
            except (DestinationUnavailable, PermissionError) as error:
                detail = {"sessionId": session.id, "logGroup": log.group, "because": str(error)}
                journal.append(
                    tx,
                    at=self.clock.now(),
                    account=task.account,
                    region=task.region,
                    kind="task.exec_not_logged",
                    subject=task.arn,
                    detail=detail,
                )
                return
        self.delivery.open(session.id, where, stream)
        with self._lock:
            self._open[session.id] = LineSplitter("stdout")

    def write(self, session_id: str, data: bytes) -> None:
        with self._lock:
            splitter = self._open.get(session_id)
            lines = list(splitter.feed(data.replace(b"\r\n", b"\n"), self.clock.now())) if splitter else []
        if lines:
            self.delivery.lines(session_id, lines)

    def close(self, session_id: str) -> None:
        with self._lock:
            splitter = self._open.pop(session_id, None)
        if splitter is not None:
            self.delivery.lines(session_id, list(splitter.end()))
            self.delivery.ended(session_id)

    def _log_of(self, reader: Reader, task: Task, session: ExecSession) -> SessionLog | None:
        cluster = reader.get(CLUSTERS, task.account, task.region, task.cluster)
        try:
            definition = container_definition(self.definitions.of(reader, task), session.container)
        except DefinitionMissing:
            definition = {}
        return log_of(cluster.configuration if cluster else None, definition, task.region)

    def _check_allowed(self, reader: Reader, task: Task, where: Destination) -> None:
        """The agent writes as the task's role. PermissionError where policies are enforced and it may not."""
        if not self.enforce_iam or task.task_role_arn is None:
            return
        partition = task.arn.split(":", 2)[1]
        standing = role_standing(reader, task.task_role_arn, task.account, partition, task.id)
        arn = f"arn:{partition}:logs:{where.region}:{task.account}:log-group:{where.group}:log-stream:{where.stream}"
        for name in _ACTIONS:
            if not decide(standing, Access(f"logs:{name}", arn), request_keys(task.region, self.clock.now())).allowed:
                raise PermissionError(f"the task's role may not logs:{name} on {arn}")
