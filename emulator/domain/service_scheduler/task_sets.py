"""Task sets: how many tasks each has, of a service whose deployments somebody else controls. Pure.

An EXTERNAL or CODE_DEPLOY service has no rolling deployment, no percentages and no circuit breaker: every task set is
kept at its share of the desired count, whoever shifts that share does so by scaling them. It does not know who that is.
Source: ECS API model (TaskSet); event prefixes and wordings are unconfirmed.
"""

from __future__ import annotations

import math
from dataclasses import replace

from emulator.domain.service_scheduler import service_events as say
from emulator.domain.service_scheduler.judging import judge
from emulator.domain.service_scheduler.reconciliation import Plan, Round
from emulator.domain.service_scheduler.rolling import providers
from emulator.domain.service_scheduler.service import Deployment, Service, TaskSet
from emulator.domain.service_scheduler.service_placement import Unplaced
from emulator.domain.service_scheduler.service_tasks import LIVE, PENDING, Member, in_order_of_stopping, of
from emulator.domain.tasks.actions import StartTasks


def computed_desired(service: Service, deployment: Deployment) -> int:
    """computedDesiredCount: its share of the service's desired count, rounded up; none of one that is DRAINING."""
    if deployment.task_set is None or deployment.status == "DRAINING":
        return 0
    return math.ceil(round(service.desired_count * deployment.task_set.scale / 100, 6))


def scaling_reason(task_set_id: str) -> str:
    return f"Scaling activity initiated by (task set {task_set_id})"


def promoted(service: Service, chosen: Deployment, now: float) -> Service:
    """The service with another PRIMARY task set, whose settings become the service's."""
    deployments = [
        replace(d, status="PRIMARY" if d.id == chosen.id else "ACTIVE", updated_at=now)
        if d.id == chosen.id or d.status == "PRIMARY"
        else d
        for d in service.deployments
    ]
    spec = chosen.spec
    return replace(
        service,
        deployments=deployments,
        task_definition=chosen.task_definition,
        launch_type=spec.get("launchType"),
        capacity_provider_strategy=spec.get("capacityProviderStrategy") or [],
        network_configuration=spec.get("networkConfiguration"),
        platform_version=spec.get("platformVersion"),
    )


def keep(round_: Round) -> Plan:
    """One look at an ACTIVE service with task sets."""
    judge(round_)
    fleet = round_.muster()
    round_.looks += [m.changes_at for m in fleet.wanted if m.changes_at is not None]
    lacking: list[tuple[Deployment, Unplaced]] = []
    for deployment in round_.service.deployments:
        members = [m for m in fleet.wanted if m.task.deployment_id == deployment.id]
        _say_unhealthy(round_, deployment, members)
        unplaced = _move(round_, deployment, members)
        if unplaced is not None:
            lacking.append((deployment, unplaced))
    first, lack = lacking[0] if lacking else (None, None)
    round_.tell_unplaced(lack, _named(round_, first) if first else "")
    known = {d.id for d in round_.service.deployments}
    strays = [m for m in fleet.wanted if m.task.deployment_id not in known]
    for member in strays:
        round_.stop(member, scaling_reason(member.task.deployment_id or ""), "its task set is gone")
    _forget_drained(round_)
    _settle(round_)
    return round_.plan()


def _named(round_: Round, deployment: Deployment) -> str:
    return f"{round_.service.name}, taskSet {deployment.id}"


def _say_unhealthy(round_: Round, deployment: Deployment, members: list[Member]) -> None:
    unhealthy = {say.UNHEALTHY + m.task.id: m for m in of(members, "unhealthy")}
    healed = {say.UNHEALTHY + m.task.id for m in members} - unhealthy.keys()
    round_.untell(*healed)
    for kind, member in unhealthy.items():
        round_.tell_unhealthy(kind, member, _named(round_, deployment))


def _move(round_: Round, deployment: Deployment, members: list[Member]) -> Unplaced | None:
    """Stops what is too much or bad, starts what is missing. Why a task found no place."""
    desired = computed_desired(round_.service, deployment)
    bad = [m for m in members if m.verdict == "unhealthy" or m.task.container_instance_arn in round_.around.leaving]
    good = [m for m in members if m not in bad]
    running = len(of(members, "waiting", "healthy", "unhealthy"))
    round_.words.append(f"task set {deployment.id}: {running} of {desired} running")
    stopping = _too_many(round_, deployment, good, desired) + _replaced(deployment, good, bad, desired)
    for member, reason, because in stopping:
        round_.stop(member, reason, because)
    _say_stopped(round_, deployment, [member for member, _, _ in stopping])
    return _start(round_, deployment, good, desired - len(good), len(bad))


def _too_many(round_: Round, deployment: Deployment, good: list[Member], desired: int) -> list[tuple[Member, str, str]]:
    draining = deployment.status == "DRAINING"
    cause = "its task set is being deleted" if draining else f"{len(good)} are there, {desired} are desired"
    order = in_order_of_stopping([m for m in good if draining or not m.protected])
    protected = sum(m.protected for m in good)
    if not draining and protected > desired:
        round_.tell(say.PROTECTED + deployment.id, say.scale_in_blocked(round_.service.name, deployment.id))
    else:
        round_.untell(say.PROTECTED + deployment.id)
    return [(m, scaling_reason(deployment.id), cause) for m in order[: max(0, len(good) - desired)]]


def _replaced(
    deployment: Deployment, good: list[Member], bad: list[Member], desired: int
) -> list[tuple[Member, str, str]]:
    """Replacement first: what is bad goes when a healthy one stands in for it."""
    count = len(bad) if deployment.status == "DRAINING" else len(of(good, "healthy")) + len(bad) - desired
    order = in_order_of_stopping(bad)[: max(0, count)]
    return [
        (m, m.why_unhealthy, "its health checks fail")
        if m.verdict == "unhealthy"
        else (m, scaling_reason(deployment.id), "its container instance is draining")
        for m in order
    ]


def _say_stopped(round_: Round, deployment: Deployment, stopped: list[Member]) -> None:
    running = [m.task.id for m in stopped if m.verdict != "starting"]
    if len(stopped) > len(running):
        round_.say(say.stopped_pending(_named(round_, deployment), len(stopped) - len(running)))
    if running:
        round_.say(say.stopped_running(_named(round_, deployment), running))


def _start(round_: Round, deployment: Deployment, good: list[Member], need: int, bad: int) -> Unplaced | None:
    if need <= 0:
        return None
    if deployment.next_start_at is not None and round_.now < deployment.next_start_at:
        round_.looks.append(deployment.next_start_at)
        seconds = deployment.next_start_at - round_.now
        round_.words.append(f"{deployment.start_failures} launches in a row failed; the next is in {seconds:.0f} s")
        return None
    spots = round_.around.place(deployment, providers(good, deployment, need))
    if spots.unplaced is not None:
        round_.words.append(spots.unplaced.text.removeprefix("Reason: ").rstrip("."))
    if spots.found:
        task_ids = tuple(round_.ids.hex(32) for _ in spots.found)
        because = f"{len(good)} of {len(good) + need} are there and well"
        round_.actions.append(StartTasks(deployment.id, task_ids, spots.found, because))
        round_.say(say.started(_named(round_, deployment), task_ids, min(bad, len(task_ids))))
        round_.words.append(f"starting {len(task_ids)}")
    return spots.unplaced


def _forget_drained(round_: Round) -> None:
    """A deleted task set is there until its last task is past RUNNING."""
    alive = {t.deployment_id for t in round_.tasks if t.last_status in LIVE}
    kept = [d for d in round_.service.deployments if d.status != "DRAINING" or d.id in alive]
    round_.service = replace(round_.service, deployments=kept)


def _settle(round_: Round) -> None:
    """stabilityStatus of each, and whether the service is steady: every task set is, and one of them is PRIMARY."""
    deployments = [_with_stability(round_, d, d.task_set) if d.task_set else d for d in round_.service.deployments]
    round_.service = replace(round_.service, deployments=deployments)
    stable = all(d.task_set is not None and d.task_set.stability == "STEADY_STATE" for d in deployments)
    if stable and not round_.moving and any(d.status == "PRIMARY" for d in deployments):
        round_.tell(say.STEADY, say.steady_state(round_.service.name))
        round_.words.append("steady")
    else:
        round_.untell(say.STEADY)


def _with_stability(round_: Round, deployment: Deployment, task_set: TaskSet) -> Deployment:
    """STEADY_STATE: as many run as it shall have, none is pending or on a draining instance, all are healthy."""
    own = [t for t in round_.tasks if t.deployment_id == deployment.id]
    desired = computed_desired(round_.service, deployment)
    healthy = of([m for m in round_.fleet.wanted if m.task.deployment_id == deployment.id], "healthy")
    starting = any(isinstance(a, StartTasks) and a.deployment_id == deployment.id for a in round_.actions)
    steady = (
        deployment.status != "DRAINING"
        and not starting
        and sum(t.last_status == "RUNNING" for t in own) == desired == len(healthy)
        and not any(t.last_status in PENDING for t in own)
        and not any(t.container_instance_arn in round_.around.leaving for t in own if t.last_status in LIVE)
        and not any(m.task.id in round_.stopping for m in healthy)
    )
    stability = "STEADY_STATE" if steady else "STABILIZING"
    if stability == task_set.stability:
        return deployment
    if steady:
        round_.say(say.task_set_steady())
    changed = replace(task_set, stability="STEADY_STATE" if steady else "STABILIZING", stability_at=round_.now)
    return replace(deployment, task_set=changed)
