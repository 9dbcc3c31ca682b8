"""In which order the containers of a task start and stop, and which of them are started again. Pure.

What must come first is said by dependsOn, links and volumesFrom, and by FireLens: its router runs before whoever logs
through it. Stopping goes the other way round. Source: ECS API model (ContainerDependency, ContainerRestartPolicy); the
ECS agent's container ordering for what is final, what times out, and its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from emulator.domain.tasks.task import Container, Task

Definition = Mapping[str, Any]
Condition = Literal["START", "COMPLETE", "SUCCESS", "HEALTHY"]

DEFAULT_ATTEMPT_PERIOD_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another container of the task, and what must be true of it."""

    container: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """`period_s` is how long a container must have run to be started again."""

    ignored_exit_codes: frozenset[int] = frozenset()
    period_s: float = DEFAULT_ATTEMPT_PERIOD_S


@dataclass(frozen=True, slots=True)
class Order:
    """What the definition says of it, by container."""

    dependencies: Mapping[str, Sequence[Dependency]] = field(default_factory=dict)
    start_timeouts: Mapping[str, float] = field(default_factory=dict)
    restart_policies: Mapping[str, RestartPolicy] = field(default_factory=dict)


def order_of(definitions: Sequence[Definition]) -> Order:
    """The order of a task's containers."""
    router = next((d["name"] for d in definitions if d.get("firelensConfiguration")), None)
    return Order(
        {d["name"]: _dependencies(d, router) for d in definitions},
        {d["name"]: float(d["startTimeout"]) for d in definitions if d.get("startTimeout")},
        {d["name"]: _policy(d["restartPolicy"]) for d in definitions if (d.get("restartPolicy") or {}).get("enabled")},
    )


def _dependencies(definition: Definition, router: str | None) -> tuple[Dependency, ...]:
    """The written ones first; an unwritten one adds nothing to a written one on the same container."""
    found = [Dependency(d["containerName"], d["condition"]) for d in definition.get("dependsOn") or ()]
    implied = [link.partition(":")[0] for link in definition.get("links") or ()]
    implied += [source["sourceContainer"] for source in definition.get("volumesFrom") or ()]
    if router is not None and (definition.get("logConfiguration") or {}).get("logDriver") == "awsfirelens":
        implied.append(router)
    for name in implied:
        if name != definition["name"] and all(dependency.container != name for dependency in found):
            found.append(Dependency(name, "START"))
    return tuple(found)


def _policy(policy: Definition) -> RestartPolicy:
    codes = frozenset(int(code) for code in policy.get("ignoredExitCodes") or ())
    return RestartPolicy(codes, float(policy.get("restartAttemptPeriod") or DEFAULT_ATTEMPT_PERIOD_S))


# -- starting


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a container may start. `never` says why it cannot any more; `until` when waiting gives up."""

    waits_for: tuple[Dependency, ...] = ()
    never: str = ""
    until: float | None = None


def readiness(task: Task, name: str, order: Order, now: float) -> Readiness:
    """Of a container that has not been started."""
    waiting: list[Dependency] = []
    deadlines: list[float] = []
    for dependency in order.dependencies.get(name, ()):
        target = task.container(dependency.container)
        if _met(target, dependency.condition, order):
            continue
        never = _never(target, dependency, name, order)
        if never:
            return Readiness((dependency,), never)
        waiting.append(dependency)
        due = _deadline(target, dependency.condition, order)
        if due is not None and now >= due:
            text = f"container ordering dependency [{target.name}] for target [{name}] has timed out."
            return Readiness((dependency,), f"TaskDependencyError: dependency graph: {text}")
        if due is not None:
            deadlines.append(due)
    return Readiness(tuple(waiting), until=min(deadlines, default=None))


def _met(target: Container, condition: Condition, order: Order) -> bool:
    match condition:
        case "START":
            return target.started_at is not None
        case "HEALTHY":
            return target.health_status == "HEALTHY"
        case "COMPLETE":
            return _ended(target, order) and target.exit_code is not None
        case "SUCCESS":
            return _ended(target, order) and target.exit_code == 0


def _ended(target: Container, order: Order) -> bool:
    return target.last_status == "STOPPED" and not starts_again(target, order)


def _never(target: Container, dependency: Dependency, name: str, order: Order) -> str:
    """What has ended cannot become healthy, nor its exit code another."""
    if not _ended(target, order):
        return ""
    of = f"container ordering dependency [{target.name}] for target [{name}]"
    if dependency.condition == "SUCCESS":
        text = f"failed to resolve {of} as dependency did not exit successfully."
    else:
        text = f"failed to resolve {of} as dependency has stopped."
    return f"TaskDependencyError: dependency graph: {text}"


def _deadline(target: Container, condition: Condition, order: Order) -> float | None:
    """The dependency's own startTimeout, from its start on; START has none, since it is met then."""
    timeout = order.start_timeouts.get(target.name)
    if timeout is None or target.started_at is None or condition == "START":
        return None
    return target.started_at + timeout


# -- starting again


def starts_again(container: Container, order: Order) -> bool:
    """Whether an ended container is started in place: it ran long enough, and its exit code is not one to ignore."""
    policy = order.restart_policies.get(container.name)
    if policy is None or container.last_status != "STOPPED" or container.removed or container.restarts_ended:
        return False
    if container.exit_code is None or container.exit_code in policy.ignored_exit_codes:
        return False
    if container.started_at is None or container.finished_at is None:
        return False
    return container.finished_at - container.started_at >= policy.period_s


# -- stopping


def may_stop(task: Task, order: Order) -> list[Container]:
    """Those that run and on which nobody depends who still runs."""
    alive = {c.name for c in task.containers if c.last_status == "RUNNING"}
    needed = {d.container for name in alive for d in order.dependencies.get(name, ())}
    free = [c for c in task.containers if c.name in alive and c.name not in needed]
    return free or [c for c in task.containers if c.name in alive]
