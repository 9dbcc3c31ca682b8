"""What keeps a service from being what is wanted: image, secret, health, port, capacity, breaker, back-off, and so on.

For `homeport explain`: it reads what the scheduler decided and what became of its tasks, and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_tasks import LIVE, muster
from emulator.domain.tasks.task import Task

Kind = Literal[
    "image", "secret", "port", "memory", "network", "start", "exit", "engine", "resources", "health", "capacity",
    "breaker", "alarm", "deployment", "back-off", "percentages", "protection",
    "hook",
]  # fmt: skip

_SIGNS: Final[tuple[tuple[str, Kind], ...]] = (
    ("no container engine answers", "engine"),
    ("already allocated", "port"),
    ("address already in use", "port"),
    ("using a port", "port"),
    ("OutOfMemory", "memory"),
    ("CannotPull", "image"),
    ("unable to pull secrets", "secret"),
    ("network interface", "network"),
    ("every address of", "network"),
    ("no range for the VPC", "network"),
    ("ResourceInitializationError", "resources"),
    ("CannotStartContainer", "start"),
    ("CannotCreateContainer", "start"),
)
"""What a reason contains, and what that means; the first that fits."""
_WISHED: Final = frozenset({"ServiceSchedulerInitiated", "UserInitiated"})
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Block:
    """One thing in the way. `until`: when time alone ends it (epoch seconds); `tasks`: ids of those that show it."""

    kind: Kind
    text: str
    until: float | None = None
    tasks: tuple[str, ...] = ()


def blocks(service: Service, tasks: Sequence[Task], now: float) -> list[Block]:
    """What is in the way now, of an ACTIVE service. `service`: as its next look would leave it; `tasks`: all of it that
    are still known, stopped ones too."""
    if service.status != "ACTIVE":
        return []
    found = [*_standing(service), *_failed(service.deployments), *_backing_off(service.deployments, now)]
    found += _unhealthy(service, tasks, now)
    if say.STEADY not in service.told:
        # What happened before a service became steady is history.
        found += _ends(service, tasks)
    return found


def _standing(service: Service) -> Iterator[Block]:
    """What its events said and still holds."""
    if any(kind.startswith(say.UNPLACED) for kind in service.told):
        text = _newest(service, "unable to place a task")
        yield Block("port" if "using a port" in text else "capacity", text)
    if say.BLOCKED in service.told:
        yield Block("percentages", _newest(service, "minimumHealthyPercent"))
    if any(kind.startswith(say.PROTECTED) for kind in service.told):
        yield Block("protection", _newest(service, "protected tasks"))


def _newest(service: Service, part: str) -> str:
    return next((event.message for event in service.events if part in event.message), "")


def _failed(deployments: Iterable[Deployment]) -> Iterator[Block]:
    for deployment in deployments:
        reason = deployment.rollout_state_reason
        if deployment.rollout_state == "FAILED" or "rolling back" in reason:
            kind: Kind = "breaker" if "circuit breaker" in reason else "alarm" if "alarm" in reason else "deployment"
            yield Block(kind, f"{deployment.id} ({deployment.rollout_state}): {reason}")


def _backing_off(deployments: Iterable[Deployment], now: float) -> Iterator[Block]:
    for deployment in deployments:
        if deployment.next_start_at is not None and deployment.next_start_at > now:
            yield Block(
                "back-off",
                f"{deployment.id}: {deployment.start_failures} launches in a row never reached RUNNING; the next is in "
                f"{deployment.next_start_at - now:.0f} s",
                until=deployment.next_start_at,
            )


def _unhealthy(service: Service, tasks: Sequence[Task], now: float) -> Iterator[Block]:
    """Tasks that run and fail their health checks, and those lately stopped for it."""
    ill = [m.task.id for m in muster(service, tasks, now).wanted if m.verdict == "unhealthy"]
    if ill:
        yield Block("health", f"{len(ill)} tasks fail their health checks", tasks=tuple(ill))
        return
    current = {d.id for d in service.deployments if d.status == "PRIMARY" or d.task_set is not None}
    replaced = [t for t in tasks if t.deployment_id in current and "health checks" in (t.stopped_reason or "")]
    settled = all(d.rollout_state == "COMPLETED" for d in service.deployments if d.id in current)
    if replaced and not settled:
        newest = max(replaced, key=_when)
        text = f"{len(replaced)} tasks were stopped: {newest.stopped_reason}"
        yield Block("health", text, tasks=tuple(t.id for t in sorted(replaced, key=_when, reverse=True)[:_SHOWN]))


def _ends(service: Service, tasks: Sequence[Task]) -> Iterator[Block]:
    """How tasks of the current deployments ended by themselves: the newest of each kind. What kept one from starting is
    out of the way when one that was made later has started."""
    current = {d.id for d in service.deployments}
    begun = max((t.created_at for t in tasks if t.deployment_id in current and t.started_at), default=0.0)
    ended = [t for t in tasks if t.deployment_id in current and t.last_status not in LIVE and t.stop_code]
    by_kind: dict[Kind, list[Task]] = {}
    for task in sorted(ended, key=_when, reverse=True):
        overcome = task.stop_code == "TaskFailedToStart" and task.created_at < begun
        if task.stop_code not in _WISHED and not overcome:
            by_kind.setdefault(_kind(task), []).append(task)
    for kind, of_kind in by_kind.items():
        others = f" (the newest of {len(of_kind)} that ended so)" if len(of_kind) > 1 else ""
        text = f"{_why(of_kind[0]).rstrip('.')}{others}"
        yield Block(kind, text, tasks=tuple(task.id for task in of_kind[:_SHOWN]))


def _why(task: Task) -> str:
    """The reason that tells most: a container's own says more than that an essential one exited."""
    reasons = [c.reason for c in task.containers if c.reason]
    told = task.stopped_reason or ""
    if task.stop_code == "EssentialContainerExited":
        codes = [f"{c.name} with {c.exit_code}" for c in task.containers if c.essential and c.exit_code is not None]
        told = "; ".join([*reasons, f"{told} ({', '.join(codes)})" if codes else told])
    return f"task {task.id} ended: {told}"


def _kind(task: Task) -> Kind:
    text = " ".join([task.stopped_reason or "", *(c.reason or "" for c in task.containers)])
    found = next((kind for sign, kind in _SIGNS if sign in text), None)
    return found or ("exit" if task.stop_code == "EssentialContainerExited" else "resources")


def _when(task: Task) -> float:
    return task.stopping_at or task.created_at
