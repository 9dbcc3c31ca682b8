"""Holds packet filters of network interfaces against what their security groups say, when that was asked for.

A filter is set before the first container of its task starts, and set anew whenever a rule, or who is in a group,
changes. What cannot be filtered does not run: nothing passes because of a failure.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.control.loop import ControlLoop
from emulator.control.observe import ContainerWatch
from emulator.control.renewal import Renewal
from emulator.control.work import Work
from emulator.domain.engines import LOCAL
from emulator.domain.networks.packet_filter import Allow, allowances
from emulator.domain.networks.security_group import GroupMember
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_progress import stop
from emulator.engine import labels
from emulator.engine.base import Engine, EngineError, EngineNotResponding, EngineUnavailable, NotFound
from emulator.engine.pause import filter_command, pause_spec
from emulator.events.task_changes import write_task
from emulator.store import vpc_queries
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecs_tables import GROUP_MEMBERS
from emulator.store.task_queries import find_task

_log = logging.getLogger("homeport.control")

DEADLINE_S = 15.0


class CannotFilter(Exception):
    """The machine does not filter packets for us; the text is its own."""


@dataclass(frozen=True, slots=True)
class _Guarded:
    """`place`: account and region."""

    place: tuple[str, str]
    task_arn: str
    groups: tuple[str, ...]


class Guards:
    """The filters of one engine's interfaces. `enforced=False`: none, and those of an earlier run are taken away."""

    def __init__(
        self, database: Database, engine: Engine, watch: ContainerWatch, *, enforced: bool, engine_name: str = LOCAL
    ) -> None:
        self.enforced = enforced
        self._engine_name = engine_name
        self._database = database
        self._engine = engine
        self._watch = watch
        self._applied: dict[str, tuple[Allow, ...]] = {}
        self._opened: set[str] = set()
        self._guarded: dict[str, _Guarded] = {}  # by the pause container's id
        self._learnt: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._learning = threading.Lock()

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

    def guard(self, task: Task, pause_id: str, address: str) -> None:
        """Sets the filter of a task's interface, which is about to be used. CannotFilter; EngineError."""
        if not self.enforced or task.eni is None:
            return
        self._learn(task.account, task.region)
        with self._database.write() as tx:
            _join(tx, task, address)
            allows = _allowances(tx, task.account, task.region, task.eni.security_groups)
        self._remember(task, pause_id)
        self._set(pause_id, allows)

    def renew(self, account: str, region: str) -> list[tuple[str, str]]:
        """Sets every filter that is not as it should be; the ARNs of tasks that could not be filtered, and why.

        Raises EngineUnavailable and EngineNotResponding: to be done again.
        """
        if not self.enforced:
            return self._open_all(account, region)
        self._learn(account, region)
        with self._lock:
            guarded = [(pause, kept) for pause, kept in self._guarded.items() if kept.place == (account, region)]
        with self._database.read() as reader:
            wanted = {groups: _allowances(reader, account, region, groups) for groups in {g.groups for _, g in guarded}}
        failed = []
        for pause_id, kept in guarded:
            why = self._attempt(pause_id, lambda pause, allows=wanted[kept.groups]: self._set(pause, allows))  # type: ignore[misc]
            if why is not None:
                failed.append((kept.task_arn, why))
        return failed

    def _open_all(self, account: str, region: str) -> list[tuple[str, str]]:
        """Takes the filters of an earlier run away."""
        if not any(labels.FILTERED in state.labels for state in self._watch.states()):
            return []
        with self._database.read() as reader:
            tasks = vpc_queries.tasks_with_interface(reader, account, region)
        pauses = [(task.arn, task.pause_id) for task in tasks if task.pause_id is not None and not _is_going(task)]
        tried = [(arn, self._attempt(pause_id, self._open)) for arn, pause_id in pauses]
        return [(arn, why) for arn, why in tried if why is not None]

    def _attempt(self, pause_id: str, act: Callable[[str], None]) -> str | None:
        """Why it failed, if the interface is still there."""
        try:
            act(pause_id)
        except NotFound:
            self.forget(pause_id)  # it has just ended
        except (EngineUnavailable, EngineNotResponding):
            raise
        except (CannotFilter, EngineError) as error:
            return str(error)
        return None

    def _learn(self, account: str, region: str) -> None:
        """Once for a place: which interfaces were there before this process, and who is in their groups."""
        with self._learning:
            if (account, region) in self._learnt:
                return
            with self._database.write() as tx:
                for task in vpc_queries.tasks_with_interface(tx, account, region):
                    if task.eni is not None and task.eni.private_ip:
                        _join(tx, task, task.eni.private_ip)
                    if task.pause_id is not None and not _is_going(task):
                        self._remember(task, task.pause_id)
            self._learnt.add((account, region))

    def _remember(self, task: Task, pause_id: str) -> None:
        if task.engine == self._engine_name and task.eni is not None:
            groups = tuple(task.eni.security_groups)
            with self._lock:
                self._guarded[pause_id] = _Guarded((task.account, task.region), task.arn, groups)

    def forget(self, pause_id: str) -> None:
        with self._lock:
            self._applied.pop(pause_id, None)
            self._guarded.pop(pause_id, None)

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


def _join(tx: Transaction, task: Task, address: str) -> None:
    """The interface's address is in its groups, and in no others."""
    wanted = set(task.eni.security_groups) if task.eni is not None else set()
    for member in tx.find(GROUP_MEMBERS, task_arn=task.arn):
        if member.group_id not in wanted:
            tx.delete(GROUP_MEMBERS, member.account, member.region, member.group_id, member.task_arn)
    for group in sorted(wanted):
        tx.put(GROUP_MEMBERS, GroupMember(task.account, task.region, group, task.arn, address))


def _allowances(reader: Reader, account: str, region: str, of: Sequence[str]) -> tuple[Allow, ...]:
    """What groups let through: of all interfaces only the addresses in groups that their rules name are read."""
    groups = {group.id: group for group in vpc_queries.security_groups(reader, account, region)}
    named = {rule.group_id for one in of if one in groups for rule in groups[one].rules if rule.group_id}
    members = {
        group: set(reader.column(GROUP_MEMBERS, "address", account=account, region=region, group_id=group))
        for group in named
    }
    return allowances(of, groups, members)


def _is_going(task: Task) -> bool:
    return task.pause_gone or task.pause_removed


class SecurityGroupController:
    """Key: `account/region`. Woken by changed rules, and by interfaces that come and go."""

    def __init__(
        self, clock: Clock, database: Database, loop: ControlLoop, work: Work, guards: Sequence[Guards]
    ) -> None:
        self._clock = clock
        self._database = database
        self._loop = loop
        self._guards = guards
        self._renewal = Renewal("security_groups", clock, loop, work, self._renew)

    def reconcile(self, key: str) -> float | None:
        return self._renewal.reconcile(key)

    def _renew(self, key: str) -> None:
        account, region = key.split("/")
        failed: list[tuple[str, str]] = []
        try:
            for guards in self._guards:
                failed += guards.renew(account, region)
        finally:
            self._loop.post(lambda: self._stop(failed))

    def _stop(self, failed: list[tuple[str, str]]) -> None:
        """Nothing runs on unguarded."""
        for arn, why in failed:
            reason = f"Its security groups cannot be enforced any more: {why}"
            with self._database.write() as tx:
                current = find_task(tx, arn)
                if current is None or _is_going(current):
                    continue
                _log.warning("%s: %s", arn, reason)
                now = self._clock.now()
                write_task(tx, current, stop(current, "InfrastructureHealth", reason, now), now)
