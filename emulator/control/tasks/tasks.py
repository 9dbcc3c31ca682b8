"""The controller of tasks: observe, decide (task_progress), write, have the engine act."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.clock import Clock
from emulator.control.engines import Engines
from emulator.control.faults import Faults
from emulator.control.loop import ControlLoop
from emulator.control.networks.host_ports import release_ports
from emulator.control.networks.networks import release
from emulator.control.tasks.definitions import DefinitionMissing, Definitions
from emulator.control.turn import Look, Turn
from emulator.control.work import Lane
from emulator.domain.tasks.container_order import order_of
from emulator.domain.tasks.task import Task
from emulator.domain.tasks.task_actions import (
    FindImage,
    InitializeResources,
    LaunchContainer,
    ProvideNetwork,
    RestartContainer,
    TaskAction,
    action_key,
)
from emulator.domain.tasks.task_outcomes import Failed, Outcome, settled
from emulator.domain.tasks.task_overrides import EffectiveTask
from emulator.domain.tasks.task_progress import DEFAULT_STOP_TIMEOUT_S, Needs, Plan, advance
from emulator.events import journal
from emulator.events.instance_changes import resources_changed
from emulator.events.task_changes import tell_change
from emulator.store.database import Database, Reader, Transaction
from emulator.store.ecs_tables import TASKS
from emulator.store.instance_capacity import vacate
from emulator.store.task_queries import find_task, task_place

_log = logging.getLogger("homeport.control")

STOPPED_TASKS_KEPT_S = 3600.0
MOST_RUNGS: Final = 8
"""Of a task's ladder in one look."""


@dataclass(slots=True)
class _Hand:
    """What is under way for one task, and what came back of it."""

    in_flight: set[str] = field(default_factory=set)
    outcomes: list[tuple[TaskAction, Outcome]] = field(default_factory=list)


class TaskController:
    """Key: the task's ARN. Runs on the loop's thread only; engine work comes back through the loop."""

    def __init__(
        self,
        clock: Clock,
        database: Database,
        loop: ControlLoop,
        engines: Engines,
        definitions: Definitions,
        faults: Faults,
    ) -> None:
        self._clock = clock
        self._database = database
        self._loop = loop
        self._engines = engines
        self._definitions = definitions
        self._faults = faults
        self._hands: dict[str, _Hand] = {}

    def look(self, turn: Turn, key: str) -> Look:
        now = self._clock.now()
        hand = self._hands.get(key) or _Hand()
        task = self._task(turn, key)
        if task is None:
            return Look(then=lambda: self._let_go(key))
        effective = self._definitions.known(task)
        if effective is None:
            with turn.read() as reader:
                effective = self._effective(reader, task)
        if not task.stopped and self._faults.cut_off(task):
            return Look()  # woken when the agent is connected again; what came back meanwhile is taken in then
        plans = self._climb(task, effective, hand, now)
        if plans[-1].task != task or hand.outcomes:
            seen = turn.writes
            tx = turn.write()
            if seen is None:
                # An API call may have changed the record since it was read: plan on what is there now.
                current = find_task(tx, key)
                if current is None:
                    return Look()
                if current != task:
                    task = current
                    plans = self._climb(task, effective, hand, now)
            self._write(tx, task, [plan.task for plan in plans], now)
        plan = plans[-1]
        if plan.task.stopped and not hand.in_flight:
            again = now + STOPPED_TASKS_KEPT_S if plan.task.stopped_at is None else self._forget(turn, plan.task, now)
            return Look(again, lambda: self._let_go(key))
        return Look(plan.next_look, lambda: self._act(key, hand, plan, effective))

    def _task(self, turn: Turn, key: str) -> Task | None:
        if turn.writes is not None:
            return find_task(turn.writes, key)
        known = self._database.latest(TASKS, *task_place(key))
        if known is not None:
            return known
        with turn.read() as reader:
            return find_task(reader, key)

    def _climb(self, task: Task, effective: EffectiveTask | None, hand: _Hand, now: float) -> list[Plan]:
        """Rung by rung, as far as the task gets without anything being done for it; the last plan has the actions."""
        plans = [self._plan(task, effective, hand, now)]
        while _goes_on(plans[-1], now) and len(plans) < MOST_RUNGS:
            plans.append(self._plan(plans[-1].task, effective, _Hand(hand.in_flight), now))
        return plans

    def _let_go(self, key: str) -> None:
        self._hands.pop(key, None)

    def forget_all(self) -> None:
        """For a reset: what waits for its turn is not begun any more, and nobody waits for what is under way."""
        self._hands.clear()

    def plan_of(self, task: Task) -> Plan:
        """What the next look would do: for `homeport explain`."""
        if not task.stopped and (because := self._faults.cut_off(task)):
            return Plan(task, because=because)
        with self._database.read() as reader:
            effective = self._effective(reader, task)
        hand = self._hands.get(task.arn) or _Hand()
        return self._plan(task, effective, _Hand(set(hand.in_flight)), self._clock.now())

    def _plan(self, task: Task, effective: EffectiveTask | None, hand: _Hand, now: float) -> Plan:
        for action, outcome in hand.outcomes:
            task = settled(task, action, outcome, now)
        if effective is None and task.desired_status == "RUNNING":
            gone = Failed("ResourceInitializationError: the task definition was deleted")
            task = settled(task, ProvideNetwork("the definition is missing"), gone, now)
        return advance(task, self._engines.sight(task), _needs(effective), frozenset(hand.in_flight), now)

    def _effective(self, reader: Reader, task: Task) -> EffectiveTask | None:
        try:
            return self._definitions.of(reader, task)
        except DefinitionMissing:
            return None

    def _write(self, tx: Transaction, before: Task, rungs: Sequence[Task], now: float) -> None:
        """Each rung is told; the last is the record."""
        task, shape = before, None
        for rung in rungs:
            if rung == task:
                continue
            after, shape = tell_change(tx, task, rung, now, shape)
            for kind, detail in changes(task, after):
                journal.append(
                    tx, at=now, account=after.account, region=after.region, kind=kind, subject=after.arn, detail=detail
                )
            task = after
        if task is before:
            return
        tx.put(TASKS, task)
        if task.eni != before.eni:
            tx.wake("security_groups", f"{task.account}/{task.region}")
        if task.stopped and not before.stopped:
            release(tx, task)
            resources_changed(tx, vacate(tx, task), now)
            release_ports(tx, task)

    def _forget(self, turn: Turn, task: Task, now: float) -> float | None:
        """Stopped tasks stay describable for an hour of clock (Amazon ECS developer guide)."""
        due = (task.stopped_at or now) + STOPPED_TASKS_KEPT_S
        if now < due:
            return due
        turn.write().delete(TASKS, task.account, task.region, task.cluster, task.id)
        return None

    def _act(self, key: str, hand: _Hand, plan: Plan, effective: EffectiveTask | None) -> None:
        """What the committed plan asks for; what came back before is taken in by it."""
        hand.outcomes.clear()
        if effective is None:
            return
        for action in plan.actions:
            hand.in_flight.add(action_key(action))
        if plan.actions:
            self._hands[key] = hand
        for action in plan.actions:
            self._submit(key, hand, plan.task, effective, action)

    def _submit(self, key: str, hand: _Hand, task: Task, effective: EffectiveTask, action: TaskAction) -> None:
        def job() -> None:
            if key not in self._hands:
                return  # all was reset while it waited for its turn
            outcome = self._engines.perform(task, effective, action)
            self._loop.post(lambda: back(outcome))

        def back(outcome: Outcome) -> None:
            hand.in_flight.discard(action_key(action))
            hand.outcomes.append((action, outcome))
            if isinstance(outcome, Failed):
                _log.info("%s: %s: %s", task.arn, action_key(action), outcome.reason)
            self._loop.wake([("task", key)])

        # Its network is how a task begins: the rest of one that has begun goes before it.
        self._engines.submit(task, _lane(action), job, ahead=not isinstance(action, ProvideNetwork))


def _goes_on(plan: Plan, now: float) -> bool:
    """Whether the next rung needs nothing but another look. Down it goes rung by rung: whoever lets go of a task that
    is to stop, as Cloud Map does, comes between."""
    up = plan.task.desired_status == "RUNNING" and not plan.actions
    return up and plan.next_look is not None and plan.next_look <= now


def changes(before: Task, after: Task) -> list[tuple[str, dict[str, object]]]:
    """What happened between two records, as journal entries."""
    found: list[tuple[str, dict[str, object]]] = []
    if after.last_status != before.last_status:
        detail: dict[str, object] = {"lastStatus": after.last_status, "desiredStatus": after.desired_status}
        if after.stop_code:
            detail |= {"stopCode": after.stop_code, "stoppedReason": after.stopped_reason}
        found.append(("task.status_changed", {**detail, "because": after.because}))
    for old, new in zip(before.containers, after.containers, strict=True):
        if (old.last_status, old.health_status) != (new.last_status, new.health_status):
            found.append(
                (
                    "container.status_changed",
                    {
                        "container": new.name,
                        "lastStatus": new.last_status,
                        "healthStatus": new.health_status,
                        "exitCode": new.exit_code,
                        "reason": new.reason,
                    },
                )
            )
    for text in after.warnings[len(before.warnings) :]:
        found.append(("task.warned", {"text": text}))
    return found


def _needs(effective: EffectiveTask | None) -> Needs:
    if effective is None:
        return Needs()
    timeouts = {c["name"]: float(c.get("stopTimeout", DEFAULT_STOP_TIMEOUT_S)) for c in effective.containers}
    return Needs(timeouts, order_of(effective.containers), bool(effective.definition.get("volumes")))


def _lane(action: TaskAction) -> Lane:
    match action:
        case FindImage():
            return "pull"
        case ProvideNetwork() | InitializeResources() | LaunchContainer() | RestartContainer():
            return "start"
    return "stop"
