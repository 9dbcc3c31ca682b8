"""The service scheduler: what a service wants next, and why. Pure; control carries its plans out.

`reconcile` looks at a service and its tasks and answers with everything to be done now; asked again before anything
changed it answers with nothing. It keeps the desired count, replaces what ended or is unhealthy, rolls a new
deployment within the percentages, scales, drains, and says in events what it does. It does not know clocks, engines
or where tasks run. Placement on instances answers through `placement_refusal`; the circuit breaker and alarms will
turn a deployment FAILED, which starts nothing more already.
Source: AWS developer guide "Deploy Amazon ECS services by replacing tasks", "Amazon ECS services".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from emulator.domain import service_events as say
from emulator.domain.actions import NoteEnds, ServiceAction, StartTasks, StopTask
from emulator.domain.capacity_strategy import share_out
from emulator.domain.deployment import IMPAIRED_AFTER, bounds, completed, judged, with_health_failure
from emulator.domain.service import Deployment, Service, ServiceEvent
from emulator.domain.service_events import IdSource, Said
from emulator.domain.service_tasks import LIVE, Member, failed_to_start, in_order_of_stopping, muster, of
from emulator.domain.task import Task

PlacementRefusal = Callable[[Deployment], str | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """`service`: the record to put, None when it does not change. `events`: those new in it, oldest first.
    `next_look`: when time alone will change the plan. `because`: what is so and what follows, in words."""

    service: Service | None
    actions: tuple[ServiceAction, ...]
    next_look: float | None
    because: str
    events: tuple[ServiceEvent, ...] = ()


def needs_instances(deployment: Deployment) -> str | None:
    """Why no task of this deployment can be placed, or None. Only Fargate can hold tasks: there are no instances."""
    launch_type = deployment.spec.get("launchType")
    if launch_type in (None, "FARGATE"):
        return None
    return "No Container Instances were found in your cluster."


def reconcile(
    service: Service,
    tasks: Sequence[Task],
    now: float,
    ids: IdSource,
    placement_refusal: PlacementRefusal = needs_instances,
) -> Plan:
    """What to do about a service now.

    `tasks`: all of the service that are not `released` yet (released ones may be among them). `now`: epoch seconds.
    """
    known = [task for task in tasks if not task.released]
    round_ = _Round(service, known, now, ids, placement_refusal)
    match service.status:
        case "ACTIVE":
            return round_.keep()
        case "DRAINING":
            return round_.drain()
        case "INACTIVE":
            return round_.forget()


class _Round:
    """One reconciliation under way: collects actions, events and the changed record."""

    def __init__(
        self, service: Service, tasks: list[Task], now: float, ids: IdSource, refusal: PlacementRefusal
    ) -> None:
        self.before = service
        self.service = service
        self.tasks = tasks
        self.now = now
        self.ids = ids
        self.refusal = refusal
        self.actions: list[ServiceAction] = []
        self.events: list[ServiceEvent] = []
        self.told = dict(service.told)
        self.looks: list[float] = []
        self.words: list[str] = []
        self.stopping: set[str] = set()

    # --- the three states of a service ---------------------------------------------------------------------------

    def keep(self) -> Plan:
        self._judge()
        self.fleet = muster(self.service, self.tasks, self.now)
        self.looks += [m.changes_at for m in self.fleet.wanted if m.changes_at is not None]
        self._say_unhealthy()
        self._size_up()
        self._stop_unhealthy()
        self._stop_old()
        self._scale_in()
        self._start()
        self._say_stopped()
        self._drop_empty_deployments()
        self._settle()
        return self._plan()

    def drain(self) -> Plan:
        """A deleted service: everything stops, whatever protects it."""
        self._note_ends()
        self.fleet = muster(self.service, self.tasks, self.now)
        for member in self.fleet.wanted:
            self._stop(member, self._scaling_reason(), "the service is being deleted")
        self._say_stopped()
        going = [t for t in self.tasks if t.last_status in LIVE or t.last_status == "DEACTIVATING"]
        if not going:
            self.service = replace(self.service, status="INACTIVE", deployments=[])
            self.told = {}
        self.words.append(f"deleted; {len(going)} tasks have not stopped yet")
        return self._plan()

    def forget(self) -> Plan:
        """An INACTIVE service only lets go of its last tasks."""
        self._note_ends()
        self.words.append("deleted")
        return self._plan()

    # --- what happened -------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        ends = self._note_ends()
        deployments = []
        for deployment in self.service.deployments:
            own = [t for t in self.tasks if t.deployment_id == deployment.id]
            deployments.append(judged(deployment, [t for t in own if t.arn in ends], own, self.now))
        self.service = replace(self.service, deployments=deployments)
        if self.service.primary.start_failures >= IMPAIRED_AFTER:
            self._tell(say.IMPAIRED, say.start_impaired(self.service.name))
        else:
            self.told.pop(say.IMPAIRED, None)

    def _note_ends(self) -> set[str]:
        """The failed launches not counted yet. Marks them, and lets go of what has STOPPED."""
        failed = {t.arn for t in self.tasks if failed_to_start(t) and not t.end_noted}
        stopped = [t.arn for t in self.tasks if t.stopped]
        noted = sorted(failed.union(stopped))
        if noted:
            words = f"{len(failed)} never reached RUNNING" if failed else "they have stopped"
            self.actions.append(NoteEnds(tuple(noted), words))
        return failed

    def _say_unhealthy(self) -> None:
        unhealthy = {say.UNHEALTHY + m.task.id: m for m in of(self.fleet.wanted, "unhealthy")}
        for kind in [k for k in self.told if k.startswith(say.UNHEALTHY) and k not in unhealthy]:
            del self.told[kind]
        for kind, member in unhealthy.items():
            if kind not in self.told and member in self.fleet.primary:
                self._replace_primary(with_health_failure(self.service.primary, self.now))
            self._tell(kind, say.failed_health_checks(self.service.name, member.task.id))

    # --- how many ------------------------------------------------------------------------------------------------

    def _size_up(self) -> None:
        """The numbers that the steps below use up: `need` to start, `room` under the ceiling, `spare` above the
        floor. A new task counts for the floor once it is healthy, an old one as long as it runs."""
        service, fleet = self.service, self.fleet
        limits = bounds(service.desired_count, service.minimum_healthy_percent, service.maximum_percent)
        healthy_primary = len(of(fleet.primary, "healthy"))
        self.need = service.desired_count - len(fleet.primary) + len(of(fleet.primary, "unhealthy"))
        self.room = limits.ceiling - fleet.live
        self.spare = healthy_primary + len(of(fleet.old, "waiting", "healthy")) - limits.floor
        self.spare_healthy = len(of(fleet.wanted, "healthy")) - limits.floor
        self.healthy_primary = healthy_primary
        self.held_back = self._held_back()
        running = len(of(fleet.primary, "waiting", "healthy", "unhealthy"))
        self.words.append(f"{running} of {service.desired_count} running")
        if fleet.old:
            self.words.append(f"{len(fleet.old)} of older deployments left")

    def _held_back(self) -> str | None:
        """Why nothing is started although tasks are missing."""
        primary = self.service.primary
        if self.need <= 0:
            self.told.pop(say.UNPLACED, None)
            return None
        if primary.rollout_state == "FAILED":
            return f"the deployment has failed: {primary.rollout_state_reason}"
        refusal = self.refusal(primary)
        if refusal is not None:
            self._tell(say.UNPLACED, say.placement_failed(self.service.name, refusal))
            return refusal
        self.told.pop(say.UNPLACED, None)
        if primary.next_start_at is not None and self.now < primary.next_start_at:
            self.looks.append(primary.next_start_at)
            seconds = primary.next_start_at - self.now
            return f"{primary.start_failures} launches in a row failed; the next is in {seconds:.0f} s"
        return None

    # --- stopping ------------------------------------------------------------------------------------------------

    def _stop_unhealthy(self) -> None:
        """Replacement first: an unhealthy task goes when a healthy one stands in for it. Only where maximumPercent
        leaves no room for the replacement, one goes before, and the next when that replacement has settled."""
        unhealthy = of(self.fleet.primary, "unhealthy")
        surplus = self.healthy_primary + len(unhealthy) - self.service.desired_count
        count = min(len(unhealthy), max(0, surplus))
        unsettled = self.fleet.leaving or of(self.fleet.primary, "starting", "waiting")
        if unhealthy and not count and self.need > 0 and self.room <= 0 and not unsettled and not self.held_back:
            count = 1
        for member in unhealthy[:count]:
            self._stop(member, "Task failed container health checks", "its health checks fail")

    def _stop_old(self) -> None:
        """Old tasks go as far as the floor allows; those that serve nobody go first and freely."""
        for member in self._stoppable(of(self.fleet.old, "starting")):
            self._stop(member, self._scaling_reason(), "its deployment was replaced")
        unhealthy = self._stoppable(of(self.fleet.old, "unhealthy"))
        serving = self.healthy_primary + len(of(self.fleet.old, "waiting", "healthy", "unhealthy"))
        count = serving - self.service.desired_count
        if not self.held_back:
            # Room that comes by what is leaving anyway is not made by stopping more.
            count = max(count, self.need - max(0, self.room) - self.fleet.leaving - len(self.stopping))
        for member in unhealthy[: max(0, count)]:
            self._stop(member, self._scaling_reason(), "its deployment was replaced, and its health checks fail")
        if self.spare > 0:
            for member in self._stoppable(of(self.fleet.old, "waiting", "healthy")):
                self._stop_above_floor(member, "its deployment was replaced")

    def _scale_in(self) -> None:
        surplus = -self.need
        good = of(self.fleet.primary, "starting", "waiting", "healthy")
        if surplus > 0:
            cause = f"{len(good)} are there, {self.service.desired_count} are desired"
            for member in self._stoppable(good)[:surplus]:
                self._stop_above_floor(member, cause)
        protected = sum(m.protected and m.task.id not in self.stopping for m in self.fleet.primary)
        if protected > self.service.desired_count:
            self._tell(say.PROTECTED, say.scale_in_blocked(self.service.name, self.service.primary.id))
        else:
            self.told.pop(say.PROTECTED, None)

    def _stop_above_floor(self, member: Member, because: str) -> None:
        """Stops it unless that would take healthy tasks below minimumHealthyPercent."""
        counts = member.verdict == "healthy" or (member.verdict == "waiting" and member in self.fleet.old)
        if counts:
            if self.spare <= 0 or (member.verdict == "healthy" and self.spare_healthy <= 0):
                return
            self.spare -= 1
            self.spare_healthy -= member.verdict == "healthy"
        self._stop(member, self._scaling_reason(), because)

    def _stoppable(self, members: Iterable[Member]) -> list[Member]:
        return in_order_of_stopping([m for m in members if not m.protected])

    def _stop(self, member: Member, reason: str, because: str) -> None:
        self.stopping.add(member.task.id)
        self.told.pop(say.UNHEALTHY + member.task.id, None)
        self.actions.append(StopTask(member.task.arn, "ServiceSchedulerInitiated", reason, because))

    def _scaling_reason(self) -> str:
        return f"Scaling activity initiated by (deployment {self.service.primary.id})"

    # --- starting ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        count = min(self.need, self.room)
        if self.held_back:
            self.words.append(self.held_back)
            return
        if count <= 0:
            return
        unhealthy = len(of(self.fleet.primary, "unhealthy"))
        primary = self.service.primary
        task_ids = tuple(self.ids.hex(32) for _ in range(count))
        good = self.service.desired_count - self.need
        because = f"{good} of {self.service.desired_count} are there and well"
        self.actions.append(StartTasks(primary.id, task_ids, self._providers(primary, count), because))
        self._say(say.started(self.service.name, task_ids, min(count, unhealthy)))
        self.words.append(f"starting {count}")

    def _providers(self, deployment: Deployment, count: int) -> tuple[str | None, ...]:
        strategy = deployment.spec.get("capacityProviderStrategy")
        if not strategy:
            return (None,) * count
        running = Counter(m.task.capacity_provider for m in self.fleet.primary if m.task.capacity_provider)
        return share_out(strategy, running, count)

    # --- what it comes to ----------------------------------------------------------------------------------------

    def _drop_empty_deployments(self) -> None:
        """A replaced deployment disappears once none of its tasks is running or on the way there."""
        alive = {t.deployment_id for t in self.tasks if t.last_status in LIVE}
        alive.update(m.task.deployment_id for m in self.fleet.wanted)
        kept = [d for d in self.service.deployments if d.status == "PRIMARY" or d.id in alive]
        self.service = replace(self.service, deployments=kept)

    def _settle(self) -> None:
        """Steady or not, blocked or not; and what that ends."""
        fleet, desired = self.fleet, self.service.desired_count
        moving = any(not isinstance(action, NoteEnds) for action in self.actions)
        steady = not moving and self.healthy_primary == desired == len(fleet.primary) == fleet.live
        if steady and self.service.primary.rollout_state != "FAILED":
            self._say_steady()
        else:
            self.told.pop(say.STEADY, None)
        unsettled = moving or fleet.leaving or of(fleet.wanted, "starting", "waiting")
        if fleet.old and self.need > 0 and self.room <= 0 and not unsettled and not self.held_back:
            self._tell(say.BLOCKED, say.deployment_blocked(self.service.name))
            self.words.append("minimumHealthyPercent and maximumPercent allow neither a start nor a stop")
        elif not fleet.old or moving:
            self.told.pop(say.BLOCKED, None)

    def _say_steady(self) -> None:
        primary = self.service.primary
        if primary.rollout_state == "IN_PROGRESS":
            self._say(say.deployment_completed(self.service.name, primary.id))
            self._replace_primary(completed(primary, self.now))
        if primary.failed_tasks and self.service.desired_count:
            self._replace_primary(replace(self.service.primary, failed_tasks=0, failed_at=None, updated_at=self.now))
        self._tell(say.STEADY, say.steady_state(self.service.name))
        self.words.append("steady")

    def _say_stopped(self) -> None:
        stopped = [m for m in self.fleet.wanted if m.task.id in self.stopping]
        running = [m.task.id for m in stopped if m.verdict != "starting"]
        if len(stopped) > len(running):
            self._say(say.stopped_pending(self.service.name, len(stopped) - len(running)))
        if running:
            self._say(say.stopped_running(self.service.name, running))
        if stopped:
            self.words.append(f"stopping {len(stopped)}")

    def _replace_primary(self, changed: Deployment) -> None:
        deployments = [changed if d.id == changed.id else d for d in self.service.deployments]
        self.service = replace(self.service, deployments=deployments)

    def _say(self, said: Said) -> None:
        self.events.append(ServiceEvent(self.ids.uuid(), self.now, said.message, said.name))

    def _tell(self, kind: str, said: Said) -> None:
        """Says what stands, once, and again when it still stands after six hours."""
        when = self.told.get(kind)
        if when is None or self.now >= when + say.SAID_AGAIN_AFTER_S:
            self._say(said)
            self.told[kind] = self.now

    def _plan(self) -> Plan:
        because = "; ".join(self.words)
        changed = say.with_events(self.service, self.events, self.told)
        self.looks += [when + say.SAID_AGAIN_AFTER_S for when in self.told.values()]
        record = None if changed == self.before else replace(changed, because=because)
        return Plan(record, tuple(self.actions), min(self.looks, default=None), because, tuple(self.events))
