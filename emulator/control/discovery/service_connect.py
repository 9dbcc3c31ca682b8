"""Holds the proxies of Service Connect against what they should know: who answers behind each alias, as tasks come and
go. A proxy is told before the first container of its task starts, and whenever something has changed; it goes on with
what it knows while nobody tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emulator.clock import Clock
from emulator.control.loop import ControlLoop
from emulator.control.renewal import Renewal
from emulator.control.work import Work
from emulator.domain.service_connect.answering import proxied
from emulator.domain.service_connect.endpoint import host_names
from emulator.domain.service_connect.proxy import ProxiedAlias
from emulator.domain.tasks.task import Task
from emulator.engine.base import Engine, EngineError, NotFound
from emulator.engine.pause import connect_command
from emulator.store.connect_discovery import carry_out, registrations
from emulator.store.connect_queries import behind_in, connected_of, services_in, tasks_in
from emulator.store.database import Database
from emulator.store.discovery_tables import NAMESPACES

DEADLINE_S = 15.0


class CannotConnect(EngineError):
    """The pause program does not take what its proxy is to know; the text is its own."""


class Proxies:
    """The proxies of all tasks, on whichever engine. `engine_of`: by name; None for one that is not there."""

    def __init__(self, database: Database, engine_of: Callable[[str], Engine | None]) -> None:
        self._database = database
        self._engine_of = engine_of
        self._told: dict[str, tuple[ProxiedAlias, ...]] = {}
        self._lock = threading.Lock()

    def host_names(self, task: Task) -> tuple[tuple[str, str], ...]:
        """What its /etc/hosts has of aliases: (name, address)."""
        with self._database.read() as reader:
            connected = connected_of(reader, task)
        return () if connected is None else host_names(connected)

    def connect(self, task: Task, pause_id: str) -> None:
        """Tells the proxy of a task that is about to start. CannotConnect; EngineError."""
        if task.connect is None:
            return
        with self._database.read() as reader:
            connected = connected_of(reader, task)
            there = behind_in(reader, task.account, task.region, task.connect.namespace)
        if connected is not None:
            self._tell(task, pause_id, proxied(connected, there))

    def renew(self, account: str, region: str, namespace: str) -> None:
        """Tells every proxy of the namespace what it does not know yet. EngineError: when one could not be told; all
        others were."""
        with self._database.read() as reader:
            there = behind_in(reader, account, region, namespace)
            known = [
                (task, connected)
                for service in services_in(reader, account, region, namespace)
                for task in tasks_in(reader, service)
                if (connected := connected_of(reader, task)) is not None
            ]
        failure: EngineError | None = None
        for task, connected in known:
            if task.pause_id is None or task.pause_gone or task.pause_removed:
                continue
            try:
                self._tell(task, task.pause_id, proxied(connected, there))
            except NotFound:
                continue  # it has just ended
            except EngineError as error:
                failure = error
        if failure is not None:
            raise failure

    def forget(self, pause_id: str) -> None:
        with self._lock:
            self._told.pop(pause_id, None)

    def _tell(self, task: Task, pause_id: str, aliases: tuple[ProxiedAlias, ...]) -> None:
        engine = self._engine_of(task.engine)
        with self._lock:
            if engine is None or self._told.get(pause_id) == aliases:
                return
        code, output = engine.run_in_container(pause_id, connect_command(aliases), deadline_s=DEADLINE_S)
        if code != 0:
            raise CannotConnect(output.decode(errors="replace").strip() or f"the pause program ended with {code}")
        with self._lock:
            self._told[pause_id] = aliases


class ServiceConnectController:
    """Key: `account/region/<namespace's id>`. Woken by services, and by tasks that come, go, or change their health.

    What answers is registered in Cloud Map, an instance for each task, and told to the proxies.
    """

    def __init__(self, clock: Clock, database: Database, loop: ControlLoop, work: Work, proxies: Proxies) -> None:
        self._clock = clock
        self._database = database
        self._proxies = proxies
        self._renewal = Renewal("service_connect", clock, loop, work, self._renew)

    def reconcile(self, key: str) -> float | None:
        place = key.split("/")
        with self._database.read() as reader:
            namespace = reader.get(NAMESPACES, *place)
            stale = namespace is not None and bool(registrations(reader, namespace))
        if namespace is not None and stale:
            with self._database.write() as tx:
                carry_out(tx, registrations(tx, namespace), self._clock.now())
        return self._renewal.reconcile(key)

    def _renew(self, key: str) -> None:
        account, region, namespace_id = key.split("/")
        with self._database.read() as reader:
            namespace = reader.get(NAMESPACES, account, region, namespace_id)
        if namespace is not None:
            self._proxies.renew(account, region, namespace.arn)
