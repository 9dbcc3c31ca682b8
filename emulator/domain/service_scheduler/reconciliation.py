"""One reconciliation of a service under way: what is known, what was decided so far, and the plan it comes to.

The steps of scheduler.py, rolling.py and rollout.py decide; this keeps what they say, once, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.alarm import AlarmState
from emulator.domain.service_scheduler.service import Deployment, Service, ServiceEvent
from emulator.domain.service_scheduler.service_deployment import ServiceDeployment
from emulator.domain.service_scheduler.service_events import IdSource, Notice, Said
from emulator.domain.service_scheduler.service_placement import (
    DaemonHost,
    Placer,
    Unplaced,
    ZonePlacer,
    nowhere,
    on_fargate,
)
from emulator.domain.service_scheduler.service_tasks import Fleet, Member, Targets, failed_to_start, muster
from emulator.domain.tasks.actions import NoteEnds, ServiceAction, StopTask
from emulator.domain.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Wait:
    """What a deployment waits for that somebody has to do, and how; after `until` it goes on by itself."""

    text: str
    until: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`service`, `rollout`: the records to put, None when they do not change. `events`: those new in the service,
    oldest first. `notices`: what EventBridge is told. `next_look`: when time alone will change the plan. `because`:
    what is so and what follows, in words."""

    service: Service | None
    actions: tuple[ServiceAction, ...]
    next_look: float | None
    because: str
    events: tuple[ServiceEvent, ...] = ()
    rollout: ServiceDeployment | None = None
    notices: tuple[Notice, ...] = ()
    waits: tuple[Wait, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What others know that the scheduler asks.

    `place`: where its next tasks go. `leaving`: ARNs of the instances that its tasks have to leave. `targets`: health
    of a task's targets behind load balancers, by task id; a task that is absent has none. `alarms`: by name; one that
    is absent does not exist. `rollout`: the service deployment that the PRIMARY deployment belongs to. `hosts`: the
    instances of a DAEMON service's cluster. `zones`: where its tasks can stand, and `place_in`: a spot in one of them;
    no zones when they are not to be evened out.
    """

    place: Placer = on_fargate
    leaving: frozenset[str] = frozenset()
    targets: Targets = field(default_factory=dict)
    alarms: Mapping[str, AlarmState] = field(default_factory=dict)
    rollout: ServiceDeployment | None = None
    hosts: Sequence[DaemonHost] = ()
    zones: Sequence[str] = ()
    place_in: ZonePlacer = nowhere


class Round:
    """Collects actions, events and the changed records."""

    fleet: Fleet

    def __init__(
        self, service: Service, tasks: Sequence[Task], now: float, ids: IdSource, around: Surroundings
    ) -> None:
        self.before = service
        self.service = service
        self.tasks = tasks
        self.now = now
        self.ids = ids
        self.around = around
        self.rollout = around.rollout
        self.actions: list[ServiceAction] = []
        self.events: list[ServiceEvent] = []
        self.notices: list[Notice] = []
        self.told = dict(service.told)
        self.looks: list[float] = []
        self.words: list[str] = []
        self.waits: list[Wait] = []
        self.stopping: set[str] = set()
        self.said_stopped: set[str] = set()

    # --- what is so ----------------------------------------------------------------------------------------------

    def muster(self) -> Fleet:
        """The tasks as they count for the service's deployments now."""
        self.fleet = muster(self.service, self.tasks, self.now, self.around.targets, self.around.leaving)
        return self.fleet

    @property
    def moving(self) -> bool:
        """Whether anything is to be started or stopped."""
        return any(not isinstance(action, NoteEnds) for action in self.actions)

    def replace_deployment(self, changed: Deployment) -> None:
        deployments = [changed if d.id == changed.id else d for d in self.service.deployments]
        self.service = replace(self.service, deployments=deployments)

    # --- what is decided -----------------------------------------------------------------------------------------

    def stop(self, member: Member, reason: str, because: str, *, said: bool = False) -> None:
        """`said`: an event of its own tells of it, so that say_stopped does not."""
        self.stopping.add(member.task.id)
        if said:
            self.said_stopped.add(member.task.id)
        self.told.pop(say.UNHEALTHY + member.task.id, None)
        self.actions.append(StopTask(member.task.arn, "ServiceSchedulerInitiated", reason, because))

    def note_ends(self) -> set[str]:
        """The failed launches not counted yet. Marks them, and lets go of what has STOPPED."""
        failed = {t.arn for t in self.tasks if failed_to_start(t) and not t.end_noted}
        stopped = [t.arn for t in self.tasks if t.stopped]
        noted = sorted(failed.union(stopped))
        if noted:
            words = f"{len(failed)} never reached RUNNING" if failed else "they have stopped"
            self.actions.append(NoteEnds(tuple(noted), words))
        return failed

    def scaling_reason(self) -> str:
        return f"Scaling activity initiated by (deployment {self.service.primary.id})"

    # --- what is said --------------------------------------------------------------------------------------------

    def say(self, said: Said) -> None:
        """In events[], and to EventBridge where it has a name for it."""
        at = self.now
        if said.message:
            self.events.append(ServiceEvent(self.ids.uuid(), at, said.message, said.name))
        if said.name:
            self.notices.append(Notice(self.ids.uuid(), at, said))

    def tell(self, kind: str, said: Said) -> None:
        """Says what stands, once, and again when it still stands after six hours."""
        when = self.told.get(kind)
        if when is None or self.now >= when + say.SAID_AGAIN_AFTER_S:
            self.say(said)
            self.told[kind] = self.now

    def untell(self, *kinds: str) -> None:
        """Their causes have cleared."""
        for kind in kinds:
            self.told.pop(kind, None)

    def tell_unplaced(self, unplaced: Unplaced | None, named: str) -> None:
        """That a task has no place, said anew when something else is lacking than before; None: none lacks one.
        `named`: the service, as the event calls it."""
        kind = None if unplaced is None else f"{say.UNPLACED}{unplaced.cause}"
        self.untell(*[told for told in self.told if told.startswith(say.UNPLACED) and told != kind])
        if unplaced is not None and kind is not None:
            self.tell(kind, say.placement_failed(named, unplaced.text, unplaced.reason))

    def tell_unhealthy(self, kind: str, member: Member, named: str) -> None:
        """Which health check a task fails, its containers' or a target's. `named`: the service, as its event says."""
        target = member.failing_target
        if target is None:
            self.tell(kind, say.failed_health_checks(named, member.task.id))
        else:
            group, reason = target.target_group_arn, target.reason
            self.tell(kind, say.failed_target_health_checks(named, member.task.id, target.port, group, reason))

    def say_stopped(self) -> None:
        stopped = [m for m in self.fleet.wanted if m.task.id in self.stopping - self.said_stopped]
        running = [m.task.id for m in stopped if m.verdict != "starting"]
        if len(stopped) > len(running):
            self.say(say.stopped_pending(self.service.name, len(stopped) - len(running)))
        if running:
            self.say(say.stopped_running(self.service.name, running))
        if stopped:
            self.words.append(f"stopping {len(stopped)}")

    # --- what it comes to ----------------------------------------------------------------------------------------

    def plan(self, looks: Iterable[float] = ()) -> Plan:
        because = "; ".join(self.words)
        changed = say.with_events(self.service, self.events, self.told)
        self.looks += [*looks, *(when + say.SAID_AGAIN_AFTER_S for when in self.told.values())]
        to_come = [when for when in self.looks if when > self.now]  # what was due has been decided: never look at once
        return Plan(
            service=None if changed == self.before else replace(changed, because=because),
            actions=tuple(self.actions),
            next_look=min(to_come, default=None),
            because=because,
            events=tuple(self.events),
            rollout=None if self.rollout == self.around.rollout else self.rollout,
            notices=tuple(self.notices),
            waits=tuple(self.waits),
        )
