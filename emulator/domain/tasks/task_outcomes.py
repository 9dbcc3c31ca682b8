"""How an action on the engine ended, and what that makes of the task. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.domain.networks.host_ports import NetworkBinding
from emulator.domain.records import replace
from emulator.domain.tasks.task import Task
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
)
from emulator.domain.tasks.task_progress import restarted, stop

RETRY_DELAYS_S = (1.0, 2.0, 5.0, 10.0, 30.0)
START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Attached:
    """The network of one container in bridge or host mode. `pause_id` holds its namespace; None in host mode."""

    container: str
    pause_id: str | None = None
    private_ip: str | None = None
    bindings: tuple[NetworkBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """It worked; only the facts of its action are set."""

    runtime_id: str | None = None
    image_id: str | None = None
    image_digest: str | None = None
    private_ip: str | None = None
    mac_address: str | None = None
    network: str | None = None
    public_ip: str | None = None
    public_ports: tuple[NetworkBinding, ...] = ()
    attached: tuple[Attached, ...] = ()
    log_streams: tuple[tuple[str, str], ...] = ()
    cgroup_parent: str | None = None
    limits: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not. `reason` is AWS's text (`CannotPullContainerError: ...`); `passing` failures are tried again."""

    reason: str
    passing: bool = False
    runtime_id: str | None = None  # what was created before it failed
    fault: str = ""  # the fault on demand that let it fail, in words


@dataclass(frozen=True, slots=True)
class Held:
    """It was not begun: a fault on demand slows the container. `by`: `<fault> <action>`, had once only."""

    container: str
    until: float
    by: str
    fault: str


Outcome = Done | Failed | Held


def settled(task: Task, action: TaskAction, outcome: Outcome, now: float) -> Task:
    """The task's record after an action ended."""
    if isinstance(outcome, Failed):
        return _after_failure(task, action, outcome, now)
    if isinstance(outcome, Held):
        held_by = [*task.container(outcome.container).held_by, outcome.by]
        return _with(_told(task, outcome.fault), outcome.container, held_until=outcome.until, held_by=held_by)
    task = replace(task, attempts=0, retry_at=None)
    if outcome.warnings:
        known = task.warnings
        task = replace(task, warnings=[*known, *(text for text in outcome.warnings if text not in known)])
    return _after_success(task, action, outcome, now)


def _after_success(task: Task, action: TaskAction, done: Done, now: float) -> Task:
    match action:
        case ProvideNetwork():
            return _attached(task, done, now)
        case InitializeResources():
            streams = dict(done.log_streams)
            containers = [replace(c, log_stream=streams.get(c.name, c.log_stream)) for c in task.containers]
            return replace(
                task,
                resources_ready=True,
                containers=containers,
                cgroup_parent=done.cgroup_parent,
                limits=done.limits,
            )
        case FindImage(name):
            return _with(task, name, image_id=done.image_id, image_digest=done.image_digest)
        case LaunchContainer(name):
            # The engine started it now; the next look at the engine says how it fares.
            return _with(task, name, runtime_id=done.runtime_id, last_status="RUNNING", started_at=now)
        case RestartContainer(name):
            return task.with_container(restarted(task.container(name), now))
        case SignalContainer(name):
            return _with(task, name, term_sent_at=now)
        case KillContainer(name):
            return _with(task, name, kill_sent_at=now)
        case RemoveContainer(name):
            return _with(task, name, removed=True)
        case RemoveVolumes():
            return replace(task, volumes_removed=True)
        case RemoveControlGroup():
            return replace(task, cgroup_removed=True)
        case RemoveNetwork():
            return replace(task, pause_removed=True)


def _attached(task: Task, done: Done, now: float) -> Task:
    for each in done.attached:
        changes = {"pause_id": each.pause_id, "private_ip": each.private_ip, "network_bindings": list(each.bindings)}
        task = _with(task, each.container, **changes)
    eni = task.eni
    if eni is not None:
        eni = replace(
            eni,
            status="ATTACHED",
            private_ip=done.private_ip,
            mac_address=done.mac_address,
            private_dns_name=private_dns_name(done.private_ip, task.region) if done.private_ip else None,
            public_ip=done.public_ip,
            public_ports=list(done.public_ports),
        )
    return replace(
        task,
        pause_id=done.runtime_id,
        network_ready=True,
        eni=eni,
        connectivity_at=now,
        version=task.version + 1,
    )


def private_dns_name(address: str, region: str) -> str:
    """`ip-172-31-0-5.ec2.internal`; outside us-east-1 `<region>.compute.internal` (Amazon VPC user guide)."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def _with(task: Task, name: str, **changes: object) -> Task:
    return task.with_container(replace(task.container(name), **changes))


def _told(task: Task, fault: str) -> Task:
    return task if not fault or fault in task.faults else replace(task, faults=[*task.faults, fault])


def _after_failure(task: Task, action: TaskAction, failed: Failed, now: float) -> Task:
    task = _told(task, failed.fault)
    if failed.runtime_id is not None and isinstance(action, LaunchContainer):
        task = _with(task, action.container, runtime_id=failed.runtime_id)
    if failed.runtime_id is not None and isinstance(action, ProvideNetwork):
        task = replace(task, pause_id=failed.runtime_id)
    if isinstance(action, RestartContainer) and not failed.passing:
        # It stays as it ended; whether the task goes on without it, its being essential decides.
        return _with(task, action.container, restarts_ended=True, reason=failed.reason[:1024])
    stopping = task.desired_status == "STOPPED"
    attempts = task.attempts + 1
    if stopping and isinstance(action, SignalContainer | KillContainer):
        task = _with(task, action.container, reason=failed.reason[:1024])
    if stopping or (failed.passing and attempts < START_ATTEMPTS):
        return _try_again(task, failed, attempts, stopping, now)
    container = getattr(action, "container", None)
    if container is not None:
        task = _with(task, container, reason=failed.reason[:1024])
    return stop(task, "TaskFailedToStart", failed.reason, now)


def _try_again(task: Task, failed: Failed, attempts: int, stopping: bool, now: float) -> Task:
    """A stopping task is never given up: what cannot be cleaned up now is cleaned up later."""
    if stopping and not failed.passing and attempts == 1:
        return replace(task, attempts=attempts, because=failed.reason)
    delay = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1]
    return replace(task, attempts=attempts, retry_at=now + delay, because=failed.reason)
