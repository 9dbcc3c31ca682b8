"""The own log of a Service Connect proxy on its way to CloudWatch Logs: which endpoints failed, and who is left.

The proxy writes it to the output of the task's pause container; it is delivered as an awslogs container's output is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.control.tasks.container_launch import ContainerLauncher
from emulator.control.tasks.definitions import DefinitionMissing, Definitions
from emulator.control.tasks.log_delivery import DestinationUnavailable
from emulator.domain.logs.log_delivery import Destination, InvalidLogOption
from emulator.domain.tasks.task import Task
from emulator.engine.base import NotFound
from emulator.ids import Ids
from emulator.store.connect_queries import connected_of
from emulator.store.ecs_tables import TASKS

NAME = "ecs-service-connect"
"""Of the proxy in the name of its log stream, as if it were a container."""


@dataclass(slots=True)
class ProxyLogs:
    """`launcher` has the engine, and what becomes of output."""

    launcher: ContainerLauncher
    ids: Ids
    _read: set[str] = field(default_factory=set)

    def attach(self, task: Task, pause_id: str, execution_role: str | None) -> None:
        """Before the pause container starts. DestinationUnavailable when there is no such log group."""
        where = self._destination(task)
        if where is None:
            return
        launcher = self.launcher
        with launcher.database.write() as tx:
            stream = launcher.delivery.ensure_destination(tx, task.account, where, self.ids)
            if launcher.roles and launcher.roles.log_warning(tx, task, execution_role, where):
                return
        launcher.delivery.open(pause_id, where, stream)
        self._read.add(pause_id)
        launcher.engine.attach_output(pause_id, launcher.delivery.lines, self._ended)

    def resume(self, engine: str, definitions: Definitions) -> None:
        """After a restart of ours or of the engine: what the proxies wrote meanwhile, and all that follows."""
        with self.launcher.database.read() as reader:
            tasks = [t for t in reader.find(TASKS) if t.connect and t.engine == engine and not t.stopped]
        for task in tasks:
            if task.pause_id is not None and task.pause_id not in self._read and not task.pause_gone:
                self._resume(task, task.pause_id, definitions)

    def _resume(self, task: Task, pause_id: str, definitions: Definitions) -> None:
        where = self._destination(task)
        if where is None:
            return
        launcher = self.launcher
        with launcher.database.read() as reader:
            stream = launcher.delivery.find_destination(reader, task.account, where)
            try:
                role = definitions.of(reader, task).execution_role_arn
            except DefinitionMissing:
                return
            refused = launcher.roles and launcher.roles.log_warning(reader, task, role, where)
        if stream is None or refused:
            return
        self._read.add(pause_id)
        since = launcher.delivery.resume(pause_id, where, stream)
        try:
            launcher.engine.replay_output(pause_id, since, launcher.delivery.lines, self._ended)
        except NotFound:
            self._ended(pause_id)

    def _destination(self, task: Task) -> Destination | None:
        with self.launcher.database.read() as reader:
            connected = connected_of(reader, task)
        if connected is None or connected.log_configuration is None:
            return None
        try:
            return self.launcher.destination(task, {"name": NAME, "logConfiguration": connected.log_configuration})
        except InvalidLogOption as error:
            why = f"ResourceInitializationError: failed to validate logger args: {error}"
            raise DestinationUnavailable(why) from error

    def _ended(self, pause_id: str) -> None:
        self._read.discard(pause_id)
        self.launcher.delivery.ended(pause_id)
