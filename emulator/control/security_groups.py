"""Holds packet filters of network interfaces against what their security groups say, when that was asked for.

A filter is set before the first container of its task starts, and set anew whenever a rule, or who is in a group,
changes. What cannot be filtered does not run: nothing passes because of a failure.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from emulator.clock import Clock
from emulator.control.loop import ControlLoop
from emulator.control.observe import ContainerWatch
from emulator.control.work import Work
from emulator.domain.networks.packet_filter import Allow, allowances
from emulator.domain.networks.security_group import SecurityGroup
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_progress import stop
from emulator.engine import labels
from emulator.engine.base import Engine, EngineError, EngineNotResponding, EngineUnavailable, NotFound
from emulator.engine.pause import filter_command, pause_spec
from emulator.store import vpc_queries
from emulator.store.database import Database, Reader
from emulator.store.ecs_tables import TASKS

_log = logging.getLogger("homeport.control")

DEADLINE_S = 15.0
TRY_AGAIN_S = 5.0


class CannotFilter(Exception):
    """The machine does not filter packets for us; the text is its own."""


class Guards:
    """The filters of all interfaces. `enforced=False`: none, and those of an earlier run are taken away."""

    def __init__(self, database: Database, engine: Engine, watch: ContainerWatch, *, enforced: bool) -> None:
        self.enforced = enforced
        self._database = database
        self._engine = engine
        self._watch = watch
        self._applied: dict[str, tuple[Allow, ...]] = {}
        self._opened: set[str] = set()
        self._lock = threading.Lock()

    def check(self, owned: Mapping[str, str]) -> None:
        """Whether this machine can do it at all, tried in a container of its own. CannotFilter; EngineError."""
        spec = pause_spec(
            f"homeport-filter-check-{owned[labels.INSTANCE][:12]}",
            self._engine.ensure_pause_image(),
            owned,
            network_mode="none",
            filters=True,
        )
        probe = self._engine.create_container(spec)
        try:
            self._engine.start_container(probe)
            self._run(probe, ())
        finally:
            self._engine.remove_container(probe)

    def guard(self, task: Task, pause_id: str) -> None:
        """Sets the filter of a task's interface, which is about to be used. CannotFilter; EngineError."""
        if self.enforced and task.eni is not None:
            with self._database.read() as reader:
                tasks = vpc_queries.tasks_with_interface(reader, task.account, task.region)
                groups, members = _groups(reader, task.account, task.region, tasks)
            self._set(pause_id, allowances(task.eni.security_groups, groups, members))

    def renew(self, account: str, region: str) -> list[tuple[Task, str]]:
        """Sets every filter that is not as it should be; the tasks that could not be filtered, and why.

        Raises EngineUnavailable and EngineNotResponding: to be done again.
        """
        if not self.enforced and not any(labels.FILTERED in state.labels for state in self._watch.states()):
            return []
        with self._database.read() as reader:
            tasks = vpc_queries.tasks_with_interface(reader, account, region)
            groups, members = _groups(reader, account, region, tasks)
        failed = []
        for task in tasks:
            if task.eni is None or task.pause_id is None or task.pause_gone or task.pause_removed:
                continue
            try:
                if self.enforced:
                    self._set(task.pause_id, allowances(task.eni.security_groups, groups, members))
                else:
                    self._open(task.pause_id)
            except NotFound:
                continue  # it has just ended
            except (EngineUnavailable, EngineNotResponding):
                raise
            except (CannotFilter, EngineError) as error:
                failed.append((task, str(error)))
        return failed

    def forget(self, pause_id: str) -> None:
        with self._lock:
            self._applied.pop(pause_id, None)

    def applied(self, pause_id: str) -> tuple[Allow, ...] | None:
        """What was set last; None for what is not filtered."""
        with self._lock:
            return self._applied.get(pause_id)

    def _set(self, pause_id: str, allows: tuple[Allow, ...]) -> None:
        with self._lock:
            if self._applied.get(pause_id) == allows:
                return
        self._run(pause_id, allows)
        with self._lock:
            self._applied[pause_id] = allows

    def _open(self, pause_id: str) -> None:
        state = self._watch.state(pause_id)
        if state is None or labels.FILTERED not in state.labels:
            return
        with self._lock:
            if pause_id in self._opened:
                return
        self._run(pause_id, None)
        with self._lock:
            self._opened.add(pause_id)

    def _run(self, pause_id: str, allows: tuple[Allow, ...] | None) -> None:
        code, output = self._engine.run_in_container(pause_id, filter_command(allows), deadline_s=DEADLINE_S)
        if code != 0:
            raise CannotFilter(output.decode(errors="replace").strip() or f"the pause program ended with {code}")


def _groups(
    reader: Reader, account: str, region: str, tasks: Iterable[Task]
) -> tuple[dict[str, SecurityGroup], dict[str, Set[str]]]:
    """The groups, and the private addresses in each."""
    members: defaultdict[str, set[str]] = defaultdict(set)
    for task in tasks:
        if task.eni is not None and task.eni.private_ip:
            for group in task.eni.security_groups:
                members[group].add(task.eni.private_ip)
    return {group.id: group for group in vpc_queries.security_groups(reader, account, region)}, dict(members)


class SecurityGroupController:
    """Key: `account/region`. Woken by changed rules, and by interfaces that come and go."""

    def __init__(self, clock: Clock, database: Database, loop: ControlLoop, work: Work, guards: Guards) -> None:
        self._clock = clock
        self._database = database
        self._loop = loop
        self._work = work
        self._guards = guards
        self._under_way: set[str] = set()
        self._again: set[str] = set()
        self._not_before: dict[str, float] = {}

    def reconcile(self, key: str) -> float | None:
        """One renewal at a time; what changes meanwhile makes another, and one that failed is done again later."""
        if key in self._under_way:
            self._again.add(key)
            return None
        not_before = self._not_before.pop(key, 0.0)
        if self._clock.now() < not_before:
            self._not_before[key] = not_before
            return not_before
        self._under_way.add(key)
        account, region = key.split("/")

        def job() -> None:
            failed: list[tuple[Task, str]] = []
            later = True
            try:
                failed = self._guards.renew(account, region)
                later = False
            except EngineError as error:
                _log.warning("security groups are held against tasks again later: %s", error)
            finally:
                self._loop.post(lambda: self._back(key, failed, later))

        self._work.submit("start", job)
        return None

    def _back(self, key: str, failed: list[tuple[Task, str]], later: bool) -> None:
        self._under_way.discard(key)
        for task, why in failed:
            self._stop(task, why)
        if later:
            self._not_before[key] = self._clock.now() + TRY_AGAIN_S
        if later or key in self._again:
            self._again.discard(key)
            self._loop.wake([("security_groups", key)])

    def _stop(self, task: Task, why: str) -> None:
        """Nothing runs on unguarded."""
        reason = f"Its security groups cannot be enforced any more: {why}"
        _log.warning("%s: %s", task.arn, reason)
        with self._database.write() as tx:
            current = tx.get(TASKS, task.account, task.region, task.cluster, task.id)
            if current is not None:
                tx.put(TASKS, stop(current, "InfrastructureHealth", reason, self._clock.now()))
