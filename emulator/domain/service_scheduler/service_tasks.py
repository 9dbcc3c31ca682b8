"""How a service's tasks count: which stand for its desired count, which are healthy, which are on their way out.

It classifies and counts; what follows from that is rolling.py's. Who asks targets behind a load balancer for their
health is not its business: that comes in as `Targets`. Source: AWS developer guide "Amazon ECS services"
(minimumHealthyPercent, health checks).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from emulator.domain.service_scheduler.service import Service
from emulator.domain.tasks.task import Task

COUNTED_HEALTHY_AFTER_S: Final = 40.0
"""How long after RUNNING a task without health check is counted as healthy."""

PENDING: Final = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})
LIVE: Final = PENDING | {"RUNNING"}
"""What maximumPercent limits, whether or not the task is already asked to stop."""

_VOICE: Final = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}

Verdict = Literal["starting", "waiting", "healthy", "unhealthy"]


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """A task's target in a target group, in ELB's words: initial, healthy, unhealthy, draining, unused, unavailable.
    `reason` is ELB's description of it, e.g. "Health checks failed"."""

    target_group_arn: str
    port: int
    state: str
    reason: str = ""


Targets = Mapping[str, Sequence[TargetHealth]]
"""By task id. A task that is absent has no targets, so that its containers alone decide."""

NO_TARGETS: Final[Targets] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Member:
    """A task that is wanted RUNNING. `changes_at`: when its verdict or protection changes by time alone.
    `failing_target`: the target that makes it unhealthy, when its containers do not."""

    task: Task
    verdict: Verdict
    protected: bool
    changes_at: float | None
    failing_target: TargetHealth | None = None

    @property
    def why_unhealthy(self) -> str:
        """stoppedReason when it is replaced for that."""
        if self.failing_target is None:
            return "Task failed container health checks"
        return f"Task failed ELB health checks in (target-group {self.failing_target.target_group_arn})"


@dataclass(frozen=True, slots=True)
class Fleet:
    """`primary` and `old` are wanted tasks: of the PRIMARY deployment; and of all others, or on instances that are
    being drained. `live` counts all that are not yet past RUNNING, `leaving` those that are asked to stop."""

    primary: tuple[Member, ...]
    old: tuple[Member, ...]
    live: int
    leaving: int

    @property
    def wanted(self) -> tuple[Member, ...]:
        return self.primary + self.old


def muster(
    service: Service,
    tasks: Iterable[Task],
    now: float,
    targets: Targets = NO_TARGETS,
    drained: Collection[str] = (),
) -> Fleet:
    """Sort a service's tasks. Those of deployments that are gone, and on instances in `drained`, count as old ones."""
    primary_id = next((d.id for d in service.deployments if d.status == "PRIMARY"), None)
    primary: list[Member] = []
    old: list[Member] = []
    live = leaving = 0
    for task in tasks:
        wanted = task.desired_status == "RUNNING" and not task.stopped
        if task.last_status in LIVE:
            live += 1
            leaving += not wanted
        if wanted:
            stays = task.deployment_id == primary_id and task.container_instance_arn not in drained
            (primary if stays else old).append(_member(service, task, now, targets.get(task.id, ())))
    return Fleet(tuple(primary), tuple(old), live, leaving)


def of(members: Iterable[Member], *verdicts: Verdict) -> list[Member]:
    return [member for member in members if member.verdict in verdicts]


def running_and_pending(tasks: Iterable[Task]) -> tuple[int, int]:
    """runningCount and pendingCount of DescribeServices: by lastStatus alone."""
    running = pending = 0
    for task in tasks:
        running += task.last_status == "RUNNING"
        pending += task.last_status in PENDING
    return running, pending


def has_run(task: Task) -> bool:
    return task.started_at is not None


def runs_well(task: Task, targets: Targets = NO_TARGETS) -> bool:
    """Whether it is RUNNING and no health check speaks against it: what ends a series of failures."""
    checks = _checks(task, targets.get(task.id, ()))
    return task.last_status == "RUNNING" and all(status == "HEALTHY" for status in checks)


_BY_OTHERS: Final = (
    "ServiceSchedulerInitiated", "UserInitiated", "InfrastructureHealth", "TerminationNotice", "SpotInterruption",
)  # fmt: skip


def failed_to_start(task: Task) -> bool:
    """Whether it ended before RUNNING, and by itself: nobody asked for it."""
    by_itself = task.stop_code not in _BY_OTHERS
    return task.desired_status == "STOPPED" and not has_run(task) and by_itself


def in_order_of_stopping(members: Sequence[Member]) -> list[Member]:
    """Who goes first when fewer are wanted: those that do the least; then zones stay even, then instances; then the
    youngest."""
    rank = {"unhealthy": 0, "starting": 1, "waiting": 2, "healthy": 3}
    left = sorted(members, key=lambda m: (-m.task.created_at, m.task.id))
    zones = Counter(m.task.availability_zone for m in left)
    hosts = Counter(m.task.container_instance_arn for m in left)

    def order(member: Member) -> tuple[int, int, int]:
        task = member.task
        return rank[member.verdict], -zones[task.availability_zone], -hosts[task.container_instance_arn]

    ordered = []
    while left:
        first = min(left, key=order)
        left.remove(first)
        zones[first.task.availability_zone] -= 1
        hosts[first.task.container_instance_arn] -= 1
        ordered.append(first)
    return ordered


def _member(service: Service, task: Task, now: float, targets: Sequence[TargetHealth]) -> Member:
    expires = task.protection_expires_at
    protected = task.protection_enabled and (expires is None or now < expires)
    checks = _checks(task, targets)
    verdict, changes_at = _verdict(task, checks, service.health_check_grace_period_s, now)
    if protected and expires is not None:
        changes_at = expires if changes_at is None else min(changes_at, expires)
    failing = None
    if verdict == "unhealthy" and "UNHEALTHY" not in _checks(task, ()):
        failing = next(target for target in targets if target.state == "unhealthy")
    return Member(task, verdict, protected, changes_at, failing)


def _verdict(task: Task, checks: Sequence[str], grace_s: float, now: float) -> tuple[Verdict, float | None]:
    if task.last_status != "RUNNING":
        return "starting", None
    started = task.started_at if task.started_at is not None else task.created_at
    if not checks:
        counts_at = started + COUNTED_HEALTHY_AFTER_S
        return ("healthy", None) if now >= counts_at else ("waiting", counts_at)
    if "UNHEALTHY" in checks:
        return ("unhealthy", None) if now >= started + grace_s else ("waiting", started + grace_s)
    return ("healthy", None) if all(status == "HEALTHY" for status in checks) else ("waiting", None)


def _checks(task: Task, targets: Sequence[TargetHealth]) -> list[str]:
    """Every voice on its health: essential containers with a health check, and targets."""
    containers = [c.health_status for c in task.containers if c.essential and c.has_health_check]
    return [*containers, *(_VOICE.get(target.state, "UNKNOWN") for target in targets)]
