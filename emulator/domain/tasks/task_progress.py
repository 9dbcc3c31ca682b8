"""How a task climbs and descends its ladder: one look, one plan. Pure: no clock, no I/O; the time is an argument.

`advance` first takes in what the engine shows, then moves one rung or names the actions that the next rung needs.
`settled` takes in how an action ended. Both give a changed record; who writes it and who acts is not known here.
The ladder, stop codes and reasons are those of the Amazon ECS developer guide (task lifecycle, stopped task errors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from emulator.domain.records import replace
from emulator.domain.tasks.container_order import Order, may_stop, readiness, starts_again
from emulator.domain.tasks.task import Container, LastStatus, Task
from emulator.domain.tasks.task_actions import (
    FindImage,
    InitializeResources,
    KillContainer,
    LaunchContainer,
    ProvideNetwork,
    RemoveContainer,
    RemoveControlGroup,
    RemoveNetwork,
    RemoveVolumes,
    RestartContainer,
    SignalContainer,
    TaskAction,
    action_key,
)

DEFAULT_STOP_TIMEOUT_S = 30.0
UNKILLABLE_AFTER_S = 10.0
WAITS_FOR_HOST_S = 15 * 60.0  # PROVISIONING for want of a host: AWS developer guide, "Cluster auto scaling"
SPOT_NOTICE_S = 120.0  # from the notice to the end: AWS Fargate developer guide, "Fargate Spot termination notices"


@dataclass(frozen=True, slots=True)
class Observed:
    """What the engine shows of one container."""

    running: bool
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: float = 0.0
    finished_at: float = 0.0
    health: Literal["none", "starting", "healthy", "unhealthy"] = "none"
    never_started: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a task's containers, by runtime id. A runtime id that is missing from `containers` is gone.

    `trusted` is False while the engine does not answer: then nothing is concluded from what is missing.
    """

    containers: Mapping[str, Observed] = field(default_factory=dict)
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Needs:
    """What the task's definition says that decisions need, per container."""

    stop_timeouts: Mapping[str, float] = field(default_factory=dict)
    order: Order = field(default_factory=Order)
    volumes: bool = False  # whether it has volumes that go with it


@dataclass(frozen=True, slots=True)
class Plan:
    """`task` is the record as it is now to be; `next_look` the time to look again without being woken."""

    task: Task
    actions: tuple[TaskAction, ...] = ()
    next_look: float | None = None
    because: str = ""


def advance(task: Task, sight: Sight, needs: Needs, in_flight: frozenset[str], now: float) -> Plan:
    """The next step of a task. `in_flight` holds the keys of its actions that are under way."""
    if task.stopped:
        return Plan(task, because="stopped")
    task = _take_in(task, sight, in_flight, now)
    if task.desired_status == "RUNNING":
        task = _judge(task, needs.order, now)
    if task.retry_at is not None and now < task.retry_at:
        return Plan(task, next_look=task.retry_at, because=f"waiting to try again: {task.because}")
    plan = _climb(task, needs.order, now) if task.desired_status == "RUNNING" else _descend(task, needs, in_flight, now)
    waiting = tuple(action for action in plan.actions if action_key(action) not in in_flight)
    return replace(plan, actions=waiting, task=replace(plan.task, because=plan.because or plan.task.because))


# -- what the engine shows


def _take_in(task: Task, sight: Sight, in_flight: frozenset[str], now: float) -> Task:
    if not sight.trusted:
        return task
    for container in task.containers:
        if container.runtime_id is None:
            continue
        seen = sight.containers.get(container.runtime_id)
        if container.last_status == "STOPPED":
            if seen is not None and seen.running:
                task = task.with_container(restarted(container, seen.started_at or now))
            continue
        ours = container.kill_sent_at is not None or f"KillContainer {container.name}" in in_flight
        changed = _vanished(container, now) if seen is None else _compared(container, seen, ours, now)
        if changed is not container:
            task = task.with_container(changed)
    if not task.pause_removed and not task.pause_gone:
        pauses = [sight.containers.get(pause_id) for pause_id in task.pauses]
        if any(pause is None or not (pause.running or pause.never_started) for pause in pauses):
            task = replace(task, pause_gone=True)
    return task


def restarted(container: Container, at: float) -> Container:
    """An ended container that runs again; one that is known to run stays as it is."""
    if container.last_status != "STOPPED":
        return container
    return replace(
        container,
        last_status="RUNNING",
        started_at=at,
        finished_at=None,
        exit_code=None,
        reason=None,
        health_status="UNKNOWN",
        health_since=None,
        term_sent_at=None,
        kill_sent_at=None,
        restart_count=container.restart_count + 1,
    )


def _vanished(container: Container, now: float) -> Container:
    return replace(
        container,
        last_status="STOPPED",
        finished_at=now,
        removed=True,
        health_status="UNKNOWN",
        health_since=None,
        reason="ContainerVanishedError: the container was removed from the engine by someone else",
    )


def _compared(container: Container, seen: Observed, killed: bool, now: float) -> Container:
    """`killed`: SIGKILL was sent by us."""
    if seen.never_started:
        return container
    if seen.running:
        health = _health(container, seen)
        if container.last_status == "RUNNING" and health == container.health_status:
            return container
        started = container.started_at or seen.started_at or now
        since = container.health_since if health == container.health_status else now
        return replace(container, last_status="RUNNING", started_at=started, health_status=health, health_since=since)
    reason = container.reason
    # Docker says OOMKilled also when only a child was killed, and of every container in a task's control group when
    # one of them was (measured on Docker 20.10); AWS reports it when the container itself died of it.
    if seen.oom_killed and seen.exit_code == 137 and not killed:
        reason = "OutOfMemoryError: Container killed due to memory usage"
    return replace(
        container,
        last_status="STOPPED",
        exit_code=seen.exit_code,
        started_at=container.started_at or seen.started_at or None,
        finished_at=seen.finished_at or now,
        health_status="UNKNOWN",
        health_since=None,
        reason=reason,
    )


def _health(container: Container, seen: Observed) -> Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]:
    if not container.has_health_check:
        return "UNKNOWN"
    match seen.health:
        case "healthy":
            return "HEALTHY"
        case "unhealthy":
            return "UNHEALTHY"
    return "UNKNOWN"


def _judge(task: Task, order: Order, now: float) -> Task:
    """Whether what happened means that the task has to stop."""
    if task.pause_gone:
        code = "TaskFailedToStart" if task.started_at is None else "InfrastructureHealth"
        return stop(task, code, "The task's network namespace is gone: its pause container ended", now)
    ended = [c for c in task.containers if c.last_status == "STOPPED" and not starts_again(c, order)]
    if any(c.essential for c in ended) or len(ended) == len(task.containers):
        stopped = stop(task, "EssentialContainerExited", "Essential container in task exited", now)
        first = min((c.finished_at for c in ended if c.finished_at), default=now)
        return replace(stopped, execution_stopped_at=first)
    return task


def stop(task: Task, code: str, reason: str, now: float) -> Task:
    """The task is to stop, for this cause; the first cause stays."""
    if task.desired_status == "STOPPED":
        return task
    return replace(
        task,
        desired_status="STOPPED",
        stop_code=code,
        stopped_reason=reason,
        stopping_at=now,
        retry_at=None,
        attempts=0,
    )


# -- up


def _climb(task: Task, order: Order, now: float) -> Plan:
    again = [c for c in task.containers if starts_again(c, order) and not c.held(now)]
    if again:
        because = "its restart policy starts it again"
        restarts = tuple(RestartContainer(c.name, because=because) for c in again)
        return Plan(task, restarts, because=f"starting {', '.join(c.name for c in again)} again")
    match task.last_status:
        case "PROVISIONING":
            return _wait_for_host(task, now) if task.waits_for_host else _provide_network(task, now)
        case "PENDING":
            return _launch(task, order, now)
        case "ACTIVATING":
            return _to(task, "RUNNING", now, "every container has started", started_at=now)
        case _:
            return Plan(task, next_look=_released(task.containers, now), because="running as desired")


def _wait_for_host(task: Task, now: float) -> Plan:
    due = task.created_at + WAITS_FOR_HOST_S
    lacking = task.unplaced_reason or "EMPTY CAPACITY PROVIDER"
    if now < due:
        return Plan(task, next_look=due, because=f"waiting for a host of {task.capacity_provider} ({lacking})")
    reason = f"TaskFailedToStart: {lacking}"
    return Plan(stop(task, "TaskFailedToStart", reason, now), next_look=now, because=reason)


def _provide_network(task: Task, now: float) -> Plan:
    """Only tasks with an interface of their own wait for it in PROVISIONING."""
    if task.pause_id is None and task.network_mode == "awsvpc":
        because = "the task needs its network interface"
        return Plan(task, (ProvideNetwork(because=because),), because="attaching its ENI")
    return _to(task, "PENDING", now, "its network interface is attached" if task.eni else "it needs no interface")


def _launch(task: Task, order: Order, now: float) -> Plan:
    if task.network_mode != "awsvpc" and not task.network_ready:
        because = "its containers need their network and host ports"
        return Plan(task, (ProvideNetwork(because=because),), because=f"making its {task.network_mode} network")
    if not task.resources_ready:
        because = "secrets and log streams come before the first pull"
        return Plan(task, (InitializeResources(because=because),), because=because)
    if task.pull_started_at is None:
        task = replace(task, pull_started_at=now)
    without = [c for c in task.containers if c.image_id is None]
    if without:
        pulls = tuple(FindImage(c.name, because="its image is needed") for c in without if not c.held(now))
        names = ", ".join(c.name for c in without)
        return Plan(task, pulls, _released(without, now), because=f"finding the image of {names}")
    if task.pull_stopped_at is None:
        task = replace(task, pull_stopped_at=now)
    waiting = [c for c in task.containers if c.last_status == "PENDING"]
    if not waiting:
        return _to(task, "ACTIVATING", now, "every container has started")
    return _start_in_order(task, waiting, order, now)


def _start_in_order(task: Task, waiting: Sequence[Container], order: Order, now: float) -> Plan:
    """Whoever need not wait for another is started; whoever waits in vain ends the task."""
    found = {c.name: readiness(task, c.name, order, now) for c in waiting}
    for name, ready in found.items():
        if ready.never:
            task = task.with_container(replace(task.container(name), reason=ready.never))
            return Plan(
                stop(task, "TaskFailedToStart", "Task failed to start", now), next_look=now, because=ready.never
            )
    launches = tuple(
        LaunchContainer(name, because="image and network are ready")
        for name, ready in found.items()
        if not ready.waits_for and not task.container(name).held(now)
    )
    held = [
        f"{name} waits for {dependency.container} ({dependency.condition})"
        for name, ready in found.items()
        for dependency in ready.waits_for
    ]
    because = [f"starting {', '.join(launch.container for launch in launches)}"] if launches else []
    because += [f"{c.name} is slowed by {c.held_by[-1].partition(' ')[0]}" for c in waiting if c.held(now)]
    looks = [ready.until for ready in found.values() if ready.until is not None]
    if (released := _released(waiting, now)) is not None:
        looks.append(released)
    return Plan(task, launches, min(looks, default=None), because="; ".join([*because, *held]))


def _released(containers: Sequence[Container], now: float) -> float | None:
    """When the first of those that a fault slows may go on."""
    return min((c.held_until or now for c in containers if c.held(now)), default=None)


# -- down


def _descend(task: Task, needs: Needs, in_flight: frozenset[str], now: float) -> Plan:
    match task.last_status:
        case "RUNNING" | "ACTIVATING":
            return _to(task, "DEACTIVATING", now, f"it has to stop: {task.stopped_reason}")
        case "PROVISIONING" | "PENDING" | "DEACTIVATING":
            return _to(task, "STOPPING", now, f"it has to stop: {task.stopped_reason}")
        case "STOPPING":
            return _stop_containers(task, needs, in_flight, now)
        case _:
            return _clean_up(task, needs, now)


def _stop_containers(task: Task, needs: Needs, in_flight: frozenset[str], now: float) -> Plan:
    under_way = [key for key in in_flight if key.startswith(("LaunchContainer", "RestartContainer", "ProvideNetwork"))]
    if under_way:
        return Plan(task, because=f"waiting for {', '.join(sorted(under_way))} to end before stopping")
    actions: list[TaskAction] = []
    looks: list[float] = []
    for container in task.containers:
        if container.last_status == "PENDING":
            reason = container.reason or _never_pulled(task)
            task = task.with_container(replace(container, last_status="STOPPED", reason=reason))
    at_once = _killed_at(task)
    over = at_once is not None and now >= at_once
    left = [c for c in task.containers if c.last_status != "STOPPED"] if over else may_stop(task, needs.order)
    for container in left:
        timeout = needs.stop_timeouts.get(container.name, DEFAULT_STOP_TIMEOUT_S)
        _stop_one(container, timeout, at_once, now, actions, looks)
    if actions or looks:
        alive = ", ".join(c.name for c in task.containers if c.last_status != "STOPPED")
        return Plan(task, tuple(actions), min(looks, default=None), because=f"stopping {alive}")
    stopped_at = task.execution_stopped_at or now
    return _to(task, "DEPROVISIONING", now, "every container has stopped", execution_stopped_at=stopped_at)


def _never_pulled(task: Task) -> str | None:
    """The ECS agent's word for the containers of a task that somebody stopped very early."""
    if task.pull_started_at is not None or task.stop_code == "TaskFailedToStart":
        return None
    return f"TaskStoppedBeforePullBeginError: Task stopped before image pull could begin for task: {task.arn}"


def _killed_at(task: Task) -> float | None:
    """When whatever still runs of it is killed, whichever its stopTimeout and its order."""
    if task.host_gone:
        return task.stopping_at or 0.0
    return (task.stopping_at or 0.0) + SPOT_NOTICE_S if task.stop_code == "TerminationNotice" else None


def _stop_one(
    container: Container,
    timeout_s: float,
    at_once: float | None,
    now: float,
    actions: list[TaskAction],
    looks: list[float],
) -> None:
    over = at_once is not None and now >= at_once
    if container.term_sent_at is None and not over:
        actions.append(SignalContainer(container.name, because="the task is stopping"))
        return
    due = (container.term_sent_at or now) + timeout_s
    if at_once is not None:
        due = min(due, at_once)
    if now < due:
        looks.append(due)
    elif container.kill_sent_at is None or now >= container.kill_sent_at + UNKILLABLE_AFTER_S:
        because = "its time is over" if over else f"it still ran {timeout_s:g} s after its stop signal"
        actions.append(KillContainer(container.name, because=because))
    else:
        looks.append(container.kill_sent_at + UNKILLABLE_AFTER_S)


def _clean_up(task: Task, needs: Needs, now: float) -> Plan:
    left = [c for c in task.containers if c.runtime_id is not None and not c.removed]
    if left:
        removals = tuple(RemoveContainer(c.name, because="it has stopped") for c in left)
        return Plan(task, removals, because="removing its containers")
    if needs.volumes and task.resources_ready and not task.volumes_removed:
        return Plan(task, (RemoveVolumes(because="its containers are gone"),), because="removing its volumes")
    if task.cgroup_parent is not None and not task.cgroup_removed:
        because = "removing its control group"
        return Plan(task, (RemoveControlGroup(because="its containers are gone"),), because=because)
    if task.pauses and not task.pause_removed:
        because = "detaching its ENI" if task.eni else "removing its network"
        return Plan(task, (RemoveNetwork(because="no container uses it"),), because=because)
    eni = None if task.eni is None else replace(task.eni, status="DELETED")
    code = "SpotInterruption" if task.stop_code == "TerminationNotice" else task.stop_code
    return _to(task, "STOPPED", now, task.stopped_reason or "stopped", stopped_at=now, eni=eni, stop_code=code)


def _to(task: Task, status: LastStatus, now: float, because: str, **changes: object) -> Plan:
    """The next rung; `next_look` is at once, since the next rung may need nothing but a look."""
    changed = replace(task, last_status=status, version=task.version + 1, **changes)
    return Plan(changed, next_look=None if status == "STOPPED" else now, because=because)
