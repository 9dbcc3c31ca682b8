"""Keeps the faults on demand, and is asked whether one strikes: an action of a task, a call of an API, the engine.

Every change is in the store before it acts, so that a fault outlives a crash. What matches and when a fault is over,
domain/faults.py decides; what is done to instances and tasks when one begins or ends, control/fault_effects.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from emulator.clock import Clock
from emulator.control.fault_effects import begin, finish
from emulator.domain.fault_request import fault_from
from emulator.domain.fault_words import pull_reason, start_reason, told
from emulator.domain.faults import (
    Fault,
    after_call,
    ended,
    forgotten,
    hits_call,
    hits_container,
    is_active,
    next_look,
    struck,
)
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_actions import FindImage, LaunchContainer, RestartContainer, TaskAction, action_key
from emulator.domain.tasks.task_outcomes import Failed, Held
from emulator.events import journal
from emulator.ids import Ids
from emulator.store.database import Database, Transaction
from emulator.store.faults_table import FAULTS

CLEARED = "it was cleared"
TIME_OVER = "its time was over"


class Faults:
    """A mirror of the table, so that whoever asks pays nothing while there is none. May be asked from any thread.

    `engine_changed` is told when an outage begins (False) and when the engine may answer again (True).
    """

    def __init__(self, clock: Clock, database: Database, ids: Ids) -> None:
        self._clock = clock
        self._database = database
        self._ids = ids
        self._lock = threading.RLock()
        self.engine_changed: Callable[[bool], None] = lambda answers: None
        self._suspended = False
        self._on: tuple[Fault, ...] = ()
        with database.read() as reader:
            self._all = {fault.id: fault for fault in reader.find(FAULTS)}
        self._sort()

    # -- asked by the user

    def add(self, asked: Mapping[str, Any], *, account: str, region: str) -> Fault:
        """A new fault, acting already; a zone is one of the region's. Raises BadFault."""
        now = self._clock.now()
        with self._lock:
            with self._database.write() as tx:
                wanted = fault_from(asked, id_=f"fault-{self._ids.hex(8)}", now=now, account=account, region=region)
                self._note(tx, "fault.added", wanted, now)
                fault = begin(tx, wanted, now)
                tx.insert(FAULTS, fault)
            self._took(fault)
        if fault.kind == "engine-outage":
            self.engine_changed(False)
        return fault

    def clear(self, fault_id: str | None) -> tuple[list[Fault], list[Fault]]:
        """Ends one, or all, and takes it out of the list: those that were on, and those that were over already. Both
        empty when there is none of that id."""
        now = self._clock.now()
        with self._lock:
            found = [f for f in self._all.values() if fault_id in (None, f.id)]
            on = [fault for fault in found if is_active(fault, now)]
            with self._database.write() as tx:
                for fault in found:
                    if fault.ended_at is None:
                        self._end(tx, fault, now, CLEARED if fault in on else TIME_OVER)
                    tx.delete(FAULTS, fault.id)
            for fault in found:
                del self._all[fault.id]
            self._sort()
        if any(fault.kind == "engine-outage" for fault in found):
            self.engine_changed(self.outage() is None)
        return on, [fault for fault in found if fault not in on]

    def listed(self) -> list[Fault]:
        """In the order in which they were added; those that are over as long as they are kept."""
        return sorted(self._all.values(), key=lambda fault: (fault.since, fault.id))

    # -- asked by whoever may be struck

    def on(self) -> tuple[Fault, ...]:
        """Those that act now."""
        if not self._on or self._suspended:
            return ()
        now = self._clock.now()
        return tuple(fault for fault in self._on if is_active(fault, now))

    def strike(self, task: Task, action: TaskAction) -> Failed | Held | None:
        """What a fault makes of an action of a task; None: nothing."""
        if not self._all or not isinstance(action, FindImage | LaunchContainer | RestartContainer):
            return None
        container, key = task.container(action.container), action_key(action)
        kind = "pull" if isinstance(action, FindImage) else "start"
        had = [by.partition(" ")[0] for by in container.held_by if by.partition(" ")[2] == key]
        for fault in [self._all[fault_id] for fault_id in had if fault_id in self._all]:
            if fault.error:
                return _failed(fault, container.image, container.name)
        for fault in self.on():
            if fault.kind != kind or fault.id in had:
                continue
            if not hits_container(fault, task, container.name, container.image) or not self._strike(fault.id, task):
                continue
            if fault.delay_s:
                until = self._clock.now() + fault.delay_s
                return Held(container.name, until, f"{fault.id} {key}", told(fault))
            return _failed(fault, container.image, container.name)
        return None

    def throttles(self, api: str, operation: str) -> str | None:
        """The id of the fault because of which a call is answered with ThrottlingException."""
        for fault in self.on():
            if hits_call(fault, api, operation):
                now = self._clock.now()
                with self._lock, self._database.write() as tx:
                    known = self._all.get(fault.id)
                    if known is None or not is_active(known, now):
                        continue
                    changed, throttled = after_call(known, api, operation, now)
                    self._put(tx, changed)
                if throttled:
                    return fault.id
        return None

    def outage(self) -> str | None:
        """Why the engine answers nothing; None while it may."""
        for fault in self.on():
            if fault.kind == "engine-outage":
                return f"an outage on demand ({fault.id})"
        return None

    def outage_of(self, task: Task) -> str:
        """An action of the task failed since the engine did not answer: the fault in words, empty if it was none."""
        for fault in self.on():
            if fault.kind == "engine-outage" and self._strike(fault.id, task):
                return told(fault)
        return ""

    def cut_off(self, task: Task) -> str:
        """Why nobody acts on the task: the agent of its instance is not connected. Empty when it is."""
        if task.container_instance_arn is None or task.stop_code == "InfrastructureHealth":
            return ""
        for fault in self.on():
            if fault.kind == "agent-disconnect" and fault.instance == task.container_instance_arn:
                return f"the agent of its container instance is not connected: {told(fault)}"
        return ""

    def suspend(self) -> None:
        """The emulator ends: nothing strikes any more, so that it can clean up."""
        self._suspended = True

    # -- a controller. Key: the fault's id

    def reconcile(self, key: str) -> float | None:
        """Ends it when its time is over, and forgets it an hour of clock later."""
        now = self._clock.now()
        with self._lock:
            fault = self._all.get(key)
            if fault is None:
                return None
            if fault.ended_at is None and not is_active(fault, now):
                with self._database.write() as tx:
                    fault = self._end(tx, fault, now, TIME_OVER)
                    self._put(tx, fault)
                if fault.kind == "engine-outage":
                    self.engine_changed(self.outage() is None)
            elif forgotten(fault, now):
                with self._database.write() as tx:
                    tx.delete(FAULTS, key)
                del self._all[key]
                self._sort()
                return None
            return next_look(fault)

    # -- under the lock

    def _strike(self, fault_id: str, task: Task) -> bool:
        """Counts it, unless it is over by now."""
        now = self._clock.now()
        with self._lock, self._database.write() as tx:
            known = self._all.get(fault_id)
            if known is None or not is_active(known, now):
                return False
            changed = struck(known, now, [task.arn])
            self._put(tx, changed)
            self._note_task(tx, task, changed, now)
            if changed.ended_at is not None:
                self._note(tx, "fault.ended", changed, now)
        return True

    def _end(self, tx: Transaction, fault: Fault, now: float, because: str) -> Fault:
        others = [other for other in self._on if other.id != fault.id and is_active(other, now)]
        finish(tx, fault, others, now, called_off=because == CLEARED)
        fault = ended(fault, now, because)
        self._note(tx, "fault.ended", fault, now)
        return fault

    def _put(self, tx: Transaction, fault: Fault) -> None:
        tx.put(FAULTS, fault)
        self._took(fault)

    def _took(self, fault: Fault) -> None:
        self._all[fault.id] = fault
        self._sort()

    def _sort(self) -> None:
        self._on = tuple(fault for fault in self.listed() if fault.ended_at is None)

    def _note(self, tx: Transaction, kind: str, fault: Fault, now: float) -> None:
        detail = {"fault": told(fault), **({"because": fault.ended_because} if fault.ended_because else {})}
        journal.append(tx, at=now, account="", region="", kind=kind, subject=fault.id, detail=detail)

    def _note_task(self, tx: Transaction, task: Task, fault: Fault, now: float) -> None:
        journal.append(
            tx,
            at=now,
            account=task.account,
            region=task.region,
            kind="task.struck",
            subject=task.arn,
            detail={"fault": told(fault)},
        )


def _failed(fault: Fault, image: str, container: str) -> Failed:
    reason = pull_reason(fault, image) if fault.kind == "pull" else start_reason(fault, container)
    return Failed(reason, fault=told(fault))
